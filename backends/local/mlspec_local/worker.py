"""A worker: the forked process that runs one stage, reports over the channel and leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.graph.model import Graph
from mlspec.runtime.devices import require_devices
from mlspec.runtime.errors import StageError
from mlspec.runtime.processes import limit_memory
from mlspec.runtime.stage import Around, run_in_store
from mlspec.runtime.store import Store
from mlspec_local.events import BOARD

_PROGRESS_EVERY = 0.1


@dataclass(frozen=True)
class Work:
    """What all workers of a run share, handed over by the fork."""

    graph: Graph
    project_root: Path
    keys: Mapping[str, str]
    versions: Mapping[str, Mapping[str, str]]
    stages: tuple[str, ...]
    workers: int
    log_folder: Path


def send(channel: socket.socket, message: Mapping[str, Any], flags: int = 0) -> None:
    """One message, whole or not at all."""
    channel.send(json.dumps(message).encode(), flags)


def work_and_exit(channel: socket.socket, work: Work, stage: str, environment: Mapping[str, Any]) -> None:
    """The worker: run the stage, report, and leave without running anybody's exit handlers."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _redirect_output(work.log_folder / f"{stage}.log")
        limit_memory(work.graph[stage].resources.memory)
        send(channel, _report(channel, work, stage, environment))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):  # a full disk must not keep the worker from leaving
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _report(channel: socket.socket, work: Work, stage: str, environment: Mapping[str, Any]) -> dict[str, Any]:
    store = Store(work.project_root)
    resources = work.graph[stage].resources
    around = Around(
        work.project_root,
        store.resume / stage,
        work.workers,
        max(1, resources.cpu),
        _Progress(channel, stage).tell,
        work.log_folder.parent / BOARD / stage,
    )
    started = time.perf_counter()
    try:
        require_devices(work.graph[stage])
        manifest = run_in_store(work.graph, stage, store, work.keys, work.versions[stage], environment, around)
    except StageError as error:
        traceback.print_exc()
        return {"failed": stage, "error": _short(error.to_json()), "seconds": time.perf_counter() - started}
    except Exception as error:
        traceback.print_exc()
        bug = _bug(stage, error, work.log_folder)
        return {"failed": stage, "error": _short(bug), "seconds": time.perf_counter() - started}
    return {"done": stage, "seconds": manifest.seconds}


def _bug(stage: str, error: Exception, log_folder: Path) -> dict[str, Any]:
    return {
        "code": "internal", "message": f"a bug in mlspec: stage `{stage}` raised {type(error).__name__}: {error}",
        "where": "", "expected": "", "found": "", "examples": [],
        "help": f"report it with the log `{log_folder / stage}.log`",
    }  # fmt: skip


def _short(error: dict[str, Any]) -> dict[str, Any]:
    """The error with its texts cut to what one message can carry."""
    texts = {name: value[:4000] if isinstance(value, str) else value for name, value in error.items()}
    return {**texts, "examples": [str(example)[:1000] for example in error["examples"][:20]]}


def _redirect_output(path: Path) -> None:
    """Send what libraries print to the stage's log: the terminal belongs to the runner."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


class _Progress:
    """Sends at most ten messages a second, and none when the runner does not keep up."""

    def __init__(self, channel: socket.socket, stage: str) -> None:
        self._channel = channel
        self._stage = stage
        self._last = 0.0

    def tell(self, done: float, total: float | None, note: str) -> None:
        now = time.monotonic()
        if now - self._last < _PROGRESS_EVERY and done != total:
            return
        self._last = now
        with suppress(BlockingIOError):
            send(
                self._channel, {"progress": self._stage, "done": done, "total": total, "note": note[:500]}, socket.MSG_DONTWAIT
            )
