"""Partial dependence: the mean score when a feature has a given value in every row, and how the single rows spread around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.held_out import value_name
from mlspec.runtime.evaluate.means import mean_interval
from mlspec.runtime.evaluate.outcomes import Floats, UndefinedMetric
from mlspec.runtime.transform.columns import TEXT_TYPES

POINTS = 16
MOST_FEATURES = 12
MOST_CLASSES = 6
ROWS = 500
QUANTILES = (10, 25, 50, 75, 90)

Values = Mapping[str, NDArray[Any]]


def partial_dependence(
    features: Sequence[Mapping[str, Any]], hidden: Callable[[Mapping[str, Any]], bool], values: Values, score: Callable[[Values], Floats], *,
    classes: Sequence[Any], groups: NDArray[np.int64] | None, min_cell: int, confidence: float,
) -> dict[str, Any]:  # fmt: skip
    """One entry per feature, at most `MOST_FEATURES` in the order given; a feature without one says why."""
    entries, left = [], [str(feature["name"]) for feature in features[MOST_FEATURES:]]
    for feature in features[:MOST_FEATURES]:
        entry: dict[str, Any] = {"feature": feature["name"], "kind": None, "points": [], "problem": None}
        grid, entry["kind"] = grid_of(feature, values[str(feature["name"])], min_cell)
        if hidden(feature):
            entry["problem"] = "its values are personal"
        elif len(grid) < 2:
            entry["problem"] = "it has no two values that enough rows share"
        else:
            taken = spread_rows(len(values[str(feature["name"])]))
            entry["points"] = _points(feature, grid, {name: column[taken] for name, column in values.items()}, score, classes,
                                      None if groups is None else groups[taken], confidence)  # fmt: skip
        entries.append(entry)
    return {"features": entries, "left_out": left, "rows": min(ROWS, len(next(iter(values.values()), ()))),
            "quantiles": list(QUANTILES), "classes": list(classes[:MOST_CLASSES]), "classes_left_out": max(0, len(classes) - MOST_CLASSES)}  # fmt: skip


def spread_rows(count: int) -> NDArray[np.int64]:
    """At most `ROWS` of the rows, evenly: those that come here are drawn by chance already."""
    return np.unique(np.linspace(0, count - 1, min(ROWS, count)).astype(np.int64))


def grid_of(feature: Mapping[str, Any], column: NDArray[Any], min_cell: int) -> tuple[list[Any], str]:
    """The values that a feature takes in turn: categories and few numbers as they are, many numbers at quantiles."""
    kind = str(feature["type"]).removesuffix("?")
    if kind.startswith("vector"):
        return [], "vector"
    known = [value for value in column.tolist() if value is not None and value == value]
    found, counts = np.unique(np.array(known, dtype=object if kind in TEXT_TYPES else None), return_counts=True)
    if kind in TEXT_TYPES or kind == "bool" or len(found) <= POINTS:
        # The most frequent ones; what few rows have is nobody's average.
        kept = sorted(range(len(found)), key=lambda at: (-counts[at], value_name(found[at])))[:POINTS]
        grid = [found[at] for at in sorted(kept) if counts[at] >= min_cell]
        number = kind not in TEXT_TYPES and kind != "bool"
        return grid + _missing(feature, len(column) - len(known), min_cell, number), "number" if number else "category"
    return _quantiles(np.array(known, dtype=np.float64), counts.max(), found[counts.argmax()], min_cell), "number"


def _quantiles(known: NDArray[np.float64], most: int, common: Any, min_cell: int) -> list[Any]:
    """Values at quantiles from 5 to 95 %; where one value is most of them, of the others, with that value."""
    shares = np.linspace(0.05, 0.95, POINTS)
    others = known[known != common]
    if 2 * most > len(known) and len(others) >= min_cell:
        return list(np.unique([float(common), *np.quantile(others, shares, method="inverted_cdf")]))
    return list(np.unique(np.quantile(known, shares, method="inverted_cdf")))


def _missing(feature: Mapping[str, Any], count: int, min_cell: int, number: bool) -> list[Any]:
    return [None] if count >= min_cell and not number and str(feature["type"]).endswith("?") else []


def _points(
    feature: Mapping[str, Any], grid: Sequence[Any], values: Values, score: Callable[[Values], Floats], classes: Sequence[Any],
    groups: NDArray[np.int64] | None, confidence: float,
) -> list[dict[str, Any]]:  # fmt: skip
    name, rows = str(feature["name"]), len(values[str(feature["name"])])
    varied = {other: np.concatenate([column] * len(grid)) for other, column in values.items()}
    wanted = np.empty(rows * len(grid), dtype=values[name].dtype if values[name].dtype != np.int64 else np.float64)
    for place, value in enumerate(grid):
        wanted[place * rows : (place + 1) * rows] = value
    scores = score({**varied, name: wanted}).reshape(len(grid), rows, -1)[:, :, : MOST_CLASSES if classes else None]
    return [{"at": _plain(value), **_summary(scores[place], groups, confidence)} for place, value in enumerate(grid)]


def _plain(value: Any) -> Any:
    """A value as JSON: numbers stay numbers, others by the name of their group."""
    if isinstance(value, (bool, np.bool_)) or value is None or isinstance(value, str):
        return value_name(None if value is None else value if isinstance(value, str) else bool(value))
    return float(value)


def _summary(scores: Floats, groups: NDArray[np.int64] | None, confidence: float) -> dict[str, Any]:
    """The mean with its interval, a number per class where there are many, and the quantiles of the single rows."""
    found = [_of_class(scores[:, place], groups, confidence) for place in range(scores.shape[1])]
    if len(found) > 1:
        return {key: [item[key] for item in found] for key in ("mean", "low", "high", "quantiles")} | {
            "method": found[0]["method"]
        }
    return found[0]


def _of_class(scores: Floats, groups: NDArray[np.int64] | None, confidence: float) -> dict[str, Any]:
    quantiles = np.percentile(scores, QUANTILES).tolist()
    try:
        interval = mean_interval(scores, confidence, groups)
    except UndefinedMetric as error:
        return {
            "mean": float(scores.mean()),
            "low": None,
            "high": None,
            "quantiles": quantiles,
            "method": f"no interval: {error}",
        }
    return {
        "mean": float(scores.mean()), "low": interval.low, "high": interval.high, "quantiles": quantiles, "method": interval.method,
    }  # fmt: skip
