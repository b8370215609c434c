"""A trial while it runs: which of its folds are judged, which are being judged, and which a worker may take next."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.pruning import Prune
from mlspec.runtime.search.trials import COMPLETE, FAILED, PRUNED, Suggestion, Trial


class Attempt:
    """The folds of one trial, taken in order, by several workers at a time.

    With a pruner a fold is taken only once those before it are judged, since they decide whether it is tried at all. The first
    fold that fails ends the trial; since folds are taken in order, which one that is does not depend on the workers.
    """

    def __init__(self, number: int, suggestion: Suggestion, folds: int, goal: Goal, prune: Prune | None) -> None:
        self.number = number
        self.suggestion = suggestion
        self._goal = goal
        self._prune = prune
        self._waiting = list(range(folds))
        self._taken: set[int] = set()
        self._values: dict[int, Sequence[float]] = {}
        self._reasons: dict[int, str] = {}
        self._pruned = False

    @property
    def open(self) -> bool:
        """Whether a worker may take a fold now."""
        wanted = not self._pruned and bool(self._waiting) and self._waiting[0] < min(self._reasons, default=math.inf)
        return wanted and (self._prune is None or not self._taken)

    def take(self) -> int:
        """The next fold, which is the caller's now; only while `open`."""
        fold = self._waiting.pop(0)
        self._taken.add(fold)
        return fold

    def give_back(self, fold: int) -> None:
        """A fold that nothing was learned of."""
        self._taken.remove(fold)
        insort(self._waiting, fold)

    def judged(self, fold: int, values: Sequence[float]) -> None:
        """What was measured on a fold that was taken, the first objective first."""
        self._taken.remove(fold)
        self._values[fold] = values
        if self._prune is not None and self._waiting:
            self._pruned = self._prune([found[0] for found in self._ordered()])

    def failed(self, fold: int, reason: str) -> None:
        """Why a fold that was taken has no value."""
        self._taken.remove(fold)
        self._reasons[fold] = reason

    def trial(self) -> Trial | None:
        """The finished trial; None while a fold is missing that decides it."""
        if self._taken or self.open:
            return None
        if self._reasons:
            first = min(self._reasons)
            known = [values for fold, values in sorted(self._values.items()) if fold < first]
            return self._goal.trial(self.number, self.suggestion, FAILED, known, f"fold {first + 1}: {self._reasons[first]}")
        return self._goal.trial(self.number, self.suggestion, PRUNED if self._pruned else COMPLETE, self._ordered())

    def _ordered(self) -> list[Sequence[float]]:
        return [self._values[fold] for fold in sorted(self._values)]


class WholeAttempt:
    """A trial that finds its rounds: one worker has it from its beginning to its end, unless the clock `cut` it."""

    def __init__(self, number: int, suggestion: Suggestion, goal: Goal, parameter: str) -> None:
        self.number = number
        self.suggestion = suggestion
        self.open = True
        self.cut = False
        self._goal = goal
        self._parameter = parameter
        self._trial: Trial | None = None

    def take(self) -> int:
        """The trial is the caller's now; only while `open`."""
        self.open = False
        return 0

    def give_back(self, fold: int) -> None:
        """Nothing was learned of it."""
        self.open = True

    def judged(self, fold: int, values: Mapping[str, Any]) -> None:
        """Its course: the rounds that are kept are a param of the trial."""
        self.cut = bool(values["cut"])
        tried = Suggestion(self.suggestion.family, {**self.suggestion.params, self._parameter: int(values["rounds"])})
        found = self._goal.trial(self.number, tried, PRUNED if values["pruned"] else COMPLETE, values["folds"])
        self._trial = replace(found, curve=tuple((int(rounds), float(value)) for rounds, value in values["curve"]))

    def failed(self, fold: int, reason: str) -> None:
        """Why there is none."""
        self._trial = self._goal.trial(self.number, self.suggestion, FAILED, [], reason)

    def trial(self) -> Trial | None:
        """The finished trial; None while it runs."""
        return self._trial
