"""Statistics of one column: counts, moments, quantiles, a histogram or the most frequent values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from mlspec.runtime import query
from mlspec.runtime.profile.sheet import Sheet, is_personal, kind_of, number, text
from mlspec.runtime.query import call, name

BINS = 20
TOP = 12
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def describe(sheet: Sheet, column: Mapping[str, Any]) -> dict[str, Any]:
    """Everything told of one column; a hidden one gives its rows, nulls and nothing of its values."""
    value, kind = name(str(column["name"])), kind_of(column)
    found = sheet.one({
        "rows": call("count_star"), "nulls": call("count_if", query.is_null(value)),
        "distinct": call("count", query.distinct(value)),
    })  # fmt: skip
    found |= {"type": column["type"], "kind": kind, "tags": list(column.get("tags", ()))}
    found["null_rate"] = found["nulls"] / found["rows"]
    if kind == "number" and found["nulls"] < found["rows"]:
        found |= _numbers(sheet, column, int(found["distinct"]))
    elif kind in ("category", "time"):
        found |= _categories(sheet, column, by_value=kind == "time")
    return found


def _numbers(sheet: Sheet, column: Mapping[str, Any], distinct: int) -> dict[str, Any]:
    value = number(column)
    moments = sheet.one(
        {"mean": call("avg", value), "std": call("stddev_samp", value), "min": call("min", value), "max": call("max", value)}
    )
    levels = query.array(QUANTILES)
    (quantiles,) = sheet.all({"q": call("quantile_cont", value, levels)})[0]
    low, high = moments["min"], moments["max"]
    if is_personal(column):
        # The ends of a personal column are single persons: they are left out, and the drawing ends where the declared range does.
        low, high = column.get("range") or (quantiles[0], quantiles[-1])
        moments["min"] = moments["max"] = None
        quantiles = [None, *quantiles[1:-1], None] if sheet.min_cell > 1 else quantiles
    whole = str(column["type"]).removesuffix("?") in ("int", "bytes")
    edges = bin_edges(float(low), float(high), distinct, whole)
    return {
        **moments, "quantiles": {f"{level:g}": item for level, item in zip(QUANTILES, quantiles, strict=True)},
        "histogram": {"edges": edges, "counts": histogram(sheet, value, edges)},
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


def histogram(
    sheet: Sheet, value: Any, edges: Sequence[float], part: str | None = None, *, withhold: bool = True
) -> list[int | None]:
    """Rows per bin, left ends in, the last bin with its right end too; None for a bin that is withheld."""
    last = len(edges) - 2
    counts = {}
    for place, (low, high) in enumerate(pairwise(edges)):
        inside = query.both(query.binary(">=", value, low), query.binary("<=" if place == last else "<", value, high))
        counts[f"bin{place}"] = call("count_if", inside)
    found = sheet.one(counts, part=part).values()
    return [None if withhold and sheet.withheld(count) else int(count) for count in found]


def _categories(sheet: Sheet, column: Mapping[str, Any], *, by_value: bool) -> dict[str, Any]:
    value = text(column)
    rows = sheet.all(
        {"value": value, "n": call("count_star")}, where=query.not_null(value), tail="GROUP BY 1 ORDER BY n DESC, value"
    )
    shown = [{"value": item, "count": int(count)} for item, count in rows if not sheet.withheld(count)]
    if by_value:
        shown = sorted(shown, key=lambda item: str(item["value"]))
    top = shown if by_value else shown[:TOP]
    told = sum(int(item["count"]) for item in top)
    few = [int(count) for _, count in rows if sheet.withheld(count)]
    return {
        "top": top, "rest": {"values": len(rows) - len(top) - len(few), "count": sum(count for _, count in rows) - told - sum(few)},
        "withheld": {"values": len(few), "count": sum(few) if sum(few) >= sheet.min_cell or not few else None},
    }  # fmt: skip
