"""What the report draws: curves of at most a few hundred points, computed from all rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Outcomes
from mlspec.runtime.evaluate.ranking import BINS, ScoreOrder

POINTS = 200
BARS = 40


PLOTS = ("roc", "precision_recall", "calibration", "confusion", "residuals")


def curves_of(rows: Outcomes, plots: Sequence[str] = PLOTS) -> dict[str, Any]:
    """The curves of one model that the task has and `plots` names; the histogram of its scores or errors is always there."""
    if rows.task == "regression":
        found: dict[str, Any] = {"histogram": error_histogram(rows)}
        return found | ({"residuals": residuals(rows)} if "residuals" in plots else {})
    found = {"confusion": confusion(rows)} if "confusion" in plots else {}
    if rows.task == "binary":
        found["histogram"] = score_histogram(rows)
        drawn: dict[str, Callable[[Outcomes], Any]] = {"calibration": calibration}
        if 0 < rows.y.sum() < len(rows):
            drawn |= {"roc": roc, "precision_recall": precision_recall}
        found |= {name: drawn[name](rows) for name in drawn if name in plots}
    return found


def _thin(x: Floats, y: Floats) -> list[list[float]]:
    """At most `POINTS` of the points, the first and last among them, evenly along the path."""
    if len(x) > POINTS:
        way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        wanted = np.linspace(0.0, way[-1], POINTS)
        kept = np.unique(np.clip(np.searchsorted(way, wanted), 0, len(x) - 1))
        x, y = x[kept], y[kept]
    return [[round(float(a), 6), round(float(b), 6)] for a, b in zip(x, y, strict=True)]


def _from_strictest(rows: Outcomes) -> tuple[Floats, Floats]:
    """Positive and all rows at or above each distinct score, from the highest."""
    positive, total = ScoreOrder(rows).masses(np.ones(len(rows)))
    above = [sums[-1] - np.concatenate([[0.0], sums[:-1]]) for sums in (positive, total)]
    return above[0][::-1], above[1][::-1]


def roc(rows: Outcomes) -> list[list[float]]:
    """False-positive rate and recall at every threshold, from the strictest."""
    hits, taken = (np.concatenate([[0.0], sums]) for sums in _from_strictest(rows))
    alarms = taken - hits
    return _thin(alarms / alarms[-1], hits / hits[-1])


def precision_recall(rows: Outcomes) -> list[list[float]]:
    """Recall and precision at every threshold, from the strictest."""
    hits, taken = _from_strictest(rows)
    return _thin(hits / hits[-1], hits / taken)


def calibration(rows: Outcomes) -> list[dict[str, float]]:
    """Mean score and share of positives in bins of equal mass, with the rows of each."""
    order = np.argsort(rows.score, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    return [
        {"score": float(rows.score[part].mean()), "observed": float((rows.y[part] == 1).mean()), "n": len(part)}
        for part in bins
    ]  # fmt: skip


def confusion(rows: Outcomes) -> dict[str, Any]:
    """Rows by label (down) and decision (across), in the order of the codes."""
    size = 2 if rows.task == "binary" else len(rows.classes)
    counts = np.bincount(rows.y * size + rows.decision, minlength=size * size).reshape(size, size)
    return {"counts": counts.tolist()}


def score_histogram(rows: Outcomes) -> dict[str, Any]:
    """Counts of scores in 40 bars from 0 to 1, for negative and positive rows."""
    bars = np.minimum((rows.score * BARS).astype(np.int64), BARS - 1)
    both = [np.bincount(bars[rows.y == label], minlength=BARS).tolist() for label in (0, 1)]
    return {"low": 0.0, "high": 1.0, "negative": both[0], "positive": both[1]}


def residuals(rows: Outcomes) -> dict[str, Any]:
    """Prediction minus label by prediction, in bins of equal mass: 5, 25, 50, 75, 95 % of the errors."""
    order = np.argsort(rows.score, kind="stable")
    error = rows.score - rows.y
    bins = [part for part in np.array_split(order, min(20, max(1, len(order) // 5))) if len(part)]
    return {
        "quantiles": [5, 25, 50, 75, 95],
        "bins": [
            {"prediction": float(rows.score[part].mean()), "n": len(part),
             "error": np.percentile(error[part], [5, 25, 50, 75, 95]).tolist()}
            for part in bins
        ],
    }  # fmt: skip


def error_histogram(rows: Outcomes) -> dict[str, Any]:
    """Counts of prediction minus label in 40 bars between its 0.5 and 99.5 %, what lies beyond in the outer bars."""
    error = rows.score - rows.y
    low, high = np.percentile(error, [0.5, 99.5])
    span = high - low or 1.0
    bars = np.clip(((error - low) / span * BARS).astype(np.int64), 0, BARS - 1)
    return {"low": float(low), "high": float(low + span), "count": np.bincount(bars, minlength=BARS).tolist()}
