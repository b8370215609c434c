"""Metrics of the order of the scores, for weighted rows: AUC by midranks, average precision, calibration error.

Each takes a matrix of row weights, one line a draw, so that a bootstrap is a few cumulative sums and no loop over
draws. Rows of equal score are one step of the curve: the result never depends on the order of the rows.
"""

from __future__ import annotations

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Ints, Outcomes

BINS = 10


class ScoreOrder:
    """The rows sorted by score, and where runs of equal scores begin."""

    def __init__(self, rows: Outcomes) -> None:
        self.order: Ints = np.argsort(rows.score, kind="stable")
        self.score = rows.score[self.order]
        self.positive = (rows.y[self.order] == 1).astype(np.float64)
        changed = np.flatnonzero(np.diff(self.score)) + 1
        self.starts: Ints = np.concatenate([[0], changed]).astype(np.int64)

    def runs(self, values: Floats) -> Floats:
        """Sums over runs of equal score, for values in sorted order along the last axis."""
        if len(self.starts) == values.shape[-1]:
            return values
        return np.add.reduceat(values, self.starts, axis=-1)

    def masses(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of the positive and of all rows in each run, by rising score."""
        ordered = weights[..., self.order]
        return self.runs(ordered * self.positive), self.runs(ordered)


def auc(rows: Outcomes, weights: Floats) -> Floats:
    """The chance that a positive row scores above a negative one, ties counting half."""
    positive, total = ScoreOrder(rows).masses(weights)
    negative = total - positive
    below = np.cumsum(negative, axis=-1) - negative / 2
    pairs = positive.sum(axis=-1) * negative.sum(axis=-1)
    return np.asarray((positive * below).sum(axis=-1) / np.where(pairs > 0, pairs, np.nan))


def average_precision(rows: Outcomes, weights: Floats) -> Floats:
    """Precision at each distinct score, weighted by the recall that it adds."""
    positive, total = ScoreOrder(rows).masses(weights)
    positive, total = positive[..., ::-1], total[..., ::-1]
    taken = np.cumsum(total, axis=-1)
    precision = np.cumsum(positive, axis=-1) / np.where(taken > 0, taken, 1.0)
    all_positive = positive.sum(axis=-1)
    return np.asarray((precision * positive).sum(axis=-1) / np.where(all_positive > 0, all_positive, np.nan))


def calibration_error(rows: Outcomes, weights: Floats) -> Floats:
    """Expected calibration error over 10 bins of exactly equal mass, by rising score.

    A bin edge inside a run of equal scores divides the run in proportion, so ties cannot change the value.
    """
    order = ScoreOrder(rows)
    ordered = np.atleast_2d(weights)[:, order.order]
    mass = np.cumsum(order.runs(ordered), axis=1)
    miss = np.cumsum(order.runs(ordered * (order.positive - order.score)), axis=1)
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
