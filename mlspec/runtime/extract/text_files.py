"""Readers of CSV, JSON lines and parquet files."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.reader import Input, Plain, Problem, Reader, name_in_data, unreadable
from mlspec.runtime.extract.typed import JSON_FIELD
from mlspec.runtime.query import Sql, call, lift, render, select

if TYPE_CHECKING:
    import duckdb

HEADER_LIMIT = 1 << 20
PROBLEM_LIMIT = 1000
FIRST_LINES = 10_000


def open_parquet(connection: duckdb.DuckDBPyConnection, source: Input) -> Reader:
    """A parquet file; its schema is in its footer."""
    import duckdb

    rows = call("read_parquet", str(source.file.path))
    try:
        return Plain(_describe(connection, rows), rows)
    except duckdb.Error as error:
        raise unreadable(source, error, "a parquet file") from error


def open_csv(connection: duckdb.DuckDBPyConnection, source: Input) -> Reader:
    """A CSV file in UTF-8: every value is text until its declared type reads it; nothing about the dialect is guessed."""
    names = csv_header(source)
    options: dict[str, Any] = {
        "columns": _struct(dict.fromkeys(names, "VARCHAR")),
        "auto_detect": False,
        "header": bool(source.options.get("header", True)),
        "delim": _delimiter(source),
        "quote": '"',
        "escape": '"',
        "nullstr": exp.Array(expressions=[lift(text) for text in source.options.get("null", ("",))]),
        "allow_quoted_nulls": False,
        "strict_mode": True,
        "store_rejects": True,
        "rejects_limit": PROBLEM_LIMIT,
    }
    rows = call("read_csv", str(source.file.path), *_named(options))
    return Plain(dict.fromkeys(names, "VARCHAR"), rows, lambda: _rejects(connection, source))


def csv_header(source: Input) -> list[str]:
    """The names of the columns: those of the first record, or the declared ones by position."""
    if not source.options.get("header", True):
        return [name_in_data(column) for column in source.columns]
    opener = gzip.open if source.file.name.endswith(".gz") else open
    try:
        with opener(source.file.path, "rb") as stream:
            start = stream.read(HEADER_LIMIT)
        text = start[: start.rfind(b"\n") + 1 or None].decode("utf-8-sig")
    except (UnicodeDecodeError, OSError, EOFError) as error:
        raise unreadable(source, error, "a CSV file in UTF-8") from error
    names = next(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(source)), [])
    return _distinct(names, source)


def _delimiter(source: Input) -> str:
    delimiter = str(source.options.get("delimiter", ","))
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise StageError(
            "MLS209", "a CSV delimiter is one character", source.where, expected="one character that is no quote and no line end",
            found=repr(delimiter), help="set `delimiter`, for example to `\";\"`",
        )  # fmt: skip
    return delimiter


def _distinct(names: list[str], source: Input) -> list[str]:
    folded = [name.lower() for name in names]
    twice = sorted({name for name in names if folded.count(name.lower()) > 1})
    if not names or twice:
        raise StageError(
            "MLS801", f"the header of `{source.file.name}` does not name its columns", source.where,
            expected="a first line with one distinct name per column",
            found=f"{', '.join(twice)} more than once (upper and lower case alike)" if twice else "an empty file",
            help="name each column once in line 1, or set `header: false`",
        )  # fmt: skip
    return names


def _rejects(connection: duckdb.DuckDBPyConnection, source: Input) -> Sequence[Problem]:
    found = connection.execute(
        "SELECT DISTINCT e.line, lower(CAST(e.error_type AS VARCHAR)) FROM reject_errors AS e "
        "JOIN reject_scans AS s USING (scan_id, file_id) WHERE s.file_path = ? ORDER BY ALL",
        [str(source.file.path)],
    ).fetchall()
    return [Problem(f"{source.file.name} line {line}", reason) for line, reason in found]


def open_jsonl(connection: duckdb.DuckDBPyConnection, source: Input) -> Reader:
    """A file of one JSON object a line. A key that no line has is a missing column."""
    import duckdb

    names = [name_in_data(column) for column in source.columns]
    options: dict[str, Any] = {"format": "newline_delimited", "columns": _struct(dict.fromkeys(names, "JSON"))}
    rows = call("read_json", str(source.file.path), *_named(options))
    try:
        return Plain(_json_columns(connection, rows, names), rows)
    except duckdb.Error as error:
        raise unreadable(source, error, "one JSON object a line") from error


def _json_columns(connection: duckdb.DuckDBPyConnection, rows: Sql, names: Sequence[str]) -> Mapping[str, str]:
    """The columns that some line names: mostly the first lines name them all, and the file is not read to its end for it."""
    counts = {name: call("count", exp.column(name, quoted=True)) for name in names}
    first = select(None, rows.copy()).limit(FIRST_LINES, copy=False)
    for source in (first, rows):
        found = connection.execute(render(select(counts, source))).fetchone() or ()
        if all(found):
            break
    return {name: JSON_FIELD for name, count in zip(names, found, strict=True) if count}


def _describe(connection: duckdb.DuckDBPyConnection, rows: Sql) -> dict[str, str]:
    described = connection.execute(f"DESCRIBE {render(select(None, rows))}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def _struct(fields: Mapping[str, str]) -> Sql:
    pairs = [exp.PropertyEQ(this=lift(key), expression=lift(value)) for key, value in fields.items()]
    return exp.Struct(expressions=pairs)


def _named(options: Mapping[str, Any]) -> list[Sql]:
    return [exp.Kwarg(this=exp.var(key), expression=_option(value)) for key, value in options.items()]


def _option(value: Any) -> Sql:
    return exp.Literal.number(value) if type(value) is int else lift(value)
