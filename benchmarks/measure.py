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


@dataclass(frozen=True)
class Used:
    """What one finished process and the children it waited for used, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Figure:
    """One line of the output. `ours` and `peer` are medians, `spread` is (max − min) / median of ours."""

    name: str
    ours: float
    peer: float | None
    ratio: float | None
    goal: float
    met: bool
    n: int
    spread: float

    def to_json(self) -> dict[str, object]:
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def run(command: Command, cwd: Path | None = None, env: Mapping[str, str] | None = None, expect: int = 0) -> Used:
    """Run a command to its end; anything but the expected exit code stops the benchmark and shows what it said."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, **(env or {})),
    )  # fmt: skip
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != expect:
        raise SystemExit(f"{' '.join(map(str, command))} gave {process.returncode}:\n{said.decode(errors='replace')}")
    return Used(usage.ru_utime + usage.ru_stime, wall)


def compare(
    name: str,
    ours: Callable[[], Used],
    peer: Callable[[], Used] | None,
    goal: float,
    *,
    n: int = 7,
    by: str = "cpu",
    warmup: bool = True,
    allowance: float = 0.0,
) -> Figure:
    """Run both in turn `n` times after a warm-up; the ratio is of medians, `allowance` seconds are granted to ours.

    Without a peer, `goal` is in seconds.
    """
    if warmup:
        ours()
        if peer:
            peer()
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(n):
        mine.append(getattr(ours(), by))
        if peer:
            theirs.append(getattr(peer(), by))
    median = statistics.median(mine)
    spread = (max(mine) - min(mine)) / median
    if not peer:
        return Figure(name, median, None, None, goal, median <= goal, n, spread)
    base = statistics.median(theirs)
    return Figure(name, median, base, median / base, goal, median - allowance <= goal * base, n, spread)
