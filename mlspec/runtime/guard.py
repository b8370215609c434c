"""What the local target does around a stage, for a process that a scheduler starts: a GPU looked for, memory, time and attempts held to.

The stage dies with the process that started it, so that no orphan writes where the next attempt writes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from mlspec.graph.model import Stage
from mlspec.runtime.devices import require_devices
from mlspec.runtime.errors import FINAL, StageError, error_from_json
from mlspec.runtime.processes import die_with_parent, limit_memory

_BUG = 70
_LOOK_EVERY = 0.05


def guarded(stage: Stage, work: Callable[[], None]) -> None:
    """Do the work of a stage within what the plan allows it; StageError when that was not enough."""
    die_with_parent(os.getppid())
    require_devices(stage)
    asked = stage.resources
    if asked.time_limit is None and not asked.retry:
        limit_memory(asked.memory)
        work()
        return
    for attempt in range(1, asked.retry + 2):
        error = _attempt(stage, work)
        if error is None:
            return
        if error.code in FINAL or attempt > asked.retry:
            raise error
        sys.stderr.write(f"attempt {attempt} failed: [{error.code}] {error.message}; once more\n")


def _attempt(stage: Stage, work: Callable[[], None]) -> StageError | None:
    """One attempt in a process of its own, ended at the time limit; why it failed, None when it did not."""
    with tempfile.TemporaryFile("w+") as told:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _work_and_exit(parent, stage, work, told)
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # both sides set it: whoever comes first
        status = _wait(pid, stage.resources.time_limit)
        if status == _BUG:
            raise SystemExit(_BUG)  # its traceback is on stderr
        if status == 0:
            return None
        told.seek(0)
        text = told.read()
        return error_from_json(json.loads(text)) if text else _stopped(stage, status)


def _work_and_exit(parent: int, stage: Stage, work: Callable[[], None], told: IO[str]) -> None:
    code = _BUG
    try:
        die_with_parent(parent)
        os.setpgid(0, 0)
        limit_memory(stage.resources.memory)
        work()
        code = 0
    except StageError as error:
        json.dump(error.to_json(), told)
        told.flush()
        code = 1
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):  # a closed terminal must not keep it from leaving
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(pid: int, limit: float | None) -> int | None:
    """The exit status of a child, negative for a signal, None when it ran past its limit. Nothing of it is left afterwards."""
    end = None if limit is None else time.monotonic() + limit
    late = False
    try:
        while True:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return None if late else os.waitstatus_to_exitcode(status)
            if end is not None and time.monotonic() >= end and not late:
                late = True
                _kill(pid)
            time.sleep(_LOOK_EVERY)
    finally:
        _kill(pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _stopped(stage: Stage, status: int | None) -> StageError:
    if status is None:
        why, help_ = (
            f"it ran past its time limit of {stage.resources.time_limit:g} s",
            "raise `time_limit`, or give it less to do",
        )
    else:
        why = f"signal {signal.Signals(-status).name} ended it" if status < 0 else f"its process ended with status {status}"
        help_ = "if the machine ran out of memory, give it more or a `sample` in an env; then run again"
    return StageError("MLS810", f"stage `{stage.id}` was stopped: {why}", stage.block, expected="a stage that ends by itself",
                      found=why, help=help_)  # fmt: skip
