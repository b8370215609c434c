"""Means of rows and differences of them, with intervals in closed form; rows of one group of the split count as one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.intervals import Interval
from mlspec.runtime.evaluate.outcomes import Floats, UndefinedMetric

Groups = NDArray[np.int64] | None


def mean_interval(values: Floats, confidence: float, groups: Groups = None) -> Interval:
    """Student's interval of a mean; with groups from the spread of their sums."""
    variance, freedom = _variance((values - values.mean()) / len(values), groups)
    half = float(_quantile((1 + confidence) / 2, freedom)) * math.sqrt(variance)
    mean = float(values.mean())
    return Interval(mean - half, mean + half, "Student's t" if groups is None else "Student's t, whole groups")


def _variance(influence: Floats, groups: Groups) -> tuple[float, int]:
    """The variance of a statistic from each row's influence on it, and the degrees of freedom."""
    parts = influence if groups is None else np.bincount(groups, weights=influence)[np.unique(groups)]
    if len(parts) < 2:
        raise UndefinedMetric("one row, or one group, has no spread")
    return float((parts**2).sum()) * len(parts) / (len(parts) - 1), len(parts) - 1


def _quantile(share: float, freedom: Any) -> Any:
    """Of Student's t. What scipy's distributions call for it: the whole of them takes a second to import."""
    from scipy.special import stdtrit

    return stdtrit(freedom, share)


@dataclass(frozen=True)
class Excess:
    """By how much the mean of some rows lies above that of the rest, over many choices of rows at once."""

    difference: Floats
    error: Floats
    freedom: Floats
    effect: Floats

    def p_values(self) -> Floats:
        """One-sided, of no excess; a difference without any spread is certain."""
        from scipy.special import stdtr

        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(self.error > 0, self.difference / self.error, np.sign(self.difference) * np.inf)
        return np.asarray(np.where(self.difference > 0, stdtr(self.freedom, -statistic), 1.0))

    def ends(self, confidence: float) -> tuple[Floats, Floats]:
        """The ends of the intervals of the differences."""
        half = _quantile((1 + confidence) / 2, self.freedom) * self.error
        return self.difference - half, self.difference + half


def excess_of(counts: Floats, sums: Floats, squares: Floats, values: Floats) -> Excess:
    """Welch's comparison of the rows behind each count, sum and sum of squares with all other rows of `values`."""
    rest, others = len(values) - counts, values.sum() - sums
    inside, outside = _spread(counts, sums, squares), _spread(rest, others, (values**2).sum() - squares)
    difference = sums / counts - others / rest
    parts = inside / counts, outside / rest
    error = np.sqrt(parts[0] + parts[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / (counts - 1) + parts[1] ** 2 / (rest - 1))
    return Excess(difference, error, np.where(error > 0, freedom, 1.0), _effect(difference, inside, outside))


def excess_of_groups(masks: list[NDArray[Any]], values: Floats, groups: NDArray[np.int64]) -> Excess:
    """As `excess_of` for masks of rows, where the rows of one group of the split belong together."""
    found = [_excess_of_mask(mask, values, groups) for mask in masks]
    return Excess(*(np.array(column) for column in zip(*found, strict=True)))


def _excess_of_mask(mask: NDArray[Any], values: Floats, groups: NDArray[np.int64]) -> tuple[float, float, float, float]:
    inside, outside = values[mask], values[~mask]
    influence = np.where(mask, (values - inside.mean()) / len(inside), (outside.mean() - values) / len(outside))
    variance, freedom = _variance(influence, groups)
    difference = float(inside.mean() - outside.mean())
    spreads = [np.atleast_1d(part.var(ddof=1)) for part in (inside, outside)]
    return difference, math.sqrt(variance), freedom, float(_effect(np.atleast_1d(difference), *spreads)[0])


def _spread(counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """The sample variance; what rounding leaves below 0 is 0."""
    return np.maximum(squares - sums**2 / counts, 0.0) / np.maximum(counts - 1, 1)


def _effect(difference: Floats, inside: Floats, outside: Floats) -> Floats:
    """The difference in standard deviations of a row: over the root of the mean of both variances."""
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt((inside + outside) / 2)
        return np.asarray(np.where(spread > 0, difference / spread, 0.0))
