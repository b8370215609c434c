"""Expressions that call externs, for tables: rounds of rows through the processes, each into a scratch file with their results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.extern.declaration import Declaration, from_project
from mlspec.runtime.extern.hoist import hoist
from mlspec.runtime.extern.pool import Externs
from mlspec.runtime.table import ROW

if TYPE_CHECKING:
    import duckdb

    from mlspec.runtime.context import StageContext

BATCH = 16_384


@contextmanager
def of_stage(context: StageContext, declared: Mapping[str, Declaration]) -> Iterator[Externs]:
    """The externs of a stage, with the code of its project."""
    with Externs(declared, from_project(context.project_root)) as externs:
        yield externs


def with_results(
    connection: duckdb.DuckDBPyConnection, forms: Mapping[str, Any], rows: Path, work: Path, externs: Externs, where: str,
    keep: Sequence[str] | None = None, secret: Callable[[str], str] | None = None,
) -> tuple[dict[str, Any], Path]:  # fmt: skip
    """(the expressions without calls, the rows with the results of the calls as columns).

    `keep` names the columns of the rows that the file must have; all that the expressions read, unless given.
    """
    hoisted = hoist(forms)
    kept = [ROW, *(hoisted.columns() if keep is None else (name for name in keep if name != ROW))]
    for number, calls in enumerate(hoisted.rounds):
        target = work / f"externs-{number}.parquet"
        _round(connection, calls, rows, target, kept, externs, where, secret)
        rows, kept = target, [*kept, *(call.column for call in calls)]
    return dict(hoisted.forms), rows


def _round(
    connection: duckdb.DuckDBPyConnection, calls: Sequence[Any], rows: Path, target: Path, kept: Sequence[str], externs: Externs,
    where: str, secret: Callable[[str], str] | None,
) -> None:  # fmt: skip
    """One pass over the rows: arguments by the engine, results by the processes, both into the next file in the order of the rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mlspec.runtime.prepare import sql

    arguments = {f"{call.column}.{place}": form for call in calls for place, form in enumerate(call.arguments)}
    statement = sql.compile_query(arguments, query.read_parquet(str(rows)), where, secret, kept)
    reader = connection.sql(query.render(statement)).to_arrow_reader(BATCH)
    writer: Any = None
    try:
        for batch in reader:
            found = {
                call.column: externs.call(call.name, [batch.column(f"{call.column}.{place}") for place in range(len(call.arguments))])
                for call in calls
            }  # fmt: skip
            table = pa.table(
                {**{name: batch.column(name) for name in kept}, **{name: plain(column) for name, column in found.items()}}
            )
            writer = writer or pq.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:
            empty = {name: pa.array([], reader.schema.field(name).type) for name in kept}
            results = {call.column: _empty(call, externs) for call in calls}
            pq.write_table(pa.table({**empty, **results}), target)
    finally:
        if writer is not None:
            writer.close()


def plain(column: Any) -> Any:
    """Points in time as the engine's own: without a zone, which is UTC."""
    import pyarrow as pa

    return column.cast(pa.timestamp("us")) if pa.types.is_timestamp(column.type) else column


def _empty(call: Any, externs: Externs) -> Any:
    import pyarrow as pa

    from mlspec.runtime.extern.types import arrow_type, kind_of

    return plain(pa.array([], arrow_type(kind_of(externs.declared[call.name].result))))


__all__ = ["BATCH", "of_stage", "plain", "with_results"]
