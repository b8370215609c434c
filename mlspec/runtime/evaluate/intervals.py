"""Two-sided confidence intervals in closed form: Wilson, Newcombe for pairs, DeLong; and percentiles of draws."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric


@dataclass(frozen=True, slots=True)
class Interval:
    """The ends of an interval and the method that gave them."""

    low: float
    high: float
    method: str


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(hits: float, total: float, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (1927)."""
    if not total > 0:
        raise UndefinedMetric("a proportion of no rows")
    z, p = _z(confidence), hits / total
    shrink = 1 + z * z / total
    middle = (p + z * z / (2 * total)) / shrink
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / shrink
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if hits == total else min(1.0, middle + half), "Wilson")


def newcombe(both: float, first: float, second: float, neither: float, confidence: float = 0.95) -> Interval:
    """Newcombe's score interval of a difference of paired proportions, first minus second (1998, method 10).

    The counts are the pairs where both hit, only the first, only the second, and neither.
    """
    total = both + first + second + neither
    one, two = (both + first) / total, (both + second) / total
    a, b = wilson(both + first, total, confidence), wilson(both + second, total, confidence)
    phi = _correlation(both, first, second, neither)
    below = _half_width(one - a.low, b.high - two, phi)
    above = _half_width(a.high - one, two - b.low, phi)
    return Interval(max(-1.0, one - two - below), min(1.0, one - two + above), "Newcombe paired")


def _correlation(both: float, first: float, second: float, neither: float) -> float:
    """Newcombe's phi: the correlation of the pairs, its numerator lowered by n/2 where that keeps its sign."""
    margins = (both + first) * (second + neither) * (both + second) * (first + neither)
    if margins == 0:
        return 0.0
    cross = both * neither - first * second
    if cross > 0:
        cross = max(cross - (both + first + second + neither) / 2, 0.0)
    return cross / math.sqrt(margins)


def _half_width(one: float, two: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * phi * one * two + two * two))


def midranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2)[place], dtype=np.float64)


def _placements(rows: Outcomes) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative the share of positives above it.

    From midranks, in n log n (Sun and Xu, 2014).
    """
    positive, negative = rows.score[rows.y == 1], rows.score[rows.y == 0]
    if not len(positive) or not len(negative):
        raise UndefinedMetric("all rows have the same label")
    ranks = midranks(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - midranks(positive)) / len(negative)
    below = 1 - (ranks[len(positive) :] - midranks(negative)) / len(positive)
    return above, below


def _variance(above: Floats, below: Floats) -> float:
    if len(above) < 2 or len(below) < 2:
        raise UndefinedMetric("a class has a single row, which has no spread")
    return float(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))


def _separated(above: Floats, below: Floats, confidence: float) -> float:
    """How far an AUC seen as exactly 0 or 1 may be from it: the exact bound for as many independent pairs as there are."""
    return float(1 - ((1 - confidence) / 2) ** (1 / min(len(above), len(below))))


def delong(rows: Outcomes, confidence: float = 0.95) -> Interval:
    """DeLong's interval of an AUC (1988), cut to 0..1.

    A perfect order of the rows at hand has no variance by DeLong; then the bound of that many pairs without an error.
    """
    above, below = _placements(rows)
    value, variance = float(above.mean()), _variance(above, below)
    slack = _separated(above, below, confidence) if value in (0.0, 1.0) else _z(confidence) * math.sqrt(variance)
    return Interval(max(0.0, value - slack), min(1.0, value + slack), "DeLong")


def delong_difference(first: Outcomes, second: Outcomes, confidence: float = 0.95) -> Interval:
    """DeLong's interval of a difference of two AUCs on the same rows, first minus second."""
    above_1, below_1 = _placements(first)
    above_2, below_2 = _placements(second)
    above, below = above_1 - above_2, below_1 - below_2
    value = float(above_1.mean() - above_2.mean())
    slack = _z(confidence) * math.sqrt(_variance(above, below))
    if {float(above_1.mean()), float(above_2.mean())} & {0.0, 1.0} and not _same_order(first, second):
        # A perfect order adds no variance by DeLong, and is no certainty: its bound and the other's spread, square and add.
        slack = math.hypot(slack, _separated(above_1, below_1, confidence))
    return Interval(max(-1.0, value - slack), min(1.0, value + slack), "DeLong paired")


def _same_order(first: Outcomes, second: Outcomes) -> bool:
    return bool(np.array_equal(midranks(first.score), midranks(second.score)))


def percentile(draws: Floats, confidence: float, method: str) -> Interval:
    """The middle `confidence` of the draws.

    A draw without a value counts as the worst on either side, so that it can only widen the interval; an interval that
    becomes infinite by that is no interval.
    """
    tail = (1 - confidence) / 2
    missing = np.isnan(draws)
    low = _quantile(np.where(missing, -np.inf, draws), tail)
    high = _quantile(np.where(missing, np.inf, draws), 1 - tail)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UndefinedMetric(f"it has no value in {int(missing.sum()):,} of {len(draws):,} bootstrap draws")
    return Interval(low, high, method)


def _quantile(draws: Floats, share: float) -> float:
    """The quantile by linear interpolation, infinities allowed."""
    ordered = np.sort(draws)
    place = share * (len(ordered) - 1)
    low, part = ordered[math.floor(place)], place - math.floor(place)
    if part == 0 or low == ordered[math.ceil(place)]:
        return float(low)
    return float(low * (1 - part) + ordered[math.ceil(place)] * part)
