"""Pearson's correlation of every two numeric columns, rows with a null in either left out; a two-class label counts as 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlspec.runtime import query
from mlspec.runtime.profile.sheet import Sheet, kind_of, number
from mlspec.runtime.query import Sql, call, case, cast, name

# Every two of 500 columns are 125,000 pairs, which no page can show and no statement should hold.
MOST = 40


def correlation(sheet: Sheet, label: Mapping[str, Any] | None) -> dict[str, Any]:
    """`columns`, `values[i][j]` with None where a column does not vary, and how many columns are left out."""
    columns: dict[str, Sql] = {str(column["name"]): number(column) for column in sheet.columns if kind_of(column) == "number"}
    if label and label["task"] == "binary":
        outcome = cast(name(str(label["column"])), "VARCHAR")
        positive = str(label["positive"]).lower() if isinstance(label["positive"], bool) else str(label["positive"])
        columns[str(label["column"])] = case(
            (query.is_null(outcome), None), (query.binary("==", outcome, positive), 1.0), default=0.0
        )
    names = list(columns)
    if len(names) > MOST:
        names = _nearest(sheet, columns, str(label["column"]) if label else "")
    pairs = {f"{i},{j}": _pair(columns[names[i]], columns[names[j]]) for i in range(len(names)) for j in range(i)}
    found = sheet.one(pairs) if pairs else {}
    values = [
        [1.0 if i == j else _value(found[f"{max(i, j)},{min(i, j)}"]) for j in range(len(names))] for i in range(len(names))
    ]
    return {"columns": names, "values": values, "left_out": len(columns) - len(names)}


def _nearest(sheet: Sheet, columns: Mapping[str, Sql], target: str) -> list[str]:
    """As many columns as can be read off a drawing: those that go with the target most, in their order; without one the first."""
    if target not in columns:
        return list(columns)[:MOST]
    found = sheet.one({name: _pair(value, columns[target]) for name, value in columns.items()})
    ranked = sorted(columns, key=lambda name: -abs(_value(found[name]) or 0.0))
    kept = {target, *ranked[:MOST]} if target in ranked[:MOST] else {target, *ranked[: MOST - 1]}
    return [name for name in columns if name in kept]


def _pair(left: Sql, right: Sql) -> Sql:
    return call("corr", left, right)


def _value(found: float | None) -> float | None:
    return None if found is None or not math.isfinite(found) else round(found, 12)
