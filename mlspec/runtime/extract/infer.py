"""A first description of a file's columns: types, ranges, categories, null rates, what could be a key. For `infer` and `init`.

It proposes; a person decides. The narrowest type that every value fits is proposed, by the same rules that extraction checks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query, table
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.paths import find_files
from mlspec.runtime.extract.reader import Input, Reader, open_input
from mlspec.runtime.extract.typed import typed
from mlspec.runtime.query import call, name

if TYPE_CHECKING:
    import duckdb

CATEGORIES = 20
WORDS = 40
FORMATS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# The types tried, narrowest first; text fits everything.
_LADDER = ("bool", "int", "float", "date", "timestamp")


def infer_columns(path: Path) -> dict[str, Any]:
    """`{"path", "format", "options", "rows", "columns": [{"name", "type", "optional", "null_rate", "distinct", "key", "range"?, "values"?}]}`.

    MLS801 for a file that cannot be read, MLS901 for an ending that names no format.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise StageError("MLS901", f"the columns of `{path.name}` cannot be inferred", expected=" ".join(FORMATS), found=path.suffix or "no ending",
                         help="save the data as CSV, JSON lines or parquet")  # fmt: skip
    options = {"delimiter": "\t"} if path.suffix.lower() == ".tsv" else {}
    (file,) = find_files(path.parent, [path.name], path.name)
    with tempfile.TemporaryDirectory() as folder, table.session([file.path], [Path(folder)], Path(folder)) as connection:
        names = _json_names(connection, file.path) if kind == "jsonl" else []
        source = Input(file, path.name, options, [{"name": item} for item in names], Path(folder))
        reader = open_input(connection, kind, source)
        rows = int(
            connection.execute(query.render(query.select({"n": call("count_star")}, reader.relation()))).fetchall()[0][0]
        )
        problems = reader.problems()
        if problems:
            raise StageError("MLS802", f"{len(problems):,} records of `{path.name}` are malformed", expected="as many values as the header has names",
                             found=problems[0].reason, help="fix these lines", examples=[f"{item.place}: {item.reason}" for item in problems[:5]])  # fmt: skip
        columns = [_column(connection, reader, column, found, rows) for column, found in reader.columns().items()]
    return {"path": path.name, "format": kind, "options": options, "rows": rows, "columns": columns}


def _json_names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The keys of the first objects, in order of appearance."""
    objects = query.select({"keys": call("json_keys", name("json"))}, call("read_ndjson_objects", str(path))).limit(
        1000, copy=False
    )
    found = connection.execute(query.render(objects)).fetchall()
    return list(dict.fromkeys(key for (keys,) in found for key in keys or ()))


def _column(connection: duckdb.DuckDBPyConnection, reader: Reader, column: str, found: str, rows: int) -> dict[str, Any]:
    raw = name(column)
    fits = {kind: typed({"type": kind}, raw, found) for kind in (*_LADDER, "string")}
    counts = {"given": call("count", raw), **{kind: call("count", value) for kind, value in fits.items()}}
    held = dict(
        zip(counts, connection.execute(query.render(query.select(counts, reader.relation()))).fetchall()[0], strict=True)
    )
    given = held["string"] if found == "JSON" else held["given"]
    given = max(given, *(held[kind] for kind in fits))
    kind = next((kind for kind in _LADDER if given and held[kind] == given), "string")
    result: dict[str, Any] = {
        "name": column,
        "type": kind,
        "optional": given < rows,
        "null_rate": (rows - given) / rows if rows else 0.0,
    }
    return result | _facts(connection, reader, fits[kind], kind, rows, given)


def _facts(
    connection: duckdb.DuckDBPyConnection, reader: Reader, value: query.Sql, kind: str, rows: int, given: int
) -> dict[str, Any]:
    values = {
        "distinct": call("count", query.distinct(value)),
        "low": call("min", value),
        "high": call("max", value),
    }
    if kind == "string":
        values["longest"] = call("max", call("length", value))
    held = dict(
        zip(values, connection.execute(query.render(query.select(values, reader.relation()))).fetchall()[0], strict=True)
    )
    result: dict[str, Any] = {
        "distinct": held["distinct"],
        "key": rows > 1 and held["distinct"] == rows and kind in ("int", "string"),
    }
    if kind in ("int", "float") and given:
        result["range"] = [held["low"], held["high"]]
    if kind == "string" and _is_category(held, given, result):
        result["type"] = "category"
        listed = query.select({"v": value}, reader.relation(), where=query.not_null(value))
        if held["distinct"] <= CATEGORIES:
            found = connection.execute(f"{query.render(listed)} GROUP BY 1 ORDER BY 1").fetchall()
            result["values"] = [item for (item,) in found]
    return result


def _is_category(held: Mapping[str, Any], given: int, result: Mapping[str, Any]) -> bool:
    """Few short values that come again and again."""
    return not result["key"] and 0 < held["distinct"] <= max(given // 20, 2) and (held["longest"] or 0) <= WORDS
