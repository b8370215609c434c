"""Partial dependence: the mean score when a feature has a given value in every row, and how the single rows spread around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
VECTOR = "vector"

Values = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Rows:
    """What is varied, the way to score it, and how its means are told."""

    values: Values
    score: Callable[[Values], Floats]
    groups: NDArray[np.int64] | None
    classes: Sequence[Any]
    bounds: tuple[float, float]
    min_cell: int
    confidence: float

    def taken(self) -> Rows:
        """At most `ROWS` of the rows."""
        rows = spread_rows(len(self))
        kept = {name: column[rows] for name, column in self.values.items()}
        return replace(self, values=kept, groups=None if self.groups is None else self.groups[rows])

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), ()))


def partial_dependence(
    features: Sequence[Mapping[str, Any]], hidden: Callable[[Mapping[str, Any]], bool], rows: Rows
) -> dict[str, Any]:
    """One entry per feature, at most `MOST_FEATURES` in the order given; a feature without one says why."""
    entries, left, taken = [], [str(feature["name"]) for feature in features[MOST_FEATURES:]], rows.taken()
    for feature in features[:MOST_FEATURES]:
        grid, kind = grid_of(feature, rows.values[str(feature["name"])], rows.min_cell)
        entry: dict[str, Any] = {"feature": feature["name"], "kind": kind, "points": [], "problem": None}
        if feature["type"] == "image":
            entry["problem"] = "it is an image"
        elif hidden(feature):
            entry["problem"] = "its values are personal"
        elif kind == VECTOR:
            entry["problem"] = "it is several numbers at once"
        elif len(grid) < 2:
            entry["problem"] = "it has no two values that enough rows share"
        else:
            entry["points"] = _points(feature, grid, taken)
        entries.append(entry)
    return {
        "features": entries, "left_out": left, "rows": len(taken), "quantiles": list(QUANTILES), "classes": list(rows.classes[:MOST_CLASSES]),
        "classes_left_out": max(0, len(rows.classes) - MOST_CLASSES),
    }  # fmt: skip


def spread_rows(count: int) -> NDArray[np.int64]:
    """At most `ROWS` of the rows, evenly: those that come here are drawn by chance already."""
    return np.unique(np.linspace(0, count - 1, min(ROWS, count)).astype(np.int64))


def grid_of(feature: Mapping[str, Any], column: NDArray[Any], min_cell: int) -> tuple[list[Any], str]:
    """The values that a feature takes in turn: categories and few numbers as they are, many numbers at quantiles."""
    kind = str(feature["type"]).removesuffix("?")
    if kind == "image":
        return [], VECTOR
    if kind.startswith(VECTOR):
        return [], VECTOR
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


def _points(feature: Mapping[str, Any], grid: Sequence[Any], rows: Rows) -> list[dict[str, Any]]:
    name, count = str(feature["name"]), len(rows)
    varied = {other: np.concatenate([column] * len(grid)) for other, column in rows.values.items()}
    kind = rows.values[name].dtype
    wanted = np.empty(count * len(grid), dtype=np.float64 if kind == np.int64 else kind)
    for place, value in enumerate(grid):
        wanted[place * count : (place + 1) * count] = value
    scores = rows.score({**varied, name: wanted}).reshape(len(grid), count, -1)[:, :, : MOST_CLASSES if rows.classes else None]
    return [{"at": _plain(value), **_summary(scores[place], rows)} for place, value in enumerate(grid)]


def _plain(value: Any) -> Any:
    """A value as JSON: numbers stay numbers, others by the name of their group."""
    if isinstance(value, (bool, np.bool_)) or value is None or isinstance(value, str):
        return value_name(None if value is None else value if isinstance(value, str) else bool(value))
    return float(value)


def _summary(scores: Floats, rows: Rows) -> dict[str, Any]:
    """The mean with its interval, a number per class where there are many, and the quantiles of the single rows."""
    found = [_of_class(scores[:, place], rows) for place in range(scores.shape[1])]
    if len(found) > 1:
        return {key: [item[key] for item in found] for key in ("mean", "low", "high", "quantiles")} | {
            "method": found[0]["method"]
        }
    return found[0]


def _of_class(scores: Floats, rows: Rows) -> dict[str, Any]:
    told = {"mean": float(scores.mean()), "quantiles": np.percentile(scores, QUANTILES).tolist()}
    try:
        interval = mean_interval(scores, rows.confidence, rows.groups)
    except UndefinedMetric as error:
        return {**told, "low": None, "high": None, "method": f"no interval: {error}"}
    low, high = max(interval.low, rows.bounds[0]), min(interval.high, rows.bounds[1])
    return {**told, "low": low, "high": high, "method": interval.method}
