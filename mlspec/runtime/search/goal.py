"""What a study looks for: its objectives, what must hold, and which trial of those that nothing beats is the best.

A trial beats another where it is as good in every objective and better in one. Those that none beats are the Pareto front; the
declared preference picks one of them. With one objective the front is the trials with the best value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.search.constraints import Constraint, FoldMeans
from mlspec.runtime.search.trials import COMPLETE, FAILED, PRUNED, Suggestion, Trial, mean


@dataclass(frozen=True)
class Aim:
    """One objective: what is measured, by the name that it has among a trial's measures, and which way is better."""

    measure: str
    direction: str

    def loss(self, value: float) -> float:
        """The value so that less is better."""
        return value if self.direction == "minimize" else -value


@dataclass(frozen=True)
class Goal:
    """`measures` names what is measured on every fold, the first objective first; `prefer` is the config of the preference.

    `level` is the confidence of intervals in constraints, `overlap` how many rows a fold judges for each that it fits.
    """

    aims: tuple[Aim, ...]
    measures: tuple[str, ...]
    constraints: tuple[Constraint, ...] = ()
    prefer: Mapping[str, Any] | None = None
    level: float = 0.95
    overlap: float = 0.0

    @property
    def first(self) -> Aim:
        """The objective that trials are drawn for where an engine looks at one, and by which they are pruned."""
        return self.aims[0]

    @property
    def directions(self) -> tuple[str, ...]:
        """The direction of every objective."""
        return tuple(aim.direction for aim in self.aims)

    def trial(self, number: int, tried: Suggestion, state: str, by_fold: Sequence[Sequence[float]], reason: str = "") -> Trial:
        """The finished trial whose folds gave these values, each in the order of `measures`."""
        first, *others = [tuple(column) for column in zip(*by_fold, strict=True)] or [() for _ in self.measures]
        measured = dict(zip(self.measures[1:], others, strict=True))
        violations = {}
        if state in (COMPLETE, PRUNED):
            means = FoldMeans({self.measures[0]: first, **measured}, self.level, self.overlap)
            violations = {each.name: each.violation(means) for each in self.constraints}
        value = None if state == FAILED else mean(first)
        return Trial(number, tried.family, tried.params, state, first, value, reason or None, measured, violations)

    def values(self, trial: Trial) -> tuple[float, ...]:
        """The value of every objective of a trial that has one."""
        return tuple(self._value(trial, aim) for aim in self.aims)

    def losses(self, trial: Trial) -> tuple[float, ...]:
        """The same so that less is better."""
        return tuple(aim.loss(self._value(trial, aim)) for aim in self.aims)

    def _value(self, trial: Trial, aim: Aim) -> float:
        return float(trial.value or 0.0) if aim.measure == self.measures[0] else mean(trial.measured[aim.measure])

    def eligible(self, trials: Sequence[Trial]) -> list[Trial]:
        """The trials that may be the best: complete, with every constraint held."""
        return [trial for trial in trials if trial.state == COMPLETE and trial.value is not None and trial.feasible]

    def front(self, trials: Sequence[Trial]) -> list[Trial]:
        """The eligible trials that no other beats, in order."""
        found = [(self.losses(trial), trial) for trial in self.eligible(trials)]
        return [trial for losses, trial in found if not any(_beats(other, losses) for other, _ in found)]

    def best(self, trials: Sequence[Trial]) -> Trial | None:
        """The preferred trial of the front, the lowest number among equals; None where no trial is eligible."""
        left = self.front(trials)
        if not left:
            return None
        prefer = self.prefer or {"name": "first"}
        if prefer["name"] == "weighted":
            return self._weighted(left, [float(weight) for weight in prefer["weights"]])
        order = [(place, 0.0, False) for place in range(len(self.aims))]
        if prefer["name"] == "within":
            after = [] if prefer.get("next") is None else [(self._place(prefer["next"]), 0.0, False)]
            order = [(self._place(prefer["of"]), float(prefer["tolerance"]), bool(prefer["relative"])), *after, *order]
        for place, tolerance, relative in order:
            left = self._nearest(left, place, tolerance, relative)
        return left[0]

    def _place(self, measure: str) -> int:
        return next(place for place, aim in enumerate(self.aims) if aim.measure == measure)

    def _nearest(self, trials: Sequence[Trial], place: int, tolerance: float, relative: bool) -> list[Trial]:
        """Those within a tolerance of the best in one objective."""
        losses = [self.losses(trial)[place] for trial in trials]
        least = min(losses)
        room = tolerance * abs(least) if relative else tolerance
        return [trial for trial, loss in zip(trials, losses, strict=True) if loss <= least + room]

    def _weighted(self, trials: Sequence[Trial], weights: Sequence[float]) -> Trial:
        """The least weighted sum, every objective scaled to 0..1 over the front."""
        table = [self.losses(trial) for trial in trials]
        lows, highs = [min(column) for column in zip(*table, strict=True)], [max(column) for column in zip(*table, strict=True)]

        def cost(losses: Sequence[float]) -> float:
            shares = [
                (loss - low) / (high - low) if high > low else 0.0 for loss, low, high in zip(losses, lows, highs, strict=True)
            ]
            return sum(weight * share for weight, share in zip(weights, shares, strict=True))

        return min(zip(table, trials, strict=True), key=lambda pair: (cost(pair[0]), pair[1].number))[1]


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
