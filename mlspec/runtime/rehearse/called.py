"""Expressions of a test that call externs, by both ways of a run: records through the online evaluator, rows through the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare import sql
from mlspec.runtime.prepare.online import out_of_range
from mlspec.runtime.rehearse.given import Faulty
from mlspec.runtime.table import ROW

if TYPE_CHECKING:
    import duckdb

    from mlspec.runtime.extern.pool import Externs

Resolve = Callable[[str], str]
Values = dict[str, list[Any]]


def online(forms: Mapping[str, Any], records: Sequence[Mapping[str, Any]], externs: Externs, secret: Resolve) -> Values:
    """The values for requests; `Faulty` where there is none."""
    from mlspec.runtime.extern.online import compile_many

    try:
        lines = compile_many(forms, externs, "", secret)(records)
        return {path: [line[path] for line in lines] for path in forms}
    except StageError as error:
        _not_of_a_row(error)
        return {path: [_of_one(path, form, record, externs, secret) for record in records] for path, form in forms.items()}


def _of_one(path: str, form: Any, record: Mapping[str, Any], externs: Externs, secret: Resolve) -> Any:
    from mlspec.runtime.extern.online import compile_many

    try:
        return compile_many({path: form}, externs, path, secret)([record])[0][path]
    except StageError as error:
        return Faulty(error)


def _not_of_a_row(error: StageError) -> None:
    """Code that may not run has no values of any row: that is said once."""
    if error.code in ("MLS824", "MLS812", "MLS828"):
        raise error


def batch(
    connection: duckdb.DuckDBPyConnection, forms: Mapping[str, Any], view: str, rows: int, externs: Externs, secret: Resolve
) -> Values:
    """The values for a batch; `Faulty` where there is none."""
    import duckdb

    faults = (StageError, duckdb.OutOfRangeException, duckdb.InvalidInputException, duckdb.ConversionException)
    try:
        return _batch(connection, forms, view, externs, secret)
    except faults:
        return {
            path: [_row(connection, path, form, view, row, externs, secret) for row in range(rows)]
            for path, form in forms.items()
        }


def _batch(
    connection: duckdb.DuckDBPyConnection, forms: Mapping[str, Any], view: Any, externs: Externs, secret: Resolve
) -> Values:
    left, source = with_results(connection, forms, view, externs, secret)
    found = connection.execute(query.render(sql.compile_query(left, source, "", secret))).fetchall()
    found.sort(key=lambda line: int(line[0]))
    return {path: [line[place] for line in found] for place, path in enumerate(forms, 1)}


def _row(
    connection: duckdb.DuckDBPyConnection, path: str, form: Any, view: str, row: int, externs: Externs, secret: Resolve
) -> Any:
    """The value of one row alone, where some row of them all has none."""
    import duckdb

    one = query.select(None, view, where=query.binary("==", query.name(ROW), row))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW one_row AS {query.render(one)}")
    try:
        return _batch(connection, {path: form}, "one_row", externs, secret)[path][0]
    except StageError as error:
        return Faulty(error)
    except (duckdb.OutOfRangeException, duckdb.InvalidInputException, duckdb.ConversionException):
        problem = out_of_range("number")
        return Faulty(StageError("MLS805", f"`{path}` leaves the range of its type", path, expected=problem.expected,
                                 found=f"row {row + 1}", help=problem.help))  # fmt: skip


def with_results(
    connection: duckdb.DuckDBPyConnection, forms: Mapping[str, Any], view: Any, externs: Externs, secret: Resolve | None = None
) -> tuple[dict[str, Any], Any]:
    """(the expressions without calls, a view of the rows with the results of the calls as columns)."""
    import pyarrow as pa

    from mlspec.runtime.extern.batch import plain
    from mlspec.runtime.extern.hoist import hoist
    from mlspec.runtime.extern.online import arrow_columns

    hoisted = hoist(forms)
    for number, calls in enumerate(hoisted.rounds):
        arguments = {f"{call.column}.{place}": form for call in calls for place, form in enumerate(call.arguments)}
        found = connection.execute(query.render(sql.compile_query(arguments, view, "", secret))).fetchall()
        lines = [dict(zip(arguments, line[1:], strict=True)) for line in found]
        results = {call.column: plain(externs.call(call.name, arrow_columns(call, lines, externs))) for call in calls}
        table, joined = f"called_{number}", f"with_called_{number}"
        connection.register("results_of_externs", pa.table({ROW: [int(line[0]) for line in found], **results}))
        results_of_externs = query.render(query.select(None, "results_of_externs"))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {results_of_externs}")
        connection.unregister("results_of_externs")
        both = query.select(None, view).join(query.table(table), using=[query.name(ROW)])
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {joined} AS {query.render(both)}")
        view = joined
    return dict(hoisted.forms), view
