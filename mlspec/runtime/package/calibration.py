"""Calibration of scores into probabilities: isotonic regression and Platt's sigmoid, state in JSON, applied in plain arithmetic.

Isotonic: pool adjacent violators, linear between the pooled points (Zadrozny and Elkan 2002). Sigmoid: Platt 2000 with the
targets and the damped Newton steps of Lin, Lin and Weng 2007, on the log-odds of the score. Many classes: each against the rest,
then divided by their sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import logistic
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

METHODS = ("isotonic", "sigmoid")
_LEAST = 1e-15


def fit_calibration(method: str, scores: Floats, target: Target, where: str = "") -> dict[str, Any]:
    """The state of a calibration learned from scores and labels of the same rows."""
    if target.task == "regression":
        raise StageError("MLS212", "a prediction of a number has no calibration", where, expected="a label of classes",
                         found="a number", help="leave `calibrate` out")  # fmt: skip
    fit = _isotonic if method == "isotonic" else _sigmoid
    if target.task == "binary":
        return {"method": method, "curves": [fit(scores, target.y)]}
    curves = [
        fit(np.ascontiguousarray(scores[:, place]), (target.y == place).astype(np.float64)) for place in range(target.classes)
    ]
    return {"method": method, "curves": curves}


def apply_calibration(state: Mapping[str, Any] | None, scores: Floats) -> Floats:
    """Calibrated scores, shaped as they came."""
    if state is None:
        return scores
    apply = _apply_isotonic if state["method"] == "isotonic" else _apply_sigmoid
    if scores.ndim == 1:
        return apply(state["curves"][0], scores)
    lines = [apply(curve, np.ascontiguousarray(scores[:, place])) for place, curve in enumerate(state["curves"])]
    total = lines[0]
    for line in lines[1:]:
        total = total + line  # one after the other: a row's sum must not depend on the rows beside it
    empty = total == 0.0
    safe = np.where(empty, 1.0, total)
    return np.stack([np.where(empty, 1.0 / len(lines), line / safe) for line in lines], axis=1)


def _isotonic(scores: Floats, y: Floats) -> dict[str, Any]:
    known, places = np.unique(scores, return_inverse=True)
    weights = np.bincount(places, minlength=len(known)).tolist()
    sums = np.bincount(places, weights=y, minlength=len(known)).tolist()
    blocks: list[list[float]] = []  # [sum, weight, first place, last place]
    for place, (total, weight) in enumerate(zip(sums, weights, strict=True)):
        blocks.append([total, weight, place, place])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            later = blocks.pop()
            earlier = blocks[-1]
            blocks[-1] = [earlier[0] + later[0], earlier[1] + later[1], earlier[2], later[3]]
    x: list[float] = []
    values: list[float] = []
    for total, weight, first, last in blocks:
        for place in dict.fromkeys((int(first), int(last))):
            x.append(float(known[place]))
            values.append(total / weight)
    return {"x": x, "y": values}


def _apply_isotonic(curve: Mapping[str, Any], scores: Floats) -> Floats:
    x, y = np.array(curve["x"], dtype=np.float64), np.array(curve["y"], dtype=np.float64)
    if len(x) == 1:
        return np.full(len(scores), y[0])
    inside = np.clip(scores, x[0], x[-1])
    above = np.clip(np.searchsorted(x, inside, side="left"), 1, len(x) - 1)
    below = above - 1
    share = (inside - x[below]) / (x[above] - x[below])
    return np.asarray(np.where(inside == x[above], y[above], y[below] + (y[above] - y[below]) * share), dtype=np.float64)


def _log_odds(score: float) -> float:
    inside = min(max(score, _LEAST), 1.0 - _LEAST)
    return math.log(inside / (1.0 - inside))


def _apply_sigmoid(curve: Mapping[str, Any], scores: Floats) -> Floats:
    slope, intercept = float(curve["slope"]), float(curve["intercept"])
    values = [logistic(slope * _log_odds(score) + intercept) for score in scores.tolist()]
    return np.array(values, dtype=np.float64)


def _sigmoid(scores: Floats, y: Floats) -> dict[str, Any]:
    odds = [_log_odds(score) for score in scores.tolist()]
    positives = math.fsum(y.tolist())
    negatives = len(odds) - positives
    high, low = (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0)
    wanted = [high if label > 0 else low for label in y.tolist()]
    slope, intercept = 0.0, math.log((positives + 1.0) / (negatives + 1.0))
    value = _loss(slope, intercept, odds, wanted)
    for _ in range(100):
        step_slope, step_intercept, flat = _newton(slope, intercept, odds, wanted)
        if flat:
            break
        size = 1.0
        while size >= 1e-10:
            tried = _loss(slope + size * step_slope, intercept + size * step_intercept, odds, wanted)
            if tried < value:
                slope, intercept, value = slope + size * step_slope, intercept + size * step_intercept, tried
                break
            size /= 2.0
        else:
            break
    return {"slope": slope, "intercept": intercept}


def _loss(slope: float, intercept: float, odds: list[float], wanted: list[float]) -> float:
    """Cross entropy, written so that no exponential overflows."""
    terms = []
    for odd, want in zip(odds, wanted, strict=True):
        value = slope * odd + intercept
        terms.append(math.log1p(math.exp(-abs(value))) + max(value, 0.0) - want * value)
    return math.fsum(terms)


def _newton(slope: float, intercept: float, odds: list[float], wanted: list[float]) -> tuple[float, float, bool]:
    """The step that Newton's method takes from here, and whether the slope is flat already."""
    chances = [logistic(slope * odd + intercept) for odd in odds]
    misses = [chance - want for chance, want in zip(chances, wanted, strict=True)]
    spreads = [chance * (1.0 - chance) for chance in chances]
    down_slope = math.fsum(miss * odd for miss, odd in zip(misses, odds, strict=True))
    down_intercept = math.fsum(misses)
    if abs(down_slope) < 1e-8 and abs(down_intercept) < 1e-8:
        return 0.0, 0.0, True
    slope_2 = math.fsum(spread * odd * odd for spread, odd in zip(spreads, odds, strict=True)) + 1e-12
    mixed = math.fsum(spread * odd for spread, odd in zip(spreads, odds, strict=True))
    intercept_2 = math.fsum(spreads) + 1e-12
    determinant = slope_2 * intercept_2 - mixed * mixed
    step_slope = -(intercept_2 * down_slope - mixed * down_intercept) / determinant
    step_intercept = -(slope_2 * down_intercept - mixed * down_slope) / determinant
    return step_slope, step_intercept, False
