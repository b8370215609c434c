"""Trials in forked processes: they share the parent's matrices, and one that crashes takes no other down.

An error that a library raises belongs to the trial, and is its result. A process that is killed, crashes or runs out of memory
says nothing of the trial but something of the machine: its outcome is `lost`, and never a result.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.processes import die_with_parent


@dataclass(frozen=True)
class Outcome:
    """What a worker gave: an answer, or why it has none; `lost` says that another try may give one."""

    number: int
    answer: Any = None
    reason: str | None = None
    lost: bool = False


class Workers:
    """At most `limit` forked workers at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running: dict[int, tuple[Any, Connection]] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free(self) -> bool:
        """Whether another worker may start."""
        return len(self._running) < self._limit

    def numbers(self) -> set[int]:
        """The numbers of what is running."""
        return set(self._running)

    def start(self, number: int, work: Callable[[], Any]) -> None:
        """Fork a worker that runs `work` and sends its answer, which must be JSON."""
        forking = multiprocessing.get_context("fork")
        receiver, sender = forking.Pipe(duplex=False)
        process = forking.Process(target=_work, args=(os.getpid(), sender, work), daemon=False)
        with warnings.catch_warnings():
            # Python warns of threads at a fork; here they are idle pools of libraries, which the child never uses.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        sender.close()
        self._running[number] = (process, receiver)

    def next_outcome(self) -> Outcome:
        """Wait until a worker ends and return what it gave, the lowest number first where several did."""
        ready = set(wait([receiver for _, receiver in self._running.values()]))
        number = min(number for number, (_, receiver) in self._running.items() if receiver in ready)
        process, receiver = self._running.pop(number)
        said = _message(receiver)
        receiver.close()
        process.join()
        if said is not None:
            answer, reason, lost = said
            return Outcome(number, answer, reason, lost)
        if process.exitcode in (-signal.SIGINT, -signal.SIGTERM):
            raise KeyboardInterrupt
        return Outcome(number, reason=_ending(process.exitcode), lost=True)

    def stop(self) -> None:
        """End all workers; what they were doing is lost."""
        for process, receiver in self._running.values():
            process.kill()
            process.join()
            receiver.close()
        self._running.clear()


def _message(receiver: Connection) -> Any:
    """What the worker sent, whole; None where it ended before it had sent everything."""
    try:
        return json.loads(receiver.recv_bytes())
    except (EOFError, OSError):
        return None


def _ending(exitcode: int) -> str:
    if exitcode < 0:
        return f"its process was killed by {signal.Signals(-exitcode).name}"
    return f"its process ended with status {exitcode}"


def _work(parent: int, sender: Connection, work: Callable[[], Any]) -> None:
    """The child: dies with its parent, and turns every error into a reason."""
    die_with_parent(parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    result: tuple[Any, str | None, bool]
    try:
        result = (work(), None, False)
    except StageError as error:
        result = (None, f"{error.code} {error.message}", False)
    except MemoryError:
        result = (None, "it ran out of memory", True)
    except Exception as error:  # whatever a library raises on unlucky params fails this trial and no other
        result = (None, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}", False)
    sender.send_bytes(json.dumps(result).encode())
    sender.close()
