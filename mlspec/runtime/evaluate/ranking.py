"""Metrics of the order of the scores, for weighted rows: AUC by midranks, average precision, calibration error.

Each takes a matrix of row weights, one line a draw, so that a bootstrap is a few cumulative sums and no loop over
draws. Rows of equal score are one step of the curve: the result never depends on the order of the rows.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Ints, Outcomes

BINS = 10


class ScoreOrder:
    """The rows sorted by score, and where runs of equal scores end; kept with the rows, as are the sums of the last weights."""

    @classmethod
    def of(cls, rows: Outcomes) -> ScoreOrder:
        """The order of these rows, found once."""
        if "score order" not in rows.kept:
            rows.kept["score order"] = cls(rows)
        found: ScoreOrder = rows.kept["score order"]
        return found

    def __init__(self, rows: Outcomes) -> None:
        self.order: Ints = np.argsort(rows.score, kind="stable")
        self.score = rows.score[self.order]
        self.positive = (rows.y[self.order] == 1).astype(np.float64)
        changed = np.flatnonzero(np.diff(self.score))
        self.ends: Ints = np.append(changed, len(self.score) - 1)
        self._weights: Floats | None = None
        self._ordered: Floats = np.empty(0)
        self._masses: tuple[Floats, Floats] | None = None

    @cached_property
    def pairs(self) -> tuple[Ints, Ints, Ints, Ints]:
        """The positive and the negative rows by rising score, and of each positive how many negatives are below it, and how many no higher."""
        is_positive = self.positive == 1
        low, high = self.score[~is_positive], self.score[is_positive]
        return (
            self.order[is_positive], self.order[~is_positive],
            np.searchsorted(low, high, side="left"), np.searchsorted(low, high, side="right"),
        )  # fmt: skip

    def ordered(self, weights: Floats) -> Floats:
        """The weights by rising score; not to be written to."""
        if self._weights is not weights:
            self._weights, self._ordered, self._masses = weights, np.take(weights, self.order, axis=-1), None
        return self._ordered

    def masses(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of the positive and of all rows up to each run, by rising score; not to be written to."""
        ordered = self.ordered(weights)
        if self._masses is None:
            self._masses = self._counted(ordered * self.positive), self._counted(ordered)
        return self._masses

    def cumulative(self, values: Floats) -> Floats:
        """Sums up to the end of each run of equal scores, of values by rising score, which it overwrites."""
        sums = np.cumsum(values, axis=-1, out=values)
        return sums if len(self.ends) == sums.shape[-1] else np.take(sums, self.ends, axis=-1)

    def _counted(self, counts: Floats) -> Floats:
        """As `cumulative`, of whole numbers: their sums are exact in any order, so that few runs are summed one by one."""
        if 4 * len(self.ends) > counts.shape[-1]:
            sums = np.cumsum(counts, axis=-1)
            return sums if len(self.ends) == sums.shape[-1] else np.take(sums, self.ends, axis=-1)
        return np.cumsum(np.add.reduceat(counts, np.append(0, self.ends[:-1] + 1), axis=-1), axis=-1)


def _before(sums: Floats) -> Floats:
    """Cumulative sums as they stood before each run."""
    found = np.zeros_like(sums)
    found[..., 1:] = sums[..., :-1]
    return found


def _total(values: Floats) -> Floats:
    """The sum of each draw, score by score, so that a draw's value does not depend on how many are made at once."""
    return np.asarray(values.sum() if values.ndim == 1 else np.cumsum(values, axis=-1, out=values)[..., -1])


def auc(rows: Outcomes, weights: Floats) -> Floats:
    """The chance that a positive row scores above a negative one, ties counting half.

    Weights are whole numbers, so that all sums here are exact and in any order the same.
    """
    positives, negatives, below, within = ScoreOrder.of(rows).pairs
    positive = np.take(weights, positives, axis=-1)
    sums = np.zeros((*weights.shape[:-1], len(negatives) + 1))
    np.cumsum(np.take(weights, negatives, axis=-1), axis=-1, out=sums[..., 1:])
    # The negatives below a positive and half of those that tie with it.
    mass = np.take(sums, below, axis=-1)
    mass += np.take(sums, within, axis=-1)
    every = positive.sum(axis=-1) * sums[..., -1]
    return np.asarray(np.einsum("...i,...i->...", positive, mass) / 2 / np.where(every > 0, every, np.nan))


def average_precision(rows: Outcomes, weights: Floats) -> Floats:
    """Precision at each distinct score, weighted by the recall that it adds."""
    positive, total = ScoreOrder.of(rows).masses(weights)
    lower = _before(positive)
    precision, taken = positive[..., -1:] - lower, total[..., -1:] - _before(total)
    taken[taken <= 0] = 1.0
    precision /= taken
    precision *= positive - lower
    every = positive[..., -1]
    return np.asarray(_total(precision) / np.where(every > 0, every, np.nan))


def calibration_error(rows: Outcomes, weights: Floats) -> Floats:
    """Expected calibration error over 10 bins of exactly equal mass, by rising score.

    A bin edge inside a run of equal scores divides the run in proportion, so ties cannot change the value.
    """
    order = ScoreOrder.of(rows)
    mass = np.atleast_2d(order.masses(weights)[1])
    miss = order.cumulative(np.atleast_2d(order.ordered(weights) * (order.positive - order.score)))
    values = _binned(mass, miss)
    return values if weights.ndim > 1 else np.asarray(values[0])


def _binned(mass: Floats, miss: Floats) -> Floats:
    """Sum of the absolute bin totals of `miss` (both cumulative along the rows), as a share of all mass; draw by draw."""
    draws, runs = mass.shape
    total = mass[:, -1:]
    edges = total * np.arange(1, BINS) / BINS
    # One search for all draws: each draw's masses are lifted above those of the draw before it.
    lift = np.arange(draws)[:, None] * (total.max() + 1)
    place = (
        np.searchsorted((mass + lift).ravel(), (edges + lift).ravel()).reshape(edges.shape) - np.arange(draws)[:, None] * runs
    )
    line = np.arange(draws)[:, None]
    before = np.where(place > 0, mass[line, place - 1], 0.0)
    start = np.where(place > 0, miss[line, place - 1], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = start + (miss[line, place] - start) * (edges - before) / (mass[line, place] - before)
        totals = np.diff(np.concatenate([np.zeros((draws, 1)), inside, miss[:, -1:]], axis=1), axis=1)
        return np.asarray(np.abs(totals).sum(axis=1) / total[:, 0])
