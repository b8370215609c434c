"""Metrics of the census by hand, and their intervals: DeLong for the AUC, Newcombe for a difference, percentiles of 2,000 draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.stats import norm, rankdata

Array = np.ndarray
Z = float(norm.ppf(0.975))
DRAWS = 2_000
BINS = 15


def delong(label: Array, score: Array) -> tuple[float, float, float]:
    """(AUC, low, high)."""
    positive, negative = score[label], score[~label]
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    below = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    auc = float(above.mean())
    half = Z * math.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    return auc, auc - half, auc + half


def accuracies(label: Array, score: Array) -> Array:
    """Whether each row is right at the threshold of a half."""
    return np.asarray((score >= 0.5) == label)


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's interval of a proportion."""
    share = hits / total
    middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / (1 + Z * Z / total)
    return middle - half, middle + half


def newcombe(first: Array, second: Array) -> tuple[float, float, float]:
    """(difference, low, high) of two paired proportions."""
    total = len(first)
    one, two = float(first.mean()), float(second.mean())
    (low_1, high_1), (low_2, high_2) = wilson(int(first.sum()), total), wilson(int(second.sum()), total)
    phi = float(np.corrcoef(first, second)[0, 1])
    below = math.hypot(one - low_1, high_2 - two) ** 2 - 2 * phi * (one - low_1) * (high_2 - two)
    above = math.hypot(high_1 - one, two - low_2) ** 2 - 2 * phi * (high_1 - one) * (two - low_2)
    return one - two, one - two - math.sqrt(max(0.0, below)), one - two + math.sqrt(max(0.0, above))


def calibration_error(label: Array, score: Array) -> float:
    """The expected calibration error over bins of equal width."""
    bins = np.minimum((score * BINS).astype(int), BINS - 1)
    labels, scores = np.bincount(bins, label, BINS), np.bincount(bins, score, BINS)
    return float(np.abs(labels - scores).sum() / len(label))


def gap(label: Array, score: Array, group: Array) -> float:
    """The widest difference of the false positive rates of groups."""
    raised = (score >= 0.5) & ~label
    rates = [raised[group == value].sum() / (~label[group == value]).sum() for value in np.unique(group)]
    return float(max(rates) - min(rates))


def draws(metric: Callable[[Array], float], rows: int) -> tuple[float, float]:
    """The middle 95 % of a metric over bootstrap draws of the rows."""
    random = np.random.default_rng(7)
    values = [metric(random.integers(0, rows, rows)) for _ in range(DRAWS)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
