"""The server process: imports the heavy libraries once and forks one worker per stage.

It has one thread and never calls OpenMP, BLAS, DuckDB or torch itself, so that a fork is safe. It dies with the runner, its workers
with it. Messages are JSON on a socket that keeps their boundaries.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mlspec.graph.model import Graph, Stage
from mlspec.runtime.environment import fingerprint, prepare_to_fork
from mlspec.runtime.errors import StageError
from mlspec.runtime.kinds import ENGINES, FUNCTIONS, PRELOAD
from mlspec.runtime.processes import die_with_parent
from mlspec.runtime.stage import Around, run_in_store
from mlspec.runtime.store import Store

_LONGEST = 150_000
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


@dataclass
class _Child:
    stage: str
    deadline: float | None
    timed_out: bool = False


def send(channel: socket.socket, message: Mapping[str, Any], flags: int = 0) -> None:
    """One message, whole or not at all."""
    channel.send(json.dumps(message).encode(), flags)


class Server:
    """The loop that forks, reaps and enforces time limits."""

    def __init__(self, channel: socket.socket, work: Work) -> None:
        self._channel = channel
        self._work = work
        self._children: dict[int, _Child] = {}
        self._to_import = [name for stage in work.stages for name in _modules(work.graph[stage])]
        self._woken, self._waker = os.pipe()

    def serve(self) -> None:
        """Serve until the runner closes its end; then end every worker."""
        os.set_blocking(self._waker, False)
        os.set_blocking(self._woken, False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        while True:
            watched: list[socket.socket | int] = [self._channel, self._woken]
            readable, _, _ = select.select(watched, [], [], self._timeout())
            if self._woken in readable:
                os.read(self._woken, 4096)
            self._reap()
            self._enforce_limits()
            if self._channel in readable and not self._command():
                break
            if not readable and self._may_import():
                _import(self._to_import.pop(0))
        for pid in self._children:
            _kill_group(pid)

    def _may_import(self) -> bool:
        """Libraries for later are imported while workers run, but never beside one that must have the machine to itself."""
        alone = any(self._work.graph[child.stage].resources.exclusive for child in self._children.values())
        return bool(self._children and self._to_import) and not alone

    def _timeout(self) -> float | None:
        if self._may_import():
            return 0.0
        limits = [child.deadline for child in self._children.values() if child.deadline and not child.timed_out]
        return max(0.0, min(limits) - time.monotonic()) if limits else None

    def _command(self) -> bool:
        data = self._channel.recv(_LONGEST)
        if not data:
            return False
        command = json.loads(data)
        self._fork(command["run"], command.get("time_limit"))
        return True

    def _fork(self, stage: str, time_limit: float | None) -> None:
        for name in _modules(self._work.graph[stage]):
            if name in self._to_import:
                _import(name)
                self._to_import = [other for other in self._to_import if other != name]
        environment = fingerprint(self._work.versions[stage])
        gc.freeze()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            die_with_parent(parent)
            os.setpgid(0, 0)
            os.close(self._woken)
            os.close(self._waker)
            _work_and_exit(self._channel, self._work, stage, environment)
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # both sides set it: whoever comes first
        self._children[pid] = _Child(stage, time.monotonic() + time_limit if time_limit else None)

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue
            _kill_group(pid)  # what the worker left running
            send(self._channel, {
                "exited": child.stage, "status": os.waitstatus_to_exitcode(status), "timed_out": child.timed_out,
                "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_memory": usage.ru_maxrss * 1024,
            })  # fmt: skip

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        for pid, child in self._children.items():
            if child.deadline and now >= child.deadline and not child.timed_out:
                child.timed_out = True
                _kill_group(pid)


def _modules(stage: Stage) -> tuple[str, ...]:
    """What to import before a worker for `stage` is forked."""
    engine = stage.config.get("engine")
    named = str(engine["name"]) if isinstance(engine, Mapping) and engine.get("name") in ENGINES else None
    return (*PRELOAD.get(stage.kind, ()), *([named] if named else []), FUNCTIONS[stage.kind].partition(":")[0])


def _import(name: str) -> None:
    # A library that is missing or broken is reported by the stage that needs it, in its own words.
    with suppress(Exception):
        import_module(name)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def start_server(work: Work, runner_end: socket.socket, server_end: socket.socket) -> int:
    """Fork the server from the runner, which must have one thread; the process id."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        die_with_parent(parent)
        runner_end.close()
        prepare_to_fork()
        Server(server_end, work).serve()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _work_and_exit(channel: socket.socket, work: Work, stage: str, environment: Mapping[str, Any]) -> None:
    """The worker: run the stage, report, and leave without running anybody's exit handlers."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _redirect_output(work.log_folder / f"{stage}.log")
        _limit_memory(work.graph[stage].resources.memory)
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
        work.project_root, store.resume / stage, work.workers, max(1, resources.cpu), _Progress(channel, stage).tell
    )
    try:
        manifest = run_in_store(work.graph, stage, store, work.keys, work.versions[stage], environment, around)
    except StageError as error:
        traceback.print_exc()
        return {"failed": stage, "error": _short(error.to_json())}
    except Exception as error:
        traceback.print_exc()
        return {"failed": stage, "error": _short(_bug(stage, error, work.log_folder))}
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


def _limit_memory(limit: int | None) -> None:
    """Hold the worker to the memory that the spec gives it: its private data, on top of what it shares since the fork."""
    if limit is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


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
