"""Look-ups of functions; a name may have several rows, one for each level at which it means something.

A row: name, level, parameters, result, null, taint, engines, built, doc, formula, source.

* Levels: row, check (over all rows of a source), history, fitted, metric (of a model), interval (on metrics), live.
* A parameter is (name, type, default); `...` means required, a name that starts with `*` takes the rest. Types: `number string
  bool temporal image value` (one row's value), `column` (a column of the source), `rows` (a source), `model`, `metric` (a number over
  rows), `samples` (one value for each row or request), `watched` (features, a feature or the score), `by`, `where`, `const:T`
  (a constant of type T), `enum:a|b`, `range`, `cuts` (a rising list), `values` (a list), `secret`, `patterns`.
* Result: a type name, `same` (the first argument's), `joined` (the common type of all), `samples:T`, `each:T` (one for each
  watched feature), `vector` (what a fitted step gives a model), or `item` (what the samples or the vector hold).
* Null: propagate (null in, null out), skip (aggregates leave nulls out), accept (null is a value like any other), never.
* Taint: keep (the highest of the arguments), none, lower (aggregates over at least `min_cell` rows), quasi, mask.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from mlspec.catalogue import fitted, history, interval, live, row

_TABLES: tuple[tuple[tuple[Any, ...], ...], ...] = (row.ROWS, row.CHECKS, history.ROWS, fitted.ROWS, interval.ROWS, live.ROWS)


class Function:
    """One row of the catalogue of functions."""

    __slots__ = ("built", "doc", "engines", "formula", "level", "name", "null", "parameters", "result", "source", "taint")

    def __init__(self, row: tuple[Any, ...]) -> None:
        (
            self.name, self.level, self.parameters, self.result, self.null, self.taint,
            self.engines, self.built, self.doc, self.formula, self.source,
        ) = row  # fmt: skip

    def __repr__(self) -> str:
        return f"Function({self.level} {self.name})"

    @property
    def positional(self) -> tuple[tuple[str, str, Any], ...]:
        """The parameters that may be given without name: all before the first optional one, and those that `*` marks."""
        return tuple(row for row in self.parameters if row[2] is ... or row[0].startswith("*"))

    def parameter(self, name: str) -> tuple[str, str, Any] | None:
        return next((row for row in self.parameters if row[0].lstrip("*") == name), None)


@cache
def _index() -> dict[str, list[tuple[Any, ...]]]:
    index: dict[str, list[tuple[Any, ...]]] = {}
    for table in _TABLES:
        for line in table:
            index.setdefault(line[0], []).append(line)
    return index


@cache
def functions(name: str) -> tuple[Function, ...]:
    """The rows of function `name`, lowest level first; empty where there is none."""
    return tuple(Function(line) for line in _index().get(name, ()))


def function_names() -> list[str]:
    """Every function, in the order of the tables."""
    return list(_index())
