"""Tables that cross the pipe to a step and back: what Arrow gives is looked at column by column, in both processes.

Nothing is converted but whole numbers to numbers and every spelling of text to text.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.extern import frames
from mlspec.runtime.extern.types import Unfit

Descriptor = Mapping[str, Any]
_SIZE = struct.Struct("<Q")
_TEXTS = frozenset(("string", "text", "category", "id"))
_WHOLE = frozenset(("int", "bytes"))


def arrow_of(column: Descriptor) -> Any:
    """The Arrow type of a declared column, in what a step is given and in what it gives; points in time are in UTC."""
    import pyarrow as pa

    kind = str(column["type"]).removesuffix("?")
    if kind == "decimal":
        return pa.decimal128(int(column.get("precision") or 18), int(column.get("scale") or 0))
    if kind in _TEXTS:
        return pa.string()
    if kind in _WHOLE:
        return pa.int64()
    return {"bool": pa.bool_(), "date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC")}.get(kind, pa.float64())


def fitted(value: Any, columns: Sequence[Descriptor]) -> Any:
    """What the code gave as a table of the declared columns, in their order; `Unfit` where it is none."""
    import pyarrow as pa

    table = _table(value)
    names = [str(column["name"]) for column in columns]
    if len(set(table.column_names)) != len(table.column_names):
        raise Unfit("two columns of one name")
    if set(table.column_names) != set(names):
        raise Unfit(_other_columns(table.column_names, names))
    found = [_column(table.column(name).combine_chunks(), column) for name, column in zip(names, columns, strict=True)]
    return pa.table(found, schema=pa.schema([(name, arrow_of(column)) for name, column in zip(names, columns, strict=True)]))


def _table(value: Any) -> Any:
    import pyarrow as pa

    if type(value).__module__.partition(".")[0] == "pandas":
        return pa.Table.from_pandas(value, preserve_index=False)
    if not (isinstance(value, dict) or hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")):
        raise Unfit(f"{type(value).__name__}, where a table is declared")
    try:
        return pa.table(value)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise Unfit("columns that are no Arrow columns of one length") from error


def _other_columns(found: Sequence[str], wanted: Sequence[str]) -> str:
    missing = [name for name in wanted if name not in found]
    more = [name for name in found if name not in wanted]
    said = [f"no column `{'`, `'.join(missing)}`"] if missing else []
    return " and ".join([*said, *([f"{len(more)} that no column of the source is"] if more else [])])


def _column(found: Any, column: Descriptor) -> Any:
    import pyarrow as pa

    wanted, name = arrow_of(column), str(column["name"])
    if not _takes(str(column["type"]).removesuffix("?"), found.type):
        raise Unfit(f"{found.type} in column `{name}`, where {column['type']} is declared")
    if found.null_count and not column.get("optional"):
        raise Unfit(f"null in column `{name}`, which has no `?`")
    try:
        made = found.cast(wanted)
        return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made
    except pa.ArrowException as error:
        raise Unfit(f"a value in column `{name}` that {column['type']} does not have") from error


def _takes(kind: str, found: Any) -> bool:
    import pyarrow.types as types

    if types.is_null(found):
        return True
    if types.is_dictionary(found):
        return _takes(kind, found.value_type)
    if kind in _TEXTS:
        return bool(types.is_string(found) or types.is_large_string(found) or types.is_string_view(found))
    if kind in _WHOLE:
        return bool(types.is_integer(found))
    if kind == "timestamp":
        return bool(types.is_timestamp(found) and found.tz is not None)
    plain: dict[str, Callable[[Any], bool]] = {"bool": types.is_boolean, "date": types.is_date, "decimal": types.is_decimal}
    number = types.is_integer(found) or types.is_floating(found)
    return bool(plain[kind](found) if kind in plain else number)


def same(table: Any, columns: Sequence[Descriptor]) -> str:
    """Why a table that came over the pipe is not what `fitted` makes, "" where it is: the process that made it ran the code."""
    for field, column in zip(table.schema, columns, strict=False):
        if field.name != column["name"] or field.type != arrow_of(column):
            return f"a column `{field.name}` of {field.type}"
        if table.column(field.name).null_count and not column.get("optional"):
            return f"null in column `{field.name}`, which has no `?`"
    return "" if table.num_columns == len(columns) else f"{table.num_columns} columns"


def named(name: str, content: bytes) -> bytes:
    """A table under its parameter's name."""
    head = name.encode()
    return _SIZE.pack(len(head)) + head + content


class Steps:
    """The function of a step and the tables that it was given so far; the worker's side."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.given: dict[str, Any] = {}
        self.row: int | None = None

    def answer(self, letter: bytes, content: bytes) -> tuple[bytes, bytes]:
        """The answer to one command: `P` takes a table, `T` gives the table that the code makes of them."""
        if letter == b"P":
            size = _SIZE.unpack(content[: _SIZE.size])[0]
            name = content[_SIZE.size : _SIZE.size + size].decode()
            self.given[name] = frames.from_arrow(content[_SIZE.size + size :])
            return b"V", b"null"
        columns = json.loads(content)["columns"]
        tables, self.given = self.given, {}
        return b"T", frames.table_to_arrow(fitted(self.function(**tables), columns))
