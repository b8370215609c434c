"""What a source format provides: the columns of one input and its rows as a SQL relation. New formats join here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.paths import DataFile
from mlspec.runtime.query import Sql

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to read: a file, and what the spec says about reading it."""

    file: DataFile
    where: str
    options: Mapping[str, Any]
    columns: Sequence[Mapping[str, Any]]
    work: Path
    table: str | None = None
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that the format itself refuses: its place and why."""

    place: str
    reason: str


class Reader(Protocol):
    """One input, opened. `relation` gives the same rows in the same order each time it is scanned."""

    # Name and engine type of each column, in order.
    def columns(self) -> Mapping[str, str]: ...

    # The rows, as something to select from.
    def relation(self) -> Sql: ...

    # Records refused in the first scan; called after it.
    def problems(self) -> Sequence[Problem]: ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A reader whose columns are known and whose records cannot be malformed one by one."""

    names: Mapping[str, str]
    rows: Sql
    refused: Callable[[], Sequence[Problem]] = field(default=tuple)

    def columns(self) -> Mapping[str, str]:
        """Name and engine type of each column."""
        return self.names

    def relation(self) -> Sql:
        """The rows."""
        return self.rows

    def problems(self) -> Sequence[Problem]:
        """What the first scan refused."""
        return self.refused()


def name_in_data(column: Mapping[str, Any]) -> str:
    """What the data calls a declared column."""
    return str(column.get("named", column["name"]))


Open = Callable[["duckdb.DuckDBPyConnection", Input], Reader]


def open_input(connection: duckdb.DuckDBPyConnection, kind: str, source: Input) -> Reader:
    """The reader of a declared format; the format is never guessed from the file."""
    from mlspec.runtime.extract import database, text_files

    formats: dict[str, Open] = {
        "csv": text_files.open_csv, "jsonl": text_files.open_jsonl, "parquet": text_files.open_parquet,
        "sqlite": database.open_sqlite, "duckdb": database.open_duckdb,
    }  # fmt: skip
    if kind not in formats:
        raise StageError(
            "MLS901", f"reading `{kind}` is not built yet", source.where, expected=", ".join(sorted(formats)), found=kind,
            help="export the rows to parquet and name that file in `from`",
        )  # fmt: skip
    return formats[kind](connection, source)


def unreadable(source: Input, error: Exception, expected: str) -> StageError:
    """MLS801 for a file that is not what its format says."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return StageError(
        "MLS801", f"the file `{source.file.name}` cannot be read", source.where, expected=expected,
        found=reason.replace(str(source.file.path), source.file.name)[:200],
        help="check that the file is complete and of the format that `from` names",
    )  # fmt: skip
