"""The target by each column: the rate of the positive class, the shares of the classes, or the mean, per category or bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from mlspec.runtime import query
from mlspec.runtime.profile.columns import TOP
from mlspec.runtime.profile.sheet import Sheet, kind_of, number, text
from mlspec.runtime.query import Sql, call, cast, name
from mlspec.runtime.verify.wording import show

BINS = 8


def target(sheet: Sheet, label: Mapping[str, Any], bins: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The target overall, and by every column but itself that may show values; `bins` holds the cuts of the numeric ones."""
    measures = _measures(sheet, label)
    overall = sheet.one({**measures, "rows": call("count_star")})
    found: dict[str, Any] = {
        "column": label["column"],
        "task": label["task"],
        "measures": list(measures),
        "overall": overall,
        "by": {},
    }
    for column in sheet.columns:
        if column["name"] == label["column"] or kind_of(column) == "hidden":
            continue
        cells = (
            _by_bin(sheet, column, measures, bins.get(str(column["name"]), ()))
            if kind_of(column) == "number"
            else _by_category(sheet, column, measures)
        )
        if len(cells) > 1:
            found["by"][column["name"]] = cells
    return found


def _measures(sheet: Sheet, label: Mapping[str, Any]) -> dict[str, Sql]:
    value = name(str(label["column"]))
    if label["task"] == "regression":
        return {"mean": call("avg", cast(value, "DOUBLE"))}
    as_text = call("lower", cast(value, "VARCHAR")) if isinstance(label.get("positive"), bool) else cast(value, "VARCHAR")
    if label["task"] == "binary":
        positive = str(label["positive"]).lower() if isinstance(label["positive"], bool) else str(label["positive"])
        return {f"rate of {positive}": _rate(query.binary("==", as_text, positive))}
    classes = [str(item) for item in label.get("classes") or ()] or [
        str(item) for (item,) in sheet.all({"c": as_text}, where=query.not_null(value), tail="GROUP BY 1 ORDER BY 1")
    ]
    return {f"share of {item}": _rate(query.binary("==", as_text, item)) for item in classes}


def _rate(condition: Sql) -> Sql:
    return query.binary(
        "/", cast(call("count_if", condition), "DOUBLE"), call("nullif", cast(call("count", condition), "DOUBLE"), 0.0)
    )


def _by_category(sheet: Sheet, column: Mapping[str, Any], measures: Mapping[str, Sql]) -> list[dict[str, Any]]:
    ordered = "value" if kind_of(column) == "time" else "n DESC, value"
    rows = sheet.all({"value": text(column), "n": call("count_star"), **measures}, tail=f"GROUP BY 1 ORDER BY {ordered}")
    hidden = sheet.withheld([int(count) for _, count, *_ in rows])
    cells = [
        _cell("null" if value is None else str(value), count, list(measures), found, hides)
        for (value, count, *found), hides in zip(rows, hidden, strict=True)
    ]
    return [cell for cell in cells if cell["rows"] is not None][: TOP * (2 if kind_of(column) == "time" else 1)]


def _by_bin(
    sheet: Sheet, column: Mapping[str, Any], measures: Mapping[str, Sql], inner: Sequence[float]
) -> list[dict[str, Any]]:
    """Bins of about equal rows; ends of the outer bins are left open, since they would be single values."""
    if not inner:
        return []
    value = number(column)
    # One pass for all bins: a row's bin is the number of cuts below its value.
    above = [query.case((query.binary(">", value, cut), 1), default=0) for cut in inner]
    place = reduce(lambda left, right: query.binary("+", left, right), above, query.lift(0))
    rows = sheet.all(
        {"bin": place, "n": call("count_star"), **measures}, where=query.not_null(value), tail="GROUP BY 1 ORDER BY 1"
    )  # fmt: skip
    bounds: list[float | None] = [None, *inner, None]
    hidden = sheet.withheld([int(count) for _, count, *_ in rows])
    return [
        _cell(span(bounds[bin], bounds[bin + 1]), int(count), list(measures), found, hides)
        for (bin, count, *found), hides in zip(rows, hidden, strict=True)
    ]


def span(low: float | None, high: float | None) -> str:
    short = [None if end is None else show(int(end)) if end == int(end) else f"{end:.4g}" for end in (low, high)]
    if short[0] is None:
        return f"≤ {short[1]}"
    return f"> {short[0]}" if short[1] is None else f"{short[0]} – {short[1]}"


def _cell(value: str, count: int, names: Sequence[str], found: Sequence[Any], few: bool) -> dict[str, Any]:
    """One cell; too few rows withhold its count and its measures."""
    return {
        "value": value,
        "rows": None if few else int(count),
        "measures": {key: None if few else item for key, item in zip(names, found, strict=True)},
    }
