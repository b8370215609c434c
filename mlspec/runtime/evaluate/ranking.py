"""Metrics of the order of the scores, for weighted rows: AUC by midranks, average precision, calibration error.

Each takes a matrix of row weights, one line a draw, so that a bootstrap is a few cumulative sums and no loop over
draws. Rows of equal score are one step of the curve: the result never depends on the order of the rows.
"""

from __future__ import annotations

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Ints, Outcomes

BINS = 10


class ScoreOrder:
    """The rows sorted by score, and where runs of equal scores end."""

    def __init__(self, rows: Outcomes) -> None:
        self.order: Ints = np.argsort(rows.score, kind="stable")
        self.score = rows.score[self.order]
        self.positive = (rows.y[self.order] == 1).astype(np.float64)
        changed = np.flatnonzero(np.diff(self.score))
        self.ends: Ints = np.append(changed, len(self.score) - 1)

    def cumulative(self, values: Floats) -> Floats:
        """Sums up to the end of each run of equal scores, for values in sorted order along the last axis."""
        sums = np.cumsum(values, axis=-1)
        return sums if len(self.ends) == sums.shape[-1] else sums[..., self.ends]

    def masses(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of the positive and of all rows up to each run, by rising score."""
        ordered = weights[..., self.order]
        return self.cumulative(ordered * self.positive), self.cumulative(ordered)


def _before(sums: Floats) -> Floats:
    """Cumulative sums as they stood before each run."""
    found = np.zeros_like(sums)
    found[..., 1:] = sums[..., :-1]
    return found


def auc(rows: Outcomes, weights: Floats) -> Floats:
    """The chance that a positive row scores above a negative one, ties counting half."""
    positive, total = ScoreOrder(rows).masses(weights)
    negative = total - positive
    # The negatives below a run and half of those in it, for every positive of the run.
    below = (negative + _before(negative)) / 2
    pairs = positive[..., -1] * negative[..., -1]
    return np.asarray(((positive - _before(positive)) * below).sum(axis=-1) / np.where(pairs > 0, pairs, np.nan))


def average_precision(rows: Outcomes, weights: Floats) -> Floats:
    """Precision at each distinct score, weighted by the recall that it adds."""
    positive, total = ScoreOrder(rows).masses(weights)
    lower = _before(positive)
    hits, taken = positive[..., -1:] - lower, total[..., -1:] - _before(total)
    precision = hits / np.where(taken > 0, taken, 1.0)
    every = positive[..., -1]
    return np.asarray((precision * (positive - lower)).sum(axis=-1) / np.where(every > 0, every, np.nan))


def calibration_error(rows: Outcomes, weights: Floats) -> Floats:
    """Expected calibration error over 10 bins of exactly equal mass, by rising score.

    A bin edge inside a run of equal scores divides the run in proportion, so ties cannot change the value.
    """
    order = ScoreOrder(rows)
    ordered = np.atleast_2d(weights)[:, order.order]
    mass = order.cumulative(ordered)
    ordered *= order.positive - order.score
    values = _binned(mass, order.cumulative(ordered))
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
