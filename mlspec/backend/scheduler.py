"""Running stages under a scheduler that is not ours: one run at a time, a numbered folder a run, its words in a log."""

from __future__ import annotations

import fcntl
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlspec.backend.running import RunRequest
from mlspec.graph import Graph

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def wanted(request: RunRequest) -> Graph:
    """The stages that a request asks for with what they need, without schedules: a run by hand has no times."""
    names = request.graph.needed_for(request.only) if request.only else list(request.graph.stages)
    return request.graph.of_these([request.graph[name] for name in names])


@contextmanager
def alone(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Whether the lock file is ours, with `wait` once it is; the kernel gives it back when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def next_folder(runs: Path) -> Path:
    """A new folder for a run, by number and not by a clock that may go back."""
    runs.mkdir(parents=True, exist_ok=True)
    newest = max((int(path.name) for path in runs.iterdir() if path.name.isdigit()), default=0)
    folder = runs / f"{newest + 1:06d}"
    folder.mkdir()
    return folder


def run_logged(
    command: Sequence[str], log: Path, hear: Callable[[str], None], *, cwd: Path | None = None,
    environment: Mapping[str, str], tied: bool = False,
) -> int:  # fmt: skip
    """Run a command to its end: every line, without colours, goes to `log` and to `hear`. The exit status.

    `tied` gives it a pipe as standard input, which closes when we end, and a session of its own; else it reads nothing.
    """
    with subprocess.Popen(
        command, cwd=cwd, env=dict(environment), stdin=subprocess.PIPE if tied else subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=tied,
    ) as process, log.open("w", encoding="utf-8") as file:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            plain = _COLOUR.sub("", line)
            file.write(plain)
            hear(plain)
        return process.wait()
