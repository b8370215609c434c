"""The literal rows of a test as tables of the engine, and the faults that an extraction would find in them.

A column that a row leaves out is null and no fault; one that says `null`, or a value that the column forbids, is found by the
very rules that `extract` applies to data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from mlspec.runtime import query, table
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract import violations
from mlspec.runtime.extract.typed import engine_type
from mlspec.runtime.rehearse.given import Given

if TYPE_CHECKING:
    import duckdb


def quoted(name: str) -> str:
    """A name of the engine."""
    return query.render(exp.to_identifier(name, quoted=True))


class Tables:
    """The tables of an engine, a set for each source: made when a test first needs them, then emptied and filled again."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._made: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._rules: dict[str, list[violations.Rule]] = {}

    def text(self, key: str, build: Callable[[], query.Sql]) -> str:
        """The text of a statement, built once: hundreds of tests ask the same of different rows."""
        if key not in self._texts:
            self._texts[key] = query.render(build())
        return self._texts[key]

    def load(self, given: Given) -> None:
        """Put the rows of one source in the place of those of the test before."""
        cells, shape = quoted(f"cells {given.source}"), repr(given.columns)
        if self._made.get(given.source) == shape:
            self.connection.execute(f"TRUNCATE {cells}")
        else:
            self._make(given, cells)
            self._made[given.source] = shape
        insert = self.text(f"insert {given.source} {len(given.columns)}", lambda: _insert(given))
        for line in (*_lines(given, False), *_lines(given, True)):
            self.connection.execute(insert, line)

    def _make(self, given: Given, cells: str) -> None:
        kinds = [f"value{place} {engine_type(column)}, given{place} BOOLEAN" for place, column in enumerate(given.columns)]
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {cells} (__row BIGINT, __times BIGINT, __learned BOOLEAN, {', '.join(kinds)})"
        )
        for name, rows in _views(given).items():
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {query.render(rows)}")

    def faults(self, given: Given) -> list[StageError]:
        """What the rules of the columns say of all rows, tested and learned from."""
        cells, shape = f"cells {given.source}", repr(given.columns)
        if shape not in self._rules:  # literals are typed already, so no text is read as a value
            self._rules[shape] = [rule for rule in violations.rules(given.columns) if rule.code != "MLS802"]
        rules = self._rules[shape]
        text = self.text(f"count {given.source} {shape}", lambda: query.select(violations.counted(rules), cells))
        counts = self.connection.execute(text).fetchall()[0]
        return [
            violations.error_of(rule, given.source, int(count), int(counts[0]), _examples(self.connection, rule, cells))
            for rule, count in zip(rules, counts[1:], strict=True)
            if count
        ]


def _insert(given: Given) -> exp.Insert:
    marks = exp.Tuple(expressions=[exp.Placeholder() for _ in range(3 + 2 * len(given.columns))])
    return exp.Insert(this=query.table(f"cells {given.source}"), expression=exp.Values(expressions=[marks]))


def _views(given: Given) -> dict[str, exp.Select]:
    """The literal rows, tested or learned from, under the names of their columns; and the tested ones as often as the test says."""
    cells, number = f"cells {given.source}", query.name(table.ROW)
    columns = {str(column["name"]): query.name(f"value{place}") for place, column in enumerate(given.columns)}
    learned = query.name("__learned")
    times = query.call("unnest", query.call("range", query.name("__times")))
    copies = {**{key: value.copy() for key, value in columns.items()}, "__copy": times}
    every = query.select(copies, cells, where=query.negate(learned))
    names = {key: query.name(key) for key in columns}
    position = query.binary("-", query.window(query.call("row_number")), 1)
    return {
        given.each(False): query.select({table.ROW: number, **columns}, cells, where=query.negate(learned.copy())),
        given.each(True): query.select({table.ROW: number.copy(), **columns}, cells, where=learned.copy()),
        given.view: query.select({table.ROW: position, **names}, every),
    }


def _lines(given: Given, learned: bool) -> Iterator[list[Any]]:
    for number, row in enumerate(given.rows(learned)):
        cells: list[Any] = []
        for column in given.columns:
            value = row["values"].get(column["name"])
            # A column that the row leaves out is no missing value: the test says nothing of it.
            cells += [_engine_value(value, column), value is not None or column["name"] not in row["values"]]
        yield [number, int(row["times"]), learned, *cells]


def _engine_value(value: Any, column: Mapping[str, Any]) -> Any:
    """An instant without its zone, which is UTC; all else as it is."""
    return value.removesuffix("Z") if isinstance(value, str) and column["type"] == "timestamp" else value


def _examples(connection: duckdb.DuckDBPyConnection, rule: violations.Rule, cells: str) -> list[str]:
    """The broken values of a test stand in its text: nothing is masked."""
    shown = query.select(
        {"row": query.name(table.ROW), "value": query.cast(query.name(f"value{rule.place}"), "VARCHAR")},
        cells,
        where=rule.broken,
    ).limit(violations.EXAMPLES, copy=False)
    found = connection.execute(query.render(shown)).fetchall()
    return [f"row {row + 1}: {'null' if value is None else value}" for row, value in found]
