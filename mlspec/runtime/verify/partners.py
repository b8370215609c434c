"""`references`: the rows of a source whose value is missing in a column of another source.

A null refers to nothing: such a row has no fault, and a null of the other column is nobody's partner, as in a foreign key of SQL.
The values are compared by an anti-join, which the engine spills to disk when the other column does not fit its memory; both
sides are read once as the columns they are, so a decimal is compared in every digit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from mlspec.runtime import query, table
from mlspec.runtime.prepare import sql
from mlspec.runtime.query import binary, call, cast, name, not_null

if TYPE_CHECKING:
    import duckdb


def open_partner(connection: duckdb.DuckDBPyConnection, source: str, rows: Path) -> None:
    """Make the rows of another source readable under its name."""
    view = query.render(exp.to_identifier(_view(source), quoted=True))
    connection.execute(f"CREATE TEMP VIEW {view} AS {query.render(query.select(None, query.read_parquet(str(rows))))}")


def missing(connection: duckdb.DuckDBPyConnection, form: Any, where: str) -> int:
    """How many rows have a value that the other column lacks."""
    found = connection.execute(query.render(query.select({"n": call("count_star")}, _lacking(form, where)))).fetchone()
    return int(found[0]) if found else 0


def some_missing(connection: duckdb.DuckDBPyConnection, form: Any, where: str, most: int) -> list[tuple[int, str]]:
    """The first rows of them, in order: row number and value as text."""
    values = {"row": name(table.ROW), "value": cast(name("value"), "VARCHAR")}
    rows = query.select(values, _lacking(form, where)).order_by(name("row"), copy=False).limit(most, copy=False)
    return [(int(row), str(value)) for row, value in connection.execute(query.render(rows)).fetchall()]


def _lacking(form: Any, where: str) -> exp.Select:
    """`__row` and `value` of every row without a partner."""
    value, other = form[2]
    source, _, column = other[1].rpartition(".")
    values = _values(value, where)
    known = query.select({"value": name(column)}, _view(source), where=not_null(name(column)))
    rows = query.select(
        {table.ROW: name("own", table.ROW), "value": name("own", "value")},
        query.table(values, "own"),
        where=not_null(name("own", "value")),
    )
    return rows.join(
        query.table(known, "known"),
        on=binary("==", name("own", "value"), name("known", "value")),
        join_type="anti",
        copy=False,
    )


def _values(form: Any, where: str) -> exp.Select:
    """The values that are looked for: a column as it is, else what the expression gives."""
    if form[0] == "col":
        return query.select({table.ROW: name(table.ROW), "value": name(form[1])}, "rows")
    return sql.compile_query({"value": form}, "rows", where)


def _view(source: str) -> str:
    return f"source {source}"
