"""A study: trials in their order, as far apart as `parallel` says, journalled as they end, the same however it was run.

Trial n (from 1) starts once trials 1 to n - W are finished, and its suggestion and its pruning read exactly those. So the
study is a function of its config and data, whatever the number of workers, and however often it was killed and resumed.

A worker that has no trial to begin takes folds of a running one, so that no core idles at the end of a study.

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

from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import Journal, read_journal
from mlspec.runtime.search.attempt import Attempt
from mlspec.runtime.search.engines import Engine
from mlspec.runtime.search.pruning import Prune
from mlspec.runtime.search.trials import Suggestion, Trial, best_of, read_trial
from mlspec.runtime.search.workers import Outcome, Workers

JOURNAL = "study.journal"
Judge = Callable[[int, Suggestion, int], float]
Pruner = Callable[[Sequence[Trial]], Prune | None]
Report = Callable[[int, str], None]


@dataclass
class Study:
    """The settings of one study and what is known of its trials so far; `judge` gives the value of a trial on a fold."""

    key: str
    trials: int
    folds: int
    parallel: int
    direction: str
    engine: Engine
    judge: Judge
    pruner: Pruner
    report: Report
    name: str = "search"
    time_limit: float | None = None
    finished: dict[int, Trial] = field(default_factory=dict)
    ended: str | None = None
    _spent: float = 0.0
    _attempts: dict[int, Attempt] = field(default_factory=dict)
    _lost: set[int] = field(default_factory=set)
    _alone: set[int] = field(default_factory=set)

    def run(self, folder: Path, workers: int) -> list[Trial]:
        """All trials in order; those that the journal in `folder` holds are not run again."""
        self._resume(folder / JOURNAL)
        pool = Workers(max(1, workers))
        with Journal(folder / JOURNAL) as journal:
            if not self.finished:
                journal.append({"kind": "study", "key": self.key})
            # A collection in a worker would touch, and so copy, every page that it shares with this process.
            gc.freeze()
            try:
                self._run_trials(pool, journal)
            finally:
                pool.stop()
                gc.unfreeze()
        return [self.finished[number] for number in sorted(self.finished) if number <= self.trials]

    def _run_trials(self, pool: Workers, journal: Journal) -> None:
        before, started = self._spent, time.monotonic()
        self._start_what_may(pool)
        while len(pool):
            outcome = pool.next_outcome()
            attempt = self._attempts[outcome.trial]
            if outcome.lost:
                self._lose(attempt, outcome)
            else:
                self._learn(attempt, outcome, pool)
            trial = attempt.trial()
            if trial is not None:
                self._spent = before + time.monotonic() - started
                self._finish(trial, journal)
            self._start_what_may(pool)

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
        """Give every free worker a trial to work on."""
        while pool.free and (attempt := self._next_attempt(pool)) is not None:
            pool.start(attempt.number, partial(self.judge, attempt.number, attempt.suggestion), attempt.take())

    def _next_attempt(self, pool: Workers) -> Attempt | None:
        """The next trial whose history is finished, else one that is running and has folds left; a lost one alone."""
        if self._lost:
            if len(pool) or self.ended is not None:
                return None
            self._alone = {min(self._lost)}
            return self._attempts[min(self._lost)]
        begun = self._begin() if self.ended is None else None
        return begun or next((attempt for attempt in self._attempts.values() if attempt.open), None)

    def _begin(self) -> Attempt | None:
        """The lowest trial that has not begun, if the trials that it reads are finished."""
        numbers = range(1, self.trials + 1)
        number = next((number for number in numbers if number not in self.finished and number not in self._attempts), None)
        if number is None:
            return None
        known = range(1, number - self.parallel + 1)
        if not all(earlier in self.finished for earlier in known):
            return None
        history = [self.finished[earlier] for earlier in known]
        suggestion = self.engine.suggest(number, history)
        if suggestion is None:
            self.trials = number - 1
            return None
        return self._attempts.setdefault(number, Attempt(number, suggestion, self.folds, self.pruner(history)))

    def _learn(self, attempt: Attempt, outcome: Outcome, pool: Workers) -> None:
        """Take what a worker says of its fold, and give it the next one of its trial, unless that has to begin again alone."""
        if outcome.value is not None:
            attempt.judged(outcome.fold, outcome.value)
        else:
            attempt.failed(outcome.fold, str(outcome.reason))
        if attempt.open and (attempt.number not in self._lost or attempt.number in self._alone):
            pool.give(outcome.worker, attempt.take())
        else:
            pool.dismiss(outcome.worker)

    def _lose(self, attempt: Attempt, outcome: Outcome) -> None:
        """Give back a fold that a worker was lost with; StageError MLS810 where nothing ran beside it."""
        suggestion, number = attempt.suggestion, attempt.number
        attempt.give_back(outcome.fold)
        if number in self._alone:
            raise StageError(
                "MLS810", f"trial {number} of the search was stopped twice: {outcome.reason}", f"{self.name}.{suggestion.family}",
                expected=f"room for one trial of `{suggestion.family}` alone", found=str(outcome.reason),
                help="give it more memory, narrow the space of this family, or take a `sample` in an env, and run again: finished "
                "trials are kept", examples=[f"{name} = {value}" for name, value in suggestion.params.items()],
            )  # fmt: skip
        self._lost.add(number)
        self.report(len(self.finished), f"trial {number} {suggestion.family} was stopped ({outcome.reason}); once more, alone")

    def _finish(self, trial: Trial, journal: Journal) -> None:
        del self._attempts[trial.number]
        self._lost.discard(trial.number)
        self._alone.discard(trial.number)
        self.finished[trial.number] = trial
        journal.append({"kind": "trial", **trial.to_json(), "seconds": round(self._spent, 3)})
        self._tell(trial)
        self._end_if_late(journal)

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
