"""The data that a report reads: one part of the rows, and queries over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlspec.runtime import query
from mlspec.runtime.query import Sql, call, cast, name

if TYPE_CHECKING:
    import duckdb

NUMERIC = frozenset(["int", "float", "decimal", "ratio", "points", "rate", "duration", "bytes"])
TEMPORAL = frozenset(["date", "timestamp"])
HIDDEN = frozenset(["pii.direct", "pii.free_text"])


@dataclass(frozen=True, slots=True)
class Sheet:
    """The table `data` with a column `part`; statistics are of the rows in `part`."""

    connection: duckdb.DuckDBPyConnection
    columns: Sequence[Mapping[str, Any]]
    part: str
    min_cell: int

    def rows_of_parts(self) -> dict[str, int]:
        """The rows of each part, by name; rows in no part are not counted."""
        counted = "SELECT part, count(*) FROM data WHERE part IS NOT NULL GROUP BY part ORDER BY part"
        found = self.connection.execute(counted).fetchall()
        return {str(part): int(rows) for part, rows in found}

    def all(
        self, columns: Mapping[str, Any], *, where: Any = None, part: str | None = None, tail: str = ""
    ) -> list[tuple[Any, ...]]:
        """The result of a query over one part; `tail` is a fixed GROUP BY or ORDER BY over the result's own columns."""
        inside = query.binary("==", name("part"), part or self.part)
        statement = query.select(columns, "data", where=inside if where is None else query.both(inside, where))
        return self.connection.execute(f"{query.render(statement)} {tail}").fetchall()

    def one(self, columns: Mapping[str, Any], *, where: Any = None, part: str | None = None) -> dict[str, Any]:
        """The one row of an aggregate query, by column."""
        return dict(zip(columns, self.all(columns, where=where, part=part)[0], strict=True))

    def numbers(self, column: Mapping[str, Any], part: str) -> Any:
        """The values of a numeric column in one part, nulls left out, as a numpy array of doubles."""
        import numpy as np

        inside = query.both(query.binary("==", name("part"), part), query.not_null(name(str(column["name"]))))
        statement = query.select({"value": number(column)}, "data", where=inside)
        return np.asarray(self.connection.execute(query.render(statement)).fetchnumpy()["value"])

    def sorted_numbers(self, column: Mapping[str, Any], part: str | None = None) -> Any:
        """The values of a numeric column in one part from the least to the greatest, as a numpy array."""
        import numpy as np

        values = self.numbers(column, part or self.part)
        values.sort()
        return np.asarray(values)

    def nulls(self, part: str) -> dict[str, int]:
        """How many rows of a part have no value, by column, in one pass."""
        return self.one(
            {str(item["name"]): call("count_if", query.is_null(name(str(item["name"])))) for item in self.columns}, part=part
        )

    def distinct(self, column: Mapping[str, Any]) -> int:
        """How many different values the part has; the groups are spilled where they do not fit the memory."""
        inside = query.both(query.binary("==", name("part"), self.part), query.not_null(name(str(column["name"]))))
        values = query.select({"value": name(str(column["name"]))}, "data", where=inside).distinct(copy=False)
        found = self.connection.execute(query.render(query.select({"n": call("count_star")}, values))).fetchone()
        return int(found[0]) if found else 0

    def withheld(self, counts: Sequence[int]) -> list[bool]:
        """Which cells of one whole are not told: those of so few rows that they could tell of single ones; an empty cell tells of none.

        Where these are still few together, the total would give them away: the smallest of the others go with them.
        """
        return withheld_cells(counts, self.min_cell)


def withheld_cells(counts: Sequence[int], min_cell: int) -> list[bool]:
    """As `Sheet.withheld`, for counts from anywhere."""
    hidden = [0 < count < min_cell for count in counts]
    few = sum(count for count, hides in zip(counts, hidden, strict=True) if hides)
    for place in sorted(range(len(counts)), key=lambda place: (counts[place], place)):
        if not 0 < few < min_cell:
            break
        if counts[place] and not hidden[place]:
            hidden[place], few = True, few + counts[place]
    return hidden


def kind_of(column: Mapping[str, Any]) -> str:
    """How a column is described: number, time, category, or hidden, which shows no value at all."""
    if HIDDEN & set(column.get("tags", ())) or "key" in column.get("tags", ()):
        return "hidden"
    declared = str(column["type"]).removesuffix("?")
    if declared in NUMERIC:
        return "number"
    if declared in TEMPORAL:
        return "time"
    return "hidden" if declared in ("text", "id", "image") else "category"


def is_personal(column: Mapping[str, Any]) -> bool:
    """Whether single values, such as the least and the greatest, would tell of persons."""
    return any(str(tag).startswith("pii") for tag in column.get("tags", ()))


def number(column: Mapping[str, Any]) -> Sql:
    """A numeric column as a double."""
    return cast(name(str(column["name"])), "DOUBLE")


def text(column: Mapping[str, Any]) -> Sql:
    """A category, or the month of a time, as text."""
    value = name(str(column["name"]))
    if kind_of(column) == "time":
        return call("strftime", cast(value, "TIMESTAMP"), "%Y-%m")
    return cast(value, "VARCHAR")
