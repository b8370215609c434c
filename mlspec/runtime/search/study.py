"""A study: trials in their order, as far apart as `parallel` says, journalled as they end, the same however it was run.

Trial n (from 1) starts once trials 1 to n - W are finished, and its suggestion and its pruning read exactly those. So the
study is a function of its config and data, whatever the number of workers, and however often it was killed and resumed.

A trial whose process was killed, crashed or ran out of memory is tried once more with nothing beside it; if that is lost too,
the stage stops (MLS810) and the trial stays unrecorded, so that a run with more memory ends with the same study.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import Journal, read_journal
from mlspec.runtime.search.engines import Engine
from mlspec.runtime.search.trials import FAILED, Suggestion, Trial, best_of, read_trial
from mlspec.runtime.search.workers import Outcome, Workers

JOURNAL = "study.journal"
Judge = Callable[[int, Suggestion, Sequence[Trial]], dict[str, Any]]
Report = Callable[[int, str], None]


@dataclass
class Study:
    """The settings of one study and what is known of its trials so far."""

    key: str
    trials: int
    parallel: int
    direction: str
    engine: Engine
    judge: Judge
    report: Report
    name: str = "search"
    time_limit: float | None = None
    finished: dict[int, Trial] = field(default_factory=dict)
    ended: str | None = None
    _spent: float = 0.0
    _trying: dict[int, Suggestion] = field(default_factory=dict)
    _lost: set[int] = field(default_factory=set)

    def run(self, folder: Path, workers: int) -> list[Trial]:
        """All trials in order; those that the journal in `folder` holds are not run again."""
        started = time.monotonic()
        self._resume(folder / JOURNAL)
        pool = Workers(max(1, min(workers, self.parallel)))
        with Journal(folder / JOURNAL) as journal:
            if not self.finished:
                journal.append({"kind": "study", "key": self.key})
            before = self._spent
            # A collection in a worker would touch, and so copy, every page that it shares with this process.
            gc.freeze()
            try:
                self._start_what_may(pool)
                while len(pool):
                    outcome = pool.next_outcome()
                    if outcome.lost:
                        self._lose(outcome)
                        self._start_what_may(pool)
                        continue
                    trial = self._finish(outcome)
                    self._spent = before + time.monotonic() - started
                    journal.append({"kind": "trial", **trial.to_json(), "seconds": round(self._spent, 3)})
                    self._tell(trial)
                    self._end_if_late(journal)
                    self._start_what_may(pool)
            finally:
                pool.stop()
                gc.unfreeze()
        return [self.finished[number] for number in sorted(self.finished) if number <= self.trials]

    def _resume(self, path: Path) -> None:
        for record in read_journal(path).records:
            if record["kind"] == "study" and record["key"] != self.key:
                raise StageError("MLS808", f"`{path}` is the journal of another study", expected=self.key, found=str(record["key"]),
                                 help="remove it to begin again")  # fmt: skip
            if record["kind"] == "trial":
                self.finished[int(record["number"])] = read_trial(record)
                self._spent = float(record["seconds"])
            if record["kind"] == "end":
                self.ended = str(record["reason"])

    def _end_if_late(self, journal: Journal) -> None:
        unfinished = sum(number in self.finished for number in range(1, self.trials + 1)) < self.trials
        if self.ended is None and self.time_limit is not None and self._spent >= self.time_limit and unfinished:
            self.ended = "time_limit"
            journal.append({"kind": "end", "reason": self.ended})

    def _start_what_may(self, pool: Workers) -> None:
        """Start every trial whose history is finished, lowest number first, as long as a worker is free."""
        for number in range(1, self.trials + 1):
            if self.ended is not None or not pool.free or pool.numbers() & self._lost:
                return
            if number in self.finished or number in pool.numbers():
                continue
            if number in self._lost and len(pool):
                return
            known = range(1, number - self.parallel + 1)
            if not all(earlier in self.finished for earlier in known):
                return
            history = [self.finished[earlier] for earlier in known]
            suggestion = self.engine.suggest(number, history)
            if suggestion is None:
                self.trials = number - 1
                return
            self._trying[number] = suggestion
            pool.start(number, partial(self.judge, number, suggestion, history))

    def _lose(self, outcome: Outcome) -> None:
        """Forget a try that says nothing of its trial; StageError MLS810 at the second one."""
        suggestion, number = self._trying.pop(outcome.number), outcome.number
        if number in self._lost:
            raise StageError(
                "MLS810", f"trial {number} of the search was stopped twice: {outcome.reason}", f"{self.name}.{suggestion.family}",
                expected=f"room for one trial of `{suggestion.family}` alone", found=str(outcome.reason),
                help="give it more memory, narrow the space of this family, or take a `sample` in an env, and run again: finished "
                "trials are kept", examples=[f"{name} = {value}" for name, value in suggestion.params.items()],
            )  # fmt: skip
        self._lost.add(number)
        self.report(len(self.finished), f"trial {number} {suggestion.family} was stopped ({outcome.reason}); once more, alone")

    def _finish(self, outcome: Outcome) -> Trial:
        suggestion = self._trying.pop(outcome.number)
        self._lost.discard(outcome.number)
        if outcome.answer is not None:
            trial = read_trial(outcome.answer)
        else:
            trial = Trial(outcome.number, suggestion.family, suggestion.params, FAILED, reason=outcome.reason)
        self.finished[trial.number] = trial
        return trial

    def _tell(self, trial: Trial) -> None:
        shown = trial.state if trial.value is None else f"{trial.value:.4f}"
        best = best_of(list(self.finished.values()), self.direction)
        known = "" if best is None else f"; best {best.value:.4f} (trial {best.number}, {best.family})"
        done = sum(number <= self.trials for number in self.finished)
        self.report(done, f"trial {trial.number} {trial.family} {shown}{known}")


def require_usable(trials: Sequence[Trial], direction: str, name: str) -> Trial:
    """The best trial; StageError MLS814 with the reasons where none is complete."""
    best = best_of(trials, direction)
    if best is not None:
        return best
    reasons = list(dict.fromkeys(f"{trial.family}: {trial.reason}" for trial in trials if trial.reason))
    raise StageError(
        "MLS814", f"none of the {len(trials)} trials of search `{name}` gave a usable model", name,
        expected="at least one complete trial", found="; ".join(reasons[:3]) or "no trial ended in time",
        help="correct what the reasons name, or raise `time_limit`", examples=reasons,
    )  # fmt: skip
