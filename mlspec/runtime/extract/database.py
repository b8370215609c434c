"""Readers of database files: SQLite and DuckDB, opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlspec.graph.leaves import files_beside
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.reader import Input, Plain, Reader, unreadable
from mlspec.runtime.query import call, render, select

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

BATCH = 20_000

_ALLOWED = frozenset([sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE])


def statement(source: Input) -> str:
    """The SELECT to run: the given one, or all columns of the given table."""
    if source.query is not None:
        return select_only(source.query, source.where)
    if source.table is None:
        raise StageError(
            "MLS106", "a database source needs a table or a query", source.where, expected="`table:` or `query:`",
            found="neither", help="name the table: `sqlite(\"data/shop.db\", table: \"orders\")`",
        )  # fmt: skip
    return render(select(None, source.table))


def select_only(text: str, where: str) -> str:
    """The text again when it is one SELECT statement, else MLS316."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = sqlglot.parse(text, dialect="sqlite")
    except (SqlglotError, RecursionError) as error:
        raise _no_select(where, str(error).splitlines()[0] if str(error) else "nested too deep") from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise _no_select(where, f"{len(parsed)} statements" if len(parsed) != 1 else type(parsed[0]).__name__.upper())
    return text.strip().rstrip(";")


def _no_select(where: str, found: str) -> StageError:
    return StageError(
        "MLS316", "the query is no single SELECT", where, expected="one SELECT statement", found=found,
        help="reading is all that a source does: put one SELECT into `query`",
    )  # fmt: skip


def open_duckdb(connection: duckdb.DuckDBPyConnection, source: Input) -> Reader:
    """A table or query of a DuckDB file, which the session attached as `source` before it was locked."""
    import duckdb
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        connection.execute("USE source")
        query = sqlglot.parse_one(statement(source), dialect="duckdb")
        described = connection.execute(f"DESCRIBE {render(query)}").fetchall()
    except (duckdb.Error, SqlglotError) as error:
        raise unreadable(source, error, "a readable table or query of a DuckDB file") from error
    return Plain({str(row[0]): str(row[1]) for row in described}, query)


def open_sqlite(connection: duckdb.DuckDBPyConnection, source: Input) -> Reader:
    """A table or query of a SQLite file, copied as text into the work folder: SQLite types values, not columns."""
    copy = source.work / f"sqlite-{source.file.digest[:16]}.parquet"
    try:
        names = _copy_sqlite(source, str(copy))
    except sqlite3.Error as error:
        raise unreadable(source, error, "a readable table or query of a SQLite file") from error
    return Plain(dict.fromkeys(names, "VARCHAR"), call("read_parquet", str(copy)))


def _copy_sqlite(source: Input, target: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _sqlite(source) as database:
        cursor = database.execute(statement(source))
        names = [str(column[0]) for column in cursor.description]
        schema = pa.schema([(column, pa.string()) for column in names])
        with pq.ParquetWriter(target, schema) as writer:
            for batch in _batches(cursor, schema):
                writer.write_batch(batch)
    return names


class _sqlite:
    """A connection that allows SELECT alone, closed at the end of the `with`.

    A file with a log beside it is copied, log and all: reading the log writes to the folder, and leaving it out would miss rows.
    """

    def __init__(self, source: Input) -> None:
        copy = _with_its_log(source)
        address = f"{quote(str(copy))}?mode=rw" if copy else f"{quote(str(source.file.path))}?mode=ro&immutable=1"
        self.database = sqlite3.connect(f"file:{address}", uri=True)

    def __enter__(self) -> sqlite3.Connection:
        self.database.set_authorizer(_authorize)
        return self.database

    def __exit__(self, *_: object) -> None:
        self.database.close()


def _with_its_log(source: Input) -> Path | None:
    """A copy of a database and of the log beside it, in the work folder; None for a database without a log."""
    path = source.file.path
    logs = files_beside(path.parent, path.name, "sqlite")
    if not logs:
        return None
    copy = source.work / f"sqlite-{source.file.digest[:16]}.db"
    for stale in source.work.glob(f"{copy.name}-*"):
        stale.unlink()
    files.copy_file(path, copy)
    for name in logs:
        files.copy_file(path.parent / name, copy.with_name(copy.name + name.removeprefix(path.name)))
    return copy


def _authorize(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    loads = action == sqlite3.SQLITE_FUNCTION and second == "load_extension"
    return sqlite3.SQLITE_OK if action in _ALLOWED and not loads else sqlite3.SQLITE_DENY


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    while records := cursor.fetchmany(BATCH):
        columns: Sequence[Sequence[Any]] = list(zip(*records, strict=True))
        arrays = [_texts(column) for column in columns]
        yield pa.record_batch(arrays, schema=schema)


def _texts(column: Sequence[Any]) -> pa.Array:
    """The values' texts; a batch of values of one type is turned into text as a whole."""
    import pyarrow as pa

    kinds = set(map(type, column)) - {type(None)}
    if kinds <= {str}:
        return pa.array(column, pa.string())
    if kinds == {int}:
        return pa.array(column, pa.int64()).cast(pa.string())
    if kinds == {float}:
        return pa.array([value if value is None else _float_text(value) for value in column], pa.string())
    return pa.array([_text(value) for value in column], pa.string())


def _text(value: object) -> str | None:
    """The value's text, with all digits of a number; bytes get a NUL in front, which no declared type takes."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"\0{len(value)} bytes"
    return _float_text(value) if isinstance(value, float) else repr(value)


def _float_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
