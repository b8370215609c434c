"""Corrections for many tests at once: adjusted p-values, and the confidence of each of several intervals.

The one place for them: slices that are found, slices in gates and comparisons of models all come here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p_values: Sequence[float] | Floats) -> Floats:
    """Holm's step-down adjustment (1979): the chance of one false finding among all stays below the level, however the tests depend."""
    p, order, tests = _ordered(p_values)
    raised = np.maximum.accumulate(p * (tests - np.arange(tests)))
    return _back(raised, order)


def benjamini_hochberg(p_values: Sequence[float] | Floats) -> Floats:
    """Benjamini and Hochberg's step-up adjustment (1995): the expected share of false ones among the findings stays below the level."""
    p, order, tests = _ordered(p_values)
    lowered = np.minimum.accumulate((p * tests / np.arange(1, tests + 1))[::-1])[::-1]
    return _back(lowered, order)


def bonferroni_confidence(confidence: float, intervals: int) -> float:
    """The confidence that each of so many intervals needs, that all of them together hold at `confidence`."""
    if intervals < 1:
        raise ValueError(f"{intervals} intervals have no joint confidence")
    return 1 - (1 - confidence) / intervals


def selected_confidence(confidence: float, selected: int, tests: int) -> float:
    """The confidence that each interval of a selection needs, that the expected share of them that miss stays below 1 - `confidence`.

    Benjamini and Yekutieli's false coverage rate (2005), the companion of Benjamini and Hochberg's tests: intervals of what was
    chosen because it stood out would else be too good.
    """
    if not 0 < selected <= tests:
        raise ValueError(f"{selected} of {tests} tests cannot be selected")
    return 1 - (1 - confidence) * selected / tests


def joint_confidences(confidence: float, order: Sequence[int], method: str) -> list[float]:
    """The confidence of each of several intervals, so that a claim that needs all of them holds at `confidence`.

    `order` lists them from the clearest to the least clear. Holm gives the clearest the m-th part of the error, the next the
    (m - 1)-th, the least clear all of it. Any order is safe: one that is not that of the p-values asks for more.
    """
    if method == "none":
        return [confidence] * len(order)
    if method == "bonferroni":
        return [bonferroni_confidence(confidence, len(order))] * len(order)
    found = [confidence] * len(order)
    for place, which in enumerate(order):
        found[which] = bonferroni_confidence(confidence, len(order) - place)
    return found


CORRECTIONS: Mapping[str, Callable[[Sequence[float] | Floats], Floats]] = {
    "holm": holm,
    "benjamini_hochberg": benjamini_hochberg,
}
CORRECTION_NAMES: Mapping[str, str] = {"holm": "Holm", "benjamini_hochberg": "Benjamini and Hochberg"}


def _ordered(p_values: Sequence[float] | Floats) -> tuple[Floats, NDArray[np.int64], int]:
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("p-values are a list of numbers between 0 and 1")
    order = np.argsort(p, kind="stable")
    return p[order], order, len(p)


def _back(adjusted: Floats, order: NDArray[np.int64]) -> Floats:
    found = np.empty(len(adjusted))
    found[order] = np.minimum(adjusted, 1.0)
    return found
