"""What the report draws: curves of at most a few hundred points, computed from all rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.bands import bands_of
from mlspec.runtime.evaluate.intervals import wilson
from mlspec.runtime.evaluate.means import mean_interval
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric
from mlspec.runtime.evaluate.query_curves import query_curves
from mlspec.runtime.evaluate.ranking import BINS, ScoreOrder

POINTS = 200
BARS = 40
QUANTILE_POINTS = 99
MOST_CURVES = 8
MOST_CONFUSED = 8

PLOTS = ("roc", "precision_recall", "calibration", "confusion", "residuals", "ndcg_by_k", "queries")


def curves_of(
    rows: Outcomes,
    plots: Sequence[str] = PLOTS,
    confidence: float = 0.95,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The curves of one model that the task has and `plots` names; the histogram of its scores or errors is always there."""
    if rows.task == "ranking":
        return query_curves(rows, plots, confidence)
    if rows.task == "regression":
        found: dict[str, Any] = {"histogram": error_histogram(rows)}
        if "residuals" in plots:
            found |= {
                "residuals": residuals(rows),
                "quantiles": normal_quantiles(rows),
                "tenths": tenths(rows, confidence, groups),
            }
        return found
    found = {"confusion": confusion(rows) | confused(rows, confidence, groups)} if "confusion" in plots else {}
    if rows.task == "binary":
        found["histogram"] = score_histogram(rows)
        drawn: dict[str, Callable[[Outcomes], Any]] = {"calibration": lambda rows: calibration(rows, confidence, groups)}
        if 0 < rows.y.sum() < len(rows):
            drawn |= {"roc": roc, "precision_recall": precision_recall}
        found |= {name: drawn[name](rows) for name in drawn if name in plots}
        if bands := found.keys() & {"roc", "precision_recall"}:
            around = bands_of(rows, confidence, seed, groups)
            found["bands"] = {name: around[name] for name in sorted(bands) if name in around}
    elif "roc" in plots:
        found["one_vs_rest"] = one_vs_rest(rows)
    return found


def one_vs_rest(rows: Outcomes) -> list[dict[str, Any]]:
    """The ROC curve of every class against the rest, of the first `MOST_CURVES` that have rows."""
    views = [(value, rows.one_against_rest(value)) for value in rows.classes]
    told = [(value, view) for value, view in views if 0 < view.y.sum() < len(view)]
    return [{"class": value, "points": roc(view)} for value, view in told[:MOST_CURVES]]


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


def calibration(rows: Outcomes, confidence: float = 0.95, groups: NDArray[np.int64] | None = None) -> list[dict[str, Any]]:
    """Mean score and share of positives in bins of equal mass, with the rows of each and the interval of the share."""
    order = np.argsort(rows.score, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    return [
        {"score": float(rows.score[part].mean()), "observed": float((rows.y[part] == 1).mean()), "n": len(part),
         **_share_ends(rows.y[part] == 1, confidence, None if groups is None else groups[part])}
        for part in bins
    ]  # fmt: skip


def _share_ends(hits: NDArray[Any], confidence: float, groups: NDArray[np.int64] | None) -> dict[str, Any]:
    """The ends of a share's interval: Wilson's, or Student's over whole groups of the split."""
    try:
        found = (
            wilson(float(hits.sum()), len(hits), confidence)
            if groups is None
            else mean_interval(hits.astype(float), confidence, groups)
        )
    except UndefinedMetric:
        return {"low": None, "high": None}
    return {"low": max(found.low, 0.0), "high": min(found.high, 1.0)}


def confusion(rows: Outcomes) -> dict[str, Any]:
    """Rows by label (down) and decision (across), in the order of the codes."""
    size = 2 if rows.task == "binary" else len(rows.classes)
    counts = np.bincount(rows.y * size + rows.decision, minlength=size * size).reshape(size, size)
    return {"counts": counts.tolist()}


def confused(rows: Outcomes, confidence: float, groups: NDArray[np.int64] | None) -> dict[str, Any]:
    """Of many classes the pairs that are taken for each other most, as shares of the true class."""
    if rows.task != "multiclass":
        return {}
    size = len(rows.classes)
    counts = np.bincount(rows.y * size + rows.decision, minlength=size * size).reshape(size, size)
    np.fill_diagonal(counts, 0)
    order = [divmod(int(at), size) for at in np.argsort(-counts, axis=None, kind="stable")[:MOST_CONFUSED]]
    return {"top": [_confusion_of(rows, true, decided, confidence, groups) for true, decided in order if counts[true, decided]]}


def _confusion_of(
    rows: Outcomes, true: int, decided: int, confidence: float, groups: NDArray[np.int64] | None
) -> dict[str, Any]:
    own = rows.y == true
    hits = rows.decision[own] == decided
    return {
        "label": rows.classes[true], "decision": rows.classes[decided], "n": int(hits.sum()), "of": int(own.sum()),
        "share": float(hits.mean()), **_share_ends(hits, confidence, None if groups is None else groups[own]),
    }  # fmt: skip


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


def normal_quantiles(rows: Outcomes) -> list[list[float]]:
    """Quantiles of prediction minus label in standard deviations, beside those of a normal distribution."""
    error = rows.score - rows.y
    spread = float(error.std())
    count = min(QUANTILE_POINTS, len(error))
    if spread == 0 or count < 2:
        return []
    shares = (np.arange(count) + 0.5) / count
    normal = NormalDist()
    found = np.quantile((error - error.mean()) / spread, shares)
    return [
        [round(normal.inv_cdf(float(share)), 6), round(float(value), 6)] for share, value in zip(shares, found, strict=True)
    ]


def tenths(rows: Outcomes, confidence: float, groups: NDArray[np.int64] | None) -> list[dict[str, Any]]:
    """Mean absolute and mean error by tenths of the prediction, with Student's intervals."""
    order = np.argsort(rows.score, kind="stable")
    error = rows.score - rows.y
    return [
        {"from": float(rows.score[part[0]]), "to": float(rows.score[part[-1]]), "n": len(part),
         "mae": _mean(np.abs(error[part]), confidence, None if groups is None else groups[part], least=0.0),
         "bias": _mean(error[part], confidence, None if groups is None else groups[part])}
        for part in np.array_split(order, 10) if len(part)
    ]  # fmt: skip


def _mean(values: Floats, confidence: float, groups: NDArray[np.int64] | None, least: float = -np.inf) -> dict[str, Any]:
    try:
        found = mean_interval(values, confidence, groups)
    except UndefinedMetric:
        return {"value": float(values.mean()), "low": None, "high": None}
    return {"value": float(values.mean()), "low": max(found.low, least), "high": found.high}


def error_histogram(rows: Outcomes) -> dict[str, Any]:
    """Counts of prediction minus label in 40 bars between its 0.5 and 99.5 %, what lies beyond in the outer bars."""
    error = rows.score - rows.y
    low, high = np.percentile(error, [0.5, 99.5])
    span = high - low or 1.0
    bars = np.clip(((error - low) / span * BARS).astype(np.int64), 0, BARS - 1)
    return {"low": float(low), "high": float(low + span), "count": np.bincount(bars, minlength=BARS).tolist()}
