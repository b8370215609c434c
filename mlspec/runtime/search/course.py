"""A trial that finds the number of its rounds: all folds boosted side by side, judged again and again, ended early.

One worker has the whole trial. What it must reach where is known when the trial starts, from the history that its suggestion
reads; so it is a function of its config, its seeds and these bars, wherever it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from mlspec.runtime.estimators.build import build_estimator, refuse_empty_columns, refuse_nulls
from mlspec.runtime.estimators.fit import one_thread, quiet, require_scores
from mlspec.runtime.estimators.rounds import RoundsFit, open_rounds_fit
from mlspec.runtime.search.fold_data import FoldData
from mlspec.runtime.search.goal import Aim
from mlspec.runtime.search.judge import Measures, finite
from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import mean
from mlspec.runtime.train.mitigation import weights_of

Bars = Mapping[int, float]
"""By a number of rounds, the loss above which a trial ends there."""


@dataclass(frozen=True)
class Rules:
    """When a trial ends before its last round: behind a bar, or past a moment of the monotonic clock."""

    bars: Bars = field(default_factory=dict)
    until: float | None = None

    @property
    def late(self) -> bool:
        """Whether the moment has passed."""
        return self.until is not None and time.monotonic() > self.until


def run_course(
    family: Family, params: Mapping[str, Any], folds: Sequence[FoldData], measures: Measures, aim: Aim,
    seed: Callable[[int], int], rules: Rules, where: str,
) -> dict[str, Any]:  # fmt: skip
    """The rounds at which the mean over the folds was best, what was measured there on each, the curve, and whether it was pruned, or cut by the clock."""
    assert family.rounds is not None
    with one_thread(), quiet(), ExitStack() as opened:
        fits = []
        for number, fold in enumerate(folds):
            fits.append(_open(family, params, fold, measures, seed(number), where))
            opened.callback(fits[-1].close)
        return _Course(family.rounds.patience, aim, rules).run(family.rounds.points(), fits, folds, measures)


def _open(family: Family, params: Mapping[str, Any], fold: FoldData, measures: Measures, seed: int, where: str) -> RoundsFit:
    assert family.rounds is not None
    known = {**family.params, **params}
    estimator = build_estimator(family.estimator, known, seed, where)
    require_scores(estimator, fold.fitting_target, measures.calibrated, where)
    refuse_nulls(family.estimator, fold.fitting, where)
    refuse_empty_columns(family.estimator, fold.fitting, where)
    refuse_nulls(family.estimator, fold.judging, where)
    rows = (fold.fitting.numbers, fold.fitting_target)
    judging = (fold.judging.numbers, fold.judging_target)
    return open_rounds_fit(
        family.estimator,
        known,
        family.rounds.most,
        seed,
        rows,
        judging,
        where,
        weights_of(estimator, fold.fitting_target, where),
    )


@dataclass
class _Course:
    patience: int
    aim: Aim
    rules: Rules
    curve: list[tuple[int, float]] = field(default_factory=list)
    kept: list[list[float]] | None = None
    rounds: int = 0
    _least: float = 0.0
    _since: int = 0

    def run(
        self, points: Sequence[int], fits: Sequence[RoundsFit], folds: Sequence[FoldData], measures: Measures
    ) -> dict[str, Any]:
        pruned = cut = False
        for rounds in points:
            if not self._advance(fits, rounds):
                cut = True
                break
            self._judge(rounds, [_measured(fit, fold, measures) for fit, fold in zip(fits, folds, strict=True)])
            pruned = rounds < points[-1] and self._least > self.rules.bars.get(rounds, self._least)
            if pruned or self._since >= self.patience:
                break
            if rounds < points[-1] and self.rules.late:
                cut = True
                break
        return {"rounds": self.rounds, "curve": self.curve, "folds": self.kept, "pruned": pruned, "cut": cut}

    def _advance(self, fits: Sequence[RoundsFit], rounds: int) -> bool:
        """Whether every fold got as far in time; to the first judgement each of them gets."""
        for fit in fits:
            if self.kept is not None and self.rules.late:
                return False
            fit.advance(rounds)
        return True

    def _judge(self, rounds: int, found: list[list[float]]) -> None:
        value = mean([values[0] for values in found])
        loss = self.aim.loss(value)
        self.curve.append((rounds, value))
        self._since += 1
        if self.kept is None or loss < self._least:
            self.kept, self.rounds, self._least, self._since = found, rounds, loss, 0


def _measured(fit: RoundsFit, fold: FoldData, measures: Measures) -> list[float]:
    return measures.of(fit.fitted, fold.judging_target, finite(fit.scores()))
