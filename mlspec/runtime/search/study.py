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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import Journal, read_journal
from mlspec.runtime.search.attempt import Attempt, WholeAttempt
from mlspec.runtime.search.budget import TIME_LIMIT, Budget
from mlspec.runtime.search.course import Rules
from mlspec.runtime.search.engines import Engine
from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.pruning import Prune
from mlspec.runtime.search.trials import FAILED, Suggestion, Trial, read_trial
from mlspec.runtime.search.workers import Course, Judge, Outcome, Task, Workers

JOURNAL = "study.journal"
Pruner = Callable[[int, Sequence[Trial]], Prune | None]
Report = Callable[[int, str], None]


class Pool(Protocol):
    """Those who judge the folds of trials: processes of this machine, or tasks on a cluster."""

    @property
    def free(self) -> bool: ...
    def __len__(self) -> int: ...
    def start(self, trial: int, work: Task, fold: int) -> None: ...
    def next_outcome(self) -> Outcome: ...
    def give(self, number: int, fold: int) -> None: ...
    def dismiss(self, number: int) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class Courses:
    """The trials that find their rounds: how one runs, which parameter that is, by suggestion, and what it must reach where."""

    run: Course
    parameter: Callable[[Suggestion], str | None]
    bars: Callable[[int, Suggestion, Sequence[Trial]], Mapping[int, float]]


@dataclass
class Study:
    """The settings of one study and what is known of its trials so far; `judge` measures a trial on a fold."""

    key: str
    trials: int
    folds: int
    parallel: int
    goal: Goal
    engine: Engine
    judge: Judge
    pruner: Pruner
    report: Report
    name: str = "search"
    budget: Budget = field(default_factory=Budget)
    seed: Callable[[int, int], int] = lambda number, fold: 0
    open_pool: Callable[[int], Pool] | None = None
    courses: Courses | None = None
    finished: dict[int, Trial] = field(default_factory=dict)
    ended: str | None = None
    over_budget: bool = False
    _spent: float = 0.0
    _computed: float = 0.0
    _until: float | None = None
    _attempts: dict[int, Attempt | WholeAttempt] = field(default_factory=dict)
    _bars: dict[int, Mapping[int, float]] = field(default_factory=dict)
    _lost: set[int] = field(default_factory=set)
    _alone: set[int] = field(default_factory=set)

    def run(self, folder: Path, workers: int) -> list[Trial]:
        """All trials in order; those that the journal in `folder` holds are not run again."""
        self._resume(folder / JOURNAL)
        self._cut()
        pool: Pool = (self.open_pool or Workers)(max(1, workers))
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
        self._cut()
        return [self.finished[number] for number in sorted(self.finished) if number <= self.trials]

    def _run_trials(self, pool: Pool, journal: Journal) -> None:
        before, started = self._spent, time.monotonic()
        self._until = None if self.budget.seconds is None else started + self.budget.seconds - before
        self._start_what_may(pool)
        while len(pool):
            outcome = pool.next_outcome()
            attempt = self._attempts[outcome.trial]
            self._computed += outcome.seconds
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
                self._spent, self._computed = float(record["seconds"]), float(record["cpu"])
                self.ended = TIME_LIMIT if record.get("cut") else self.ended
            if record["kind"] == "end":
                self.ended = str(record["reason"])

    def _end_if_spent(self, journal: Journal) -> None:
        unfinished = sum(number in self.finished for number in range(1, self.trials + 1)) < self.trials
        reason = self.budget.exceeded(self._spent, self._computed)
        if self.ended is None and reason is not None and unfinished:
            self.ended = reason
            journal.append({"kind": "end", "reason": self.ended})

    def _start_what_may(self, pool: Pool) -> None:
        """Give every free worker a trial to work on."""
        while pool.free and (attempt := self._next_attempt(pool)) is not None:
            pool.start(attempt.number, self._task(attempt), attempt.take())

    def _task(self, attempt: Attempt | WholeAttempt) -> Task:
        task = Task(self.judge, attempt.number, attempt.suggestion, self.seed)
        if self.courses is None or isinstance(attempt, Attempt):
            return task
        rules = Rules(self._bars[attempt.number], self._until)
        return replace(task, course=self.courses.run, rules=rules, folds=self.folds)

    def _next_attempt(self, pool: Pool) -> Attempt | WholeAttempt | None:
        """The next trial whose history is finished, else one that is running and has folds left; a lost one alone."""
        if self._lost:
            if len(pool) or self.ended is not None:
                return None
            self._alone = {min(self._lost)}
            return self._attempts[min(self._lost)]
        begun = self._begin() if self.ended is None else None
        return begun or next((attempt for attempt in self._attempts.values() if attempt.open), None)

    def _begin(self) -> Attempt | WholeAttempt | None:
        """The lowest trial that has not begun, if the trials that it reads are finished."""
        numbers = range(1, self.trials + 1)
        number = next((number for number in numbers if number not in self.finished and number not in self._attempts), None)
        if number is None:
            return None
        known = range(1, number - self.parallel + 1)
        if not all(earlier in self.finished for earlier in known):
            return None
        history = [self.finished[earlier] for earlier in known]
        affordable = self._affordable(number, history)
        suggestion = self.engine.suggest(number, history) if affordable else None
        if suggestion is None:
            self.trials = self.trials if affordable is None else number - 1
            self.over_budget = self.over_budget or affordable is False
            return None
        return self._attempts.setdefault(number, self._attempt(number, suggestion, history))

    def _attempt(self, number: int, suggestion: Suggestion, history: Sequence[Trial]) -> Attempt | WholeAttempt:
        parameter = None if self.courses is None else self.courses.parameter(suggestion)
        if self.courses is None or parameter is None:
            return Attempt(number, suggestion, self.folds, self.goal, self.pruner(number, history))
        self._bars[number] = self.courses.bars(number, suggestion, history)
        return WholeAttempt(number, suggestion, self.goal, parameter)

    def _cut(self) -> None:
        """Leave out what the journal holds beyond the budget: trials of a run that had more to spend."""
        for number in range(1, self.trials + 1):
            known = [self.finished.get(earlier) for earlier in range(1, number - self.parallel + 1)]
            if any(trial is None for trial in known):
                return
            if self._affordable(number, [trial for trial in known if trial is not None]) is False:
                self.trials = number - 1
                self.over_budget = True
                return

    def _affordable(self, number: int, history: Sequence[Trial]) -> bool | None:
        """Whether the budget has room for all folds of a trial; None while trials that run decide it.

        A trial that runs counts with all of its folds, until the budget has no room for it; then what they really took counts.
        So the answer does not depend on when it is asked.
        """
        if self.budget.fits is None:
            return True
        most = sum(trial.fits for trial in history) + self.folds * (number - len(history))
        if most <= self.budget.fits:
            return True
        before = [self.finished.get(earlier) for earlier in range(1, number)]
        if any(trial is None for trial in before):
            return None
        return sum(trial.fits for trial in before if trial is not None) + self.folds <= self.budget.fits

    def _learn(self, attempt: Attempt | WholeAttempt, outcome: Outcome, pool: Pool) -> None:
        """Take what a worker says of its fold, and give it the next one of its trial, unless that has to begin again alone."""
        if outcome.values is not None:
            attempt.judged(outcome.fold, outcome.values)
        else:
            attempt.failed(outcome.fold, str(outcome.reason))
        if attempt.open and (attempt.number not in self._lost or attempt.number in self._alone):
            pool.give(outcome.worker, attempt.take())
        else:
            pool.dismiss(outcome.worker)

    def _lose(self, attempt: Attempt | WholeAttempt, outcome: Outcome) -> None:
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
        attempt = self._attempts.pop(trial.number)
        self._bars.pop(trial.number, None)
        self._lost.discard(trial.number)
        self._alone.discard(trial.number)
        self.finished[trial.number] = trial
        cut = isinstance(attempt, WholeAttempt) and attempt.cut
        self.ended = TIME_LIMIT if cut else self.ended
        journal.append({"kind": "trial", **trial.to_json(), "seconds": round(self._spent, 3),
                        "cpu": round(self._computed, 3), **({"cut": True} if cut else {})})  # fmt: skip
        self._tell(trial)
        self._end_if_spent(journal)

    def _tell(self, trial: Trial) -> None:
        shown = trial.state if trial.value is None else f"{trial.value:.4f}"
        best = self.goal.best(list(self.finished.values()))
        known = "" if best is None else f"; best {best.value:.4f} (trial {best.number}, {best.family})"
        done = sum(number <= self.trials for number in self.finished)
        self.report(done, f"trial {trial.number} {trial.family} {shown}{known}")


def require_usable(trials: Sequence[Trial], goal: Goal, name: str) -> Trial:
    """The best trial; StageError MLS814 with the reasons where none may be it."""
    best = goal.best(trials)
    if best is not None:
        return best
    broken = [trial for trial in trials if trial.state != FAILED and not trial.feasible]
    if broken:
        raise _infeasible(broken, len(trials), name)
    reasons = list(dict.fromkeys(f"{trial.family}: {trial.reason}" for trial in trials if trial.reason))
    raise StageError(
        "MLS814", f"none of the {len(trials)} trials of search `{name}` gave a usable model", name,
        expected="at least one complete trial", found="; ".join(reasons[:3]) or "no trial ended in time",
        help="correct what the reasons name, or raise `time_limit` or `budget`", examples=reasons,
    )  # fmt: skip


def _infeasible(broken: Sequence[Trial], count: int, name: str) -> StageError:
    """What is said where trials ended and each broke a constraint: the one that came nearest."""
    nearest = min(broken, key=lambda trial: (max(trial.violations.values()), trial.number))
    missed = [f"`{constraint}` by {by:.4g}" for constraint, by in nearest.violations.items() if by > 0]
    return StageError(
        "MLS814", f"none of the {count} trials of search `{name}` keeps its constraints", name,
        expected="at least one complete trial that keeps them all", found=f"trial {nearest.number} came nearest and misses " + ", ".join(missed),
        help="loosen the constraints, widen the space or raise `trials`",
        examples=[f"trial {trial.number} {trial.family}: {constraint} by {by:.4g}"
                  for trial in broken[:10] for constraint, by in trial.violations.items() if by > 0],
    )  # fmt: skip
