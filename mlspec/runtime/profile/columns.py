"""Statistics of one column: counts, moments, quantiles, a histogram or the most frequent values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.profile.sheet import Sheet, is_personal, kind_of, number, text
from mlspec.runtime.query import call, name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 20
TOP = 12
_EXACT = 2.0**53
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def summary(sheet: Sheet) -> dict[str, dict[str, Any]]:
    """Rows and nulls of every column, mean and spread of the numeric ones, in one pass over the part."""
    asked: dict[str, Any] = {"rows": call("count_star")}
    for place, column in enumerate(sheet.columns):
        asked[f"nulls {place}"] = call("count_if", query.is_null(name(str(column["name"]))))
        if kind_of(column) == "number":
            asked |= {f"mean {place}": call("avg", number(column)), f"std {place}": call("stddev_samp", number(column))}
    found = sheet.one(asked)
    return {
        str(column["name"]): {"rows": found["rows"]}
        | {key: found[f"{key} {place}"] for key in ("nulls", "mean", "std") if f"{key} {place}" in found}
        for place, column in enumerate(sheet.columns)
    }


def describe(sheet: Sheet, column: Mapping[str, Any], known: Mapping[str, Any], values: Floats | None) -> dict[str, Any]:
    """Everything told of one column, from its `summary` and the sorted values of a numeric one; of a hidden one no value."""
    kind, rows, nulls = kind_of(column), known["rows"], known["nulls"]
    found = {
        "rows": rows,
        "nulls": nulls,
        "distinct": 0,
        "type": column["type"],
        "kind": kind,
        "tags": list(column.get("tags", ())),
    }
    found["null_rate"] = nulls / rows
    if values is not None:
        if not len(values):
            return found
        found["distinct"] = _distinct(sheet, column, values)
        return found | _numbers(sheet, column, values, found["distinct"], known)
    found["distinct"] = sheet.distinct(column)
    if kind in ("category", "time"):
        found |= _categories(sheet, column, by_value=kind == "time")
    return found


def _distinct(sheet: Sheet, column: Mapping[str, Any], values: Floats) -> int:
    """Different values of a sorted column; those that a double cannot tell apart are counted as they are stored."""
    exact = str(column["type"]).removesuffix("?") != "decimal" and max(-values[0], values[-1]) <= _EXACT
    return 1 + int((values[1:] != values[:-1]).sum()) if exact else sheet.distinct(column)


def _numbers(
    sheet: Sheet, column: Mapping[str, Any], values: Floats, distinct: int, known: Mapping[str, Any]
) -> dict[str, Any]:
    import numpy as np

    found: list[float] = np.quantile(values, QUANTILES).tolist()
    quantiles: list[float | None] = [*found]
    least, greatest = float(values[0]), float(values[-1])
    low, high = least, greatest
    if is_personal(column):
        # The ends of a personal column are single persons: they are left out, and the drawing ends where the declared range does.
        low, high = column.get("range") or (found[0], found[-1])
        quantiles = [None, *found[1:-1], None] if sheet.min_cell > 1 else quantiles
    whole = str(column["type"]).removesuffix("?") in ("int", "bytes")
    edges = bin_edges(float(low), float(high), distinct, whole)
    return {
        "mean": known["mean"], "std": known["std"],
        "min": None if is_personal(column) else least, "max": None if is_personal(column) else greatest,
        "quantiles": {f"{level:g}": item for level, item in zip(QUANTILES, quantiles, strict=True)},
        "histogram": {"edges": edges, "counts": histogram(sheet, values, edges)},
    }  # fmt: skip


def bin_edges(low: float, high: float, distinct: int, whole: bool) -> list[float]:
    """Edges of bins of one width; whole numbers get whole widths, so that no bin holds more of them than another."""
    if whole:
        width = max(1, math.ceil((high - low + 1) / BINS))
        count = math.ceil((high - low + 1) / width)
        return [low - 0.5 + width * place for place in range(int(count) + 1)]
    if high <= low:
        return [low - 0.5, low + 0.5]
    count = max(min(BINS, distinct), 1)
    return [low + (high - low) * place / count for place in range(count)] + [high]


def histogram(sheet: Sheet, values: Floats, edges: Sequence[float]) -> list[int | None]:
    """Sorted values per bin, left ends in, the last bin with its right end too; None for a bin that is withheld."""
    import numpy as np

    up_to = [*np.searchsorted(values, edges[:-1], side="left").tolist(), int(np.searchsorted(values, edges[-1], side="right"))]
    counts = [after - before for before, after in pairwise(up_to)]
    return [None if hides else count for count, hides in zip(counts, sheet.withheld(counts), strict=True)]


def cuts(values: Floats, bins: int) -> list[float]:
    """The values that divide a sorted column into bins of about equal rows, each once: every one is a value of the column."""
    import numpy as np

    inner = np.quantile(values, [place / bins for place in range(1, bins)], method="inverted_cdf")
    return sorted(set(inner.tolist()))


def _categories(sheet: Sheet, column: Mapping[str, Any], *, by_value: bool) -> dict[str, Any]:
    value = text(column)
    rows = sheet.all(
        {"value": value, "n": call("count_star")}, where=query.not_null(value), tail="GROUP BY 1 ORDER BY n DESC, value"
    )
    hidden = sheet.withheld([int(count) for _, count in rows])
    shown = [{"value": item, "count": int(count)} for (item, count), hides in zip(rows, hidden, strict=True) if not hides]
    if by_value:
        shown = sorted(shown, key=lambda item: str(item["value"]))
    top = shown if by_value else shown[:TOP]
    told = sum(int(item["count"]) for item in top)
    few = [int(count) for (_, count), hides in zip(rows, hidden, strict=True) if hides]
    return {
        "top": top, "rest": {"values": len(rows) - len(top) - len(few), "count": sum(count for _, count in rows) - told - sum(few)},
        "withheld": {"values": len(few), "count": sum(few) if sum(few) >= sheet.min_cell or not few else None},
    }  # fmt: skip
