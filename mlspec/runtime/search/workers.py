"""Forked processes that judge the folds of trials: they share the parent's matrices, and one that crashes takes no other down.

An error that a library raises belongs to the fold, and is its result. A process that is killed, crashes or runs out of memory
says nothing of the trial but something of the machine: its outcome is `lost`, and never a result.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.outcomes import UndefinedMetric
from mlspec.runtime.processes import die_with_parent
from mlspec.runtime.search.course import Rules
from mlspec.runtime.search.trials import Suggestion

Work = Callable[[int], Any]
Judge = Callable[[int, Suggestion, int], list[float]]
Course = Callable[[int, Suggestion, Rules], dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """A trial as a pool gets it: called with a fold, it gives what was measured there; `seed` is that of a fit, by trial and fold.

    With `rules` it is a trial that finds its rounds: its one call goes through all `folds`.
    """

    judge: Judge
    number: int
    suggestion: Suggestion
    seed: Callable[[int, int], int]
    course: Course | None = None
    rules: Rules | None = None
    folds: int = 1

    def __call__(self, fold: int) -> Any:
        if self.course is None or self.rules is None:
            return self.judge(self.number, self.suggestion, fold)
        return self.course(self.number, self.suggestion, self.rules)

    def described(self, fold: int) -> dict[str, Any]:
        """The same as data, for a pool that shares no memory with this process."""
        tried = {"family": self.suggestion.family, "params": dict(self.suggestion.params), "fold": fold}
        if self.rules is None:
            return {**tried, "seed": self.seed(self.number, fold)}
        left = None if self.rules.until is None else max(self.rules.until - time.monotonic(), 0.0)
        seeds = [self.seed(self.number, each) for each in range(self.folds)]
        return {**tried, "seeds": seeds, "bars": list(self.rules.bars.items()), "seconds": left}


@dataclass(frozen=True)
class Outcome:
    """What a worker says of the fold, or course, that it had: values, or why there are none. One that is `lost` says nothing of it.

    `seconds` is the processor time that the fold took.
    """

    worker: int
    trial: int
    fold: int
    values: Any = None
    reason: str | None = None
    lost: bool = False
    seconds: float = 0.0


@dataclass
class _Worker:
    process: Any
    connection: Connection
    trial: int
    fold: int


class Workers:
    """At most `limit` forked workers at a time, each for the folds of one trial, one after the other as they are given."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._started = 0
        self._running: dict[int, _Worker] = {}

    def __len__(self) -> int:
        return len(self._running)

    @property
    def free(self) -> bool:
        """Whether another worker may start."""
        return len(self._running) < self._limit

    def start(self, trial: int, work: Work, fold: int) -> None:
        """Fork a worker for a trial; it judges this fold, and then each that `give` gives it."""
        forking = multiprocessing.get_context("fork")
        ours, theirs = forking.Pipe()
        process = forking.Process(target=_work, args=(os.getpid(), theirs, work, fold), daemon=False)
        with warnings.catch_warnings():
            # Python warns of threads at a fork; here they are idle pools of libraries, which the child never uses.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        self._started += 1
        self._running[self._started] = _Worker(process, ours, trial, fold)

    def next_outcome(self) -> Outcome:
        """Wait until a worker has judged its fold, or is gone; the one that started first where several are ready."""
        ready = set(wait([worker.connection for worker in self._running.values()]))
        number = min(number for number, worker in self._running.items() if worker.connection in ready)
        worker = self._running[number]
        said = _message(worker.connection)
        if said is not None:
            values, reason, lost, seconds = said
            if lost:
                self.dismiss(number)
            return Outcome(number, worker.trial, worker.fold, values, reason, lost, seconds)
        self._end(number)
        if worker.process.exitcode in (-signal.SIGINT, -signal.SIGTERM):
            raise KeyboardInterrupt
        return Outcome(number, worker.trial, worker.fold, reason=_ending(worker.process.exitcode), lost=True)

    def give(self, number: int, fold: int) -> None:
        """Another fold of the same trial for a worker that has judged its last one."""
        worker = self._running[number]
        worker.fold = fold
        self._tell(worker, fold)

    def dismiss(self, number: int) -> None:
        """Let a worker that has judged its last fold end."""
        self._tell(self._running[number], None)
        self._end(number)

    def stop(self) -> None:
        """End all workers; what they were doing is lost."""
        for number, worker in list(self._running.items()):
            worker.process.kill()
            self._end(number)

    def _tell(self, worker: _Worker, message: int | None) -> None:
        with suppress(OSError):  # it died since it spoke last: `next_outcome` and `_end` say so
            worker.connection.send_bytes(json.dumps(message).encode())

    def _end(self, number: int) -> None:
        worker = self._running.pop(number)
        worker.process.join()
        worker.connection.close()


def _message(connection: Connection) -> Any:
    """What the worker sent, whole; None where it ended before it had sent everything."""
    try:
        return json.loads(connection.recv_bytes())
    except (EOFError, OSError):
        return None


def _ending(exitcode: int) -> str:
    if exitcode < 0:
        return f"its process was killed by {signal.Signals(-exitcode).name}"
    return f"its process ended with status {exitcode}"


def _work(parent: int, connection: Connection, work: Work, fold: int | None) -> None:
    """The child: dies with its parent, and answers for one fold after the other until it is told that there is none."""
    die_with_parent(parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    while fold is not None:
        connection.send_bytes(json.dumps(answer(work, fold)).encode())
        fold = _message(connection)
    connection.close()


def answer(work: Work, fold: int) -> tuple[Any, str | None, bool, float]:
    """The values, or the reason for none; whether that reason is the machine's; and the processor time that it took."""
    started = time.process_time()
    values, reason, lost = _tried(work, fold)
    return values, reason, lost, time.process_time() - started


def _tried(work: Work, fold: int) -> tuple[Any, str | None, bool]:
    try:
        return work(fold), None, False
    except StageError as error:
        return None, f"{error.code} {error.message}", False
    except UndefinedMetric as error:
        return None, str(error), False
    except MemoryError:
        return None, "it ran out of memory", True
    except Exception as error:  # whatever a library raises on unlucky params fails this trial and no other
        return None, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}", False
