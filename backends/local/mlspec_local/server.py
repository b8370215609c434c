"""The server process: imports the heavy libraries once and forks one worker per stage.

It has one thread and never calls OpenMP, BLAS, DuckDB or torch itself, so that a fork is safe. It dies with the runner, its workers
with it. Messages are JSON on a socket that keeps their boundaries.
"""

from __future__ import annotations

import gc
import json
import os
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

from mlspec.graph.model import Stage
from mlspec.runtime.environment import fingerprint, prepare_to_fork
from mlspec.runtime.kinds import ENGINES, FUNCTIONS, PRELOAD
from mlspec.runtime.processes import die_with_parent
from mlspec_local.worker import Work, send, work_and_exit

_LONGEST = 150_000


@dataclass
class _Child:
    stage: str
    deadline: float | None
    timed_out: bool = False


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
        # Both are for the runner, which ends the server and with it the workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
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
            work_and_exit(self._channel, self._work, stage, environment)
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
