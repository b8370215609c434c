"""Pearson's correlation of every two numeric columns, rows with a null in either left out; a two-class label counts as 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlspec.runtime import query
from mlspec.runtime.profile.sheet import Sheet, kind_of, number
from mlspec.runtime.query import Sql, call, case, cast, name


def correlation(sheet: Sheet, label: Mapping[str, Any] | None) -> dict[str, Any]:
    """`columns`, and `values[i][j]` with None where a column does not vary."""
    columns: dict[str, Sql] = {str(column["name"]): number(column) for column in sheet.columns if kind_of(column) == "number"}
    if label and label["task"] == "binary":
        outcome = cast(name(str(label["column"])), "VARCHAR")
        positive = str(label["positive"]).lower() if isinstance(label["positive"], bool) else str(label["positive"])
        columns[str(label["column"])] = case(
            (query.is_null(outcome), None), (query.binary("==", outcome, positive), 1.0), default=0.0
        )
    names = list(columns)
    pairs = {f"{i},{j}": _pair(columns[names[i]], columns[names[j]]) for i in range(len(names)) for j in range(i)}
    found = sheet.one(pairs) if pairs else {}
    values = [
        [1.0 if i == j else _value(found[f"{max(i, j)},{min(i, j)}"]) for j in range(len(names))] for i in range(len(names))
    ]
    return {"columns": names, "values": values}


def _pair(left: Sql, right: Sql) -> Sql:
    return call("corr", left, right)


def _value(found: float | None) -> float | None:
    return None if found is None or not math.isfinite(found) else round(found, 12)
