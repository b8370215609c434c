"""What a data file holds, column by column, through the readers that extraction uses: what is inferred here will load there."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMATS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
TYPES = ("bool", "int", "float", "date", "timestamp", "string")
NULLS = ("NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?")
_TOP = 200


@dataclass(frozen=True, slots=True)
class Profile:
    """One column. `type` is the first of TYPES that every value fits; `top` are its values by frequency, as text.

    `named` is what the file calls it where `name` had to be made.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int
    low: Any
    high: Any
    top: tuple[tuple[str, int], ...]
    named: str | None = None

    @property
    def null_rate(self) -> float:
        return self.nulls / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class Data:
    """A file: its format, the options that read it, the number of rows and the columns in order."""

    format: str
    options: dict[str, Any]
    rows: int
    columns: tuple[Profile, ...]


def profile_file(root: Path, name: str) -> Data:
    """Read `name` below `root`; StageError when it cannot be read, ValueError for an unknown ending."""
    from mlspec.runtime import table
    from mlspec.runtime.extract.paths import find_files

    kind = FORMATS.get(Path(name.removesuffix(".gz")).suffix.lower())
    if kind is None:
        raise ValueError(name)
    data = find_files(root, [name], "infer")[0]
    options = _options(kind, data.path)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with table.session([data.path], [work], work) as connection:
            reading = _Reading(connection, kind, data, options, work)
            nulls = reading.spelled_nulls() if kind == "csv" else []
            if nulls:
                options["null"] = ["", *nulls]
                reading = _Reading(connection, kind, data, options, work)
            columns = tuple(reading.profile(column) for column in reading.found)
            return Data(kind, options, reading.rows, columns)


def _options(kind: str, path: Path) -> dict[str, Any]:
    """The delimiter of a CSV file: the one that is most frequent in line 1."""
    if kind != "csv" or path.suffix == ".gz":
        return {}
    with path.open("rb") as file:
        line = file.readline(1 << 16).decode("utf-8", "replace")
    found = max((",", ";", "\t", "|"), key=line.count)
    return {} if found == "," or not line.count(found) else {"delimiter": found}


class _Reading:
    """One opened file."""

    def __init__(self, connection: Any, kind: str, data: Any, options: dict[str, Any], work: Path) -> None:
        from mlspec.runtime import query
        from mlspec.runtime.extract.reader import Input, open_input

        self.connection, self.path = connection, data.path
        columns = [] if kind != "jsonl" else [{"name": name} for name in _keys(data.path)]
        reader = open_input(connection, kind, Input(data, "infer", options, columns, work))
        self.found = dict(reader.columns())
        self.rows_of = reader.relation()
        if kind != "parquet":
            # A text file is parsed once and kept by columns: each column is asked about on its own, and there may be hundreds.
            connection.execute(f"CREATE OR REPLACE TEMP TABLE seen AS {query.render(query.select(None, self.rows_of))}")
            self.rows_of = query.table("seen")
        self.rows = int(self._row({"rows": query.call("count", 1)})[0])
        problems = reader.problems()
        if problems:
            from mlspec.runtime.errors import StageError

            shown = [f"{problem.place}: {problem.reason}" for problem in problems[:5]]
            raise StageError("MLS801", "some records of the file are malformed", "infer", expected="records of one shape",
                             found=f"{len(problems)} malformed", help=self._way_out(kind), examples=shown)  # fmt: skip

    def _way_out(self, kind: str) -> str:
        """What to correct: most often a line above the header that is no record."""
        if kind == "csv" and self.path.suffix != ".gz":
            with self.path.open(encoding="utf-8", errors="replace") as file:
                first = file.readline(200).strip()
            if first.startswith(("#", "//", "%")):
                return f"the first line is a comment and no header: remove it ({first[:40]})"
        return "correct them first"

    def _row(self, items: dict[str, Any]) -> Sequence[Any]:
        from mlspec.runtime import query

        found: Sequence[Any] = self.connection.execute(query.render(query.select(items, self.rows_of.copy()))).fetchall()[0]
        return found

    def spelled_nulls(self) -> list[str]:
        """The usual spellings of null that the file has; an empty value is null anyway."""
        from mlspec.runtime import query

        seen = set()
        for name in self.found:
            value = query.name(name)
            items = {f"n{place}": query.call("count_if", query.binary("==", value, text)) for place, text in enumerate(NULLS)}
            seen |= {text for text, count in zip(NULLS, self._row(items), strict=True) if count}
        return [text for text in NULLS if text in seen]

    def profile(self, name: str) -> Profile:
        """The column's type and what it holds."""
        from mlspec.runtime import query
        from mlspec.runtime.extract import typed

        raw, engine = query.name(name), self.found[name]
        present = typed.present(raw, engine)
        misfits = {
            kind: query.call(
                "count_if", query.both(present, query.is_null(typed.typed({"name": name, "type": kind}, raw, engine)))
            )
            for kind in TYPES
        }
        counts = self._row({"present": query.call("count_if", present), **misfits})
        kind = next((kind for kind, count in zip(TYPES, counts[1:], strict=True) if not count), "string")
        value = typed.typed({"name": name, "type": kind}, raw, engine)
        text = query.cast(value, "VARCHAR")
        distinct, low, high = self._row({"d": query.call("approx_count_distinct", value), "l": query.call("min", value),
                                         "h": query.call("max", value)})  # fmt: skip
        top = self._top(text)
        exact = len(top) if len(top) < _TOP else int(distinct)
        return Profile(name, kind, self.rows, self.rows - int(counts[0]), exact, _finite(low), _finite(high), top)

    def _top(self, text: Any) -> tuple[tuple[str, int], ...]:
        from mlspec.runtime import query

        inner = query.select({"v": text}, self.rows_of.copy())
        counted = inner.subquery("t")
        statement = (
            f"SELECT v, count(*) AS n FROM {query.render(counted)} WHERE v IS NOT NULL "  # noqa: S608 - rendered tree, no text of ours
            f"GROUP BY v ORDER BY n DESC, v LIMIT {_TOP}"
        )
        return tuple((str(value), int(count)) for value, count in self.connection.execute(statement).fetchall())


def _keys(path: Path) -> list[str]:
    """The keys of the first objects of a JSON lines file."""
    import json

    keys: dict[str, None] = {}
    with path.open(encoding="utf-8") as file:
        for _, line in zip(range(1000), file, strict=False):
            if line.strip():
                found = json.loads(line)
                keys.update(dict.fromkeys(found if isinstance(found, dict) else ()))
    return list(keys)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
