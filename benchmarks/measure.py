"""Timing whole processes by the kernel's own accounting, ours and the peer's in turn, so that a noisy machine hits both."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Command = Sequence[str | Path]
# An installed Python keeps its bytecode, and every command of ours its cache: settings against that would measure something else.
NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "MLSPEC_NO_CACHE")


@dataclass(frozen=True)
class Used:
    """What one finished process and the children it waited for used, in seconds, and what it said."""

    cpu: float
    wall: float
    said: str = ""


@dataclass(frozen=True)
class Figure:
    """One line of the output. `ours` and `peer` are medians, of AUCs means; `spread` is (max − min) / median of ours."""

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    goal: float
    met: bool
    n: int
    spread: float
    unit: str = " s"

    def to_json(self) -> dict[str, object]:
        """The line's object."""
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


class Unexpected(SystemExit):
    """A command of a benchmark ended otherwise than it must; its text is what it said."""


def run(command: Command, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Used:
    """Run a command to its end; Unexpected when it fails."""
    passed_on = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**passed_on, **(env or {})},
    )  # fmt: skip
    assert process.stdout is not None
    said = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Unexpected(f"{' '.join(map(str, command))} gave {process.returncode}:\n{said}")
    return Used(usage.ru_utime + usage.ru_stime, wall, said)


def alternate(ours: Callable[[], Used], peer: Callable[[], Used], n: int, *, warmup: bool) -> list[tuple[Used, Used]]:
    """Both in turn `n` times, after a warm-up of each that is not counted."""
    if warmup:
        ours()
        peer()
    return [(ours(), peer()) for _ in range(n)]


def figure(name: str, ours: Sequence[float], peer: Sequence[float], goal: float, *, allowance: float = 0.0) -> Figure:
    """The ratio of medians against a goal; `allowance` seconds are granted to ours. Without a peer the goal is in seconds."""
    median = statistics.median(ours)
    spread = (max(ours) - min(ours)) / median
    if not peer:
        return Figure(name, median, None, None, goal, median <= goal, len(ours), spread)
    base = statistics.median(peer)
    return Figure(name, median, base, median / base, goal, median - allowance <= goal * base, len(ours), spread)


def compare_cpu(name: str, ours: Callable[[], Used], peer: Callable[[], Used], goal: float, n: int) -> Figure:
    """CPU seconds of both."""
    pairs = alternate(ours, peer, n, warmup=True)
    return figure(name, [one.cpu for one, _ in pairs], [other.cpu for _, other in pairs], goal)
