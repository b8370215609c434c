"""Aggregates over all rows of a source: found in an expression, computed in one scan, put back as columns of one row.

A mean is summed in row order: DuckDB runs on one thread over rows in order, so the sum's rounding is the same each time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.prepare import sql
from mlspec.runtime.query import Sql, call, cast, name
from mlspec.runtime.verify.partners import missing

if TYPE_CHECKING:
    import duckdb
    from sqlglot import exp

AGGREGATES = frozenset(["rows", "null_rate", "distinct", "unique", "min", "max", "mean", "quantile", "share"])
_TYPE_OF_KIND = {
    "int": "int?",
    "float": "float?",
    "bool": "bool?",
    "string": "string?",
    "date": "date?",
    "timestamp": "timestamp?",
}


class Aggregates:
    """The aggregates of a source's checks, each once, with the column of the result row that holds it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.forms: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self._inputs: dict[str, Any] = {}
        self._values: dict[str, Sql] = {}
        self._quantiles: dict[str, tuple[Sql, float]] = {}
        self._types: dict[str, str] = {}
        self.references: dict[str, Any] = {}
        self.shown: dict[str, str] = {}

    def reduce(self, form: Any) -> Any:
        """The form with a column in place of each aggregate."""
        if not isinstance(form, list) or not form or form[0] != "call":
            return form
        _, function, arguments, named = form
        if function == "references":
            return self._reference(form)
        if _is_aggregate(function, arguments):
            return self._column(form)
        return [
            "call",
            function,
            [self.reduce(item) for item in arguments],
            {key: self.reduce(item) for key, item in named.items()},
        ]

    def compute(self, connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        """The value of every aggregate."""
        whole = {column: self._refers(connection, column) for column in self.references}
        if not self._values:
            return whole
        inner = sql.compile_query(self._inputs, "rows", self.source)
        found = connection.execute(query.render(query.select(self._values, inner.copy()))).fetchone() or ()
        values: dict[str, Any] = dict(zip(self._values, found, strict=True))
        for column, (value, share) in self._quantiles.items():
            values[column] = _quantile(connection, inner, value, share, int(values[column]))
        return {**values, **whole}

    def _refers(self, connection: duckdb.DuckDBPyConnection, column: str) -> bool:
        """Whether no row lacks a partner; how many do is what messages show."""
        count = missing(connection, self.references[column], self.source)
        if count:
            self.shown[column] = f"false, {count:,} rows without a partner"
        return count == 0

    def _reference(self, form: Any) -> Any:
        key = repr(form)
        if key not in self.forms:
            column = self.forms[key] = f"aggregate{len(self.forms)}"
            self.references[column], self.labels[column] = form, _label(form)
        return ["col", self.forms[key], "bool"]

    def _column(self, form: Any) -> Any:
        key = repr(form)
        if key not in self.forms:
            column = f"aggregate{len(self.forms)}"
            self.forms[key] = column
            value, kind = self._build(form, column)
            self._values[column], self._types[column] = value, kind
            self.labels[column] = _label(form)
        column = self.forms[key]
        return ["col", column, self._types[column]]

    def _build(self, form: Any, column: str) -> tuple[Sql, str]:
        _, function, arguments, named = form
        inputs = [self._input(item, f"{column}_{place}") for place, item in enumerate(arguments) if _is_row_form(item)]
        if function == "rows":
            return call("count_star"), "int"
        if function == "unique":
            return _unique([item for item, _ in inputs]), "bool?"
        value, kind = inputs[0]
        if function == "quantile":
            at = named.get("at", arguments[1] if len(arguments) > 1 else None)
            share = float(at[1] if isinstance(at, list) else at)
            self._quantiles[column] = (cast(value, "DOUBLE"), share)
            return call("count", value), "float?"
        return _SIMPLE[function](value), {"distinct": "int", "min": kind, "max": kind}.get(function, "float?")

    def _input(self, form: Any, column: str) -> tuple[Sql, str]:
        self._inputs[column] = form
        steps, root = sql.compile_condition(form, self.source)
        return name(column), _TYPE_OF_KIND[steps[root].kind]


def _is_aggregate(function: str, arguments: Any) -> bool:
    """Whether a call is over all rows; `min` and `max` of several arguments are the row functions."""
    if function in ("min", "max"):
        return len(arguments) == 1
    return function in AGGREGATES


def _is_row_form(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and item[0] in ("col", "call")


def _unique(values: list[Sql]) -> Sql:
    """No combination of values twice; rows with a null in it are left out."""
    together = call("row", *values)
    present = query.both(*(query.not_null(value) for value in values))
    given = call("count_if", present)
    return query.binary("==", call("count", query.distinct(query.case((present, together)))), given)


def _quantile(connection: duckdb.DuckDBPyConnection, rows: exp.Select, value: Sql, share: float, count: int) -> float | None:
    """Between the two nearest of the `count` values in their order; by a sort, which is spilled, as the engine's own quantile is not."""
    if not count:
        return None
    place = share * (count - 1)
    below = math.floor(place)
    known = query.select({"v": value}, rows.copy(), where=query.not_null(value.copy()))
    near = known.order_by(name("v"), copy=False).limit(2, copy=False).offset(below, copy=False)
    found = [float(item) for (item,) in connection.execute(query.render(near)).fetchall()]
    return found[0] + (found[-1] - found[0]) * (place - below)


def _share(value: Sql) -> Sql:
    """The share of rows, of those where the condition is known, for which it is true."""
    return query.binary("/", cast(call("count_if", value), "DOUBLE"), call("nullif", cast(call("count", value), "DOUBLE"), 0.0))


_SIMPLE = {
    "null_rate": lambda value: query.binary(
        "/", cast(call("count_if", query.is_null(value)), "DOUBLE"), call("nullif", cast(call("count_star"), "DOUBLE"), 0.0)
    ),
    "distinct": lambda value: call("count", query.distinct(value)),
    "min": lambda value: call("min", value),
    "max": lambda value: call("max", value),
    "mean": lambda value: call("avg", cast(value, "DOUBLE")),
    "share": _share,
}


def _label(form: Any) -> str:
    from mlspec.runtime.wording import text_of

    return text_of(form)
