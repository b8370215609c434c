"""Processes of a training as a test sees them: who they are, and what becomes of a stage in a process of its own that is killed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.runtime.test_deep_stage import config

DDP: dict[str, Any] = {"name": "ddp", "nodes": 1, "gpus_per_node": 0, "processes": 2}
FSDP: dict[str, Any] = {**DDP, "name": "fsdp"}
SURE: dict[str, Any] = {"name": "keep", "best": 1, "last": 2, "every": 0.0}
"""A state after every batch, so that a stop anywhere has one before it."""
_PATIENCE = 300.0


def workers_of(parent: int) -> list[int]:
    """The processes that train for a stage which runs as process `parent`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z" and b"deep.spread.worker" in command:
            found.append(int(folder.name))
    return sorted(found)


def are_gone(processes: list[int]) -> bool:
    """Whether none of these is left."""
    return not any(Path(f"/proc/{pid}").exists() for pid in processes)


def listening(pid: int) -> set[str]:
    """The addresses at which a process listens, as the kernel writes them; none of one that is gone."""
    found = set()
    with suppress(FileNotFoundError):
        own = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                    found.add(fields[1].partition(":")[0])
    return found


def until(true: Callable[[], Any]) -> Any:
    """What is true at last; a failure where it never is."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.002)
    raise AssertionError("it never came")


def reached(folder: Path, epoch: int, batch: int) -> Callable[[], bool]:
    """Whether a state was saved as late as that."""
    last = f"state-{epoch:08d}-{batch:08d}.json"
    return lambda: any(path.name >= last for path in folder.rglob("state-*.json"))


class Killer(threading.Thread):
    """Kills one process of the training of this process at each of some places of it."""

    def __init__(self, folder: Path, places: list[tuple[int, int]]) -> None:
        super().__init__(daemon=True)
        self._folder, self._places, self.killed = folder, places, list[int]()

    def run(self) -> None:
        for number, (epoch, batch) in enumerate(self._places):
            until(reached(self._folder, epoch, batch))
            alive = until(lambda: [pid for pid in workers_of(os.getpid()) if pid not in self.killed])
            pid = alive[number % len(alive)]
            os.kill(pid, signal.SIGKILL)
            self.killed.append(pid)


class Limiter(threading.Thread):
    """Lets the processes of the training that this one starts next have no more private memory than that."""

    def __init__(self, most: int) -> None:
        super().__init__(daemon=True)
        self._most = most

    def run(self) -> None:
        def both() -> list[int]:
            found = workers_of(os.getpid())
            return found if len(found) == DDP["processes"] else []

        for pid in until(both):
            resource.prlimit(pid, resource.RLIMIT_DATA, (self._most, self._most))


def in_another_process(tmp_path: Path, inputs: dict[str, Path], **changes: Any) -> subprocess.Popen[bytes]:
    """The stage, begun in a process of its own."""
    code = """
import json, sys
from pathlib import Path
from mlspec.runtime.deep import stage
from tests.support.stages import run_stage_function
said = json.loads(sys.argv[1])
run_stage_function(stage.run, Path(said["folder"]), "train", said["config"], {name: Path(path) for name, path in said["inputs"].items()}, block="net")
"""
    import json

    said = {
        "folder": str(tmp_path),
        "config": config(**changes),
        "inputs": {name: str(path) for name, path in inputs.items()},
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(said)], stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    )
