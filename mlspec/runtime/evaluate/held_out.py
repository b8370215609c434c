"""The rows of one part: labels, model inputs in batches, and the columns that group them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime import query, table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.outcomes import UndefinedMetric

TABLES = ("rows", "values", "parts")
FURTHER = "values."
BATCH = 50_000
MISSING = "(missing)"


@dataclass
class HeldOut:
    """The part in memory, without the model inputs, which pass by in batches."""

    rows: NDArray[np.int64]
    y: NDArray[Any]
    labels: list[Any]
    grouping: dict[tuple[str, str], NDArray[np.int64]] = field(default_factory=dict)
    group_names: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def by(self, kind: str, name: str) -> tuple[NDArray[np.int64], list[str]]:
        """The group of every row and the groups' names, or why there are none."""
        if (kind, name) not in self.grouping:
            raise UndefinedMetric(f"the rows have no {kind} `{name}` to group by")
        return self.grouping[kind, name], self.group_names[kind, name]


@contextmanager
def part_reader(context: StageContext) -> Iterator[PartReader]:
    """A reader of the stage's part, open as long as the block."""
    there = context.inputs()
    paths = [table.rows_path(folder) for name, folder in there.items() if _is_table(name)]
    with table.session(paths, (), context.resume_dir("duckdb")) as connection:
        yield PartReader(connection, context.inputs(), context.config["part"])


def _is_table(name: str) -> bool:
    """Whether an input is one of the tables; further blocks of features are `values.<block>`."""
    return name in TABLES or name.startswith(FURTHER)


class PartReader:
    """Reads one part of `rows`, `values` and `parts` in row order, through DuckDB."""

    def __init__(self, connection: Any, inputs: Mapping[str, Path], part: str) -> None:
        self.part = part
        self._connection = connection
        self._values = "values"
        self._paths = {name: str(table.rows_path(folder)) for name, folder in inputs.items() if _is_table(name)}
        self._columns: dict[str, dict[str, Any]] = {"rows": {}, "values": {}}
        for name in self._paths.keys() - {"parts"}:
            self._columns[name] = {column["name"]: column for column in table.head(inputs[name])["columns"]}

    def has_column(self, name: str) -> bool:
        return name in self._columns["rows"]

    def row_column(self, name: str) -> Mapping[str, Any] | None:
        """The descriptor of a column of the source rows."""
        return self._columns["rows"].get(name)

    def nulls(self, name: str) -> int:
        """How many rows of the part have no value in a column of the source rows."""
        return int(self._query([("rows", name)]).to_arrow_table().column("c0").null_count)

    def declared(self, column: tuple[str, str]) -> list[Any]:
        """The values that a closed category declares for a (table, column); empty for any other column."""
        return list(self._columns[column[0]][column[1]].get("values") or ())

    def type_of(self, table: str, column: str) -> str:
        """The type of a column of `rows` or `values`."""
        return str(self._columns[table][column]["type"])

    def features(self) -> dict[str, dict[str, Any]]:
        """The descriptors of all features in the values, audit ones too."""
        return {
            name.removeprefix("f."): column for name, column in self._columns[self._values].items() if name.startswith("f.")
        }

    def select(self, columns: Sequence[tuple[str, str]]) -> Any:
        """An Arrow table of (table, column) pairs for the part, in row order; `__row` is first."""
        return self._query(columns).to_arrow_table()

    def batches(self, features: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
        """The named features, a batch of rows at a time, as the package takes them."""
        result = self._query([(self._values, f"f.{name}") for name in features])
        for batch in result.to_arrow_reader(BATCH):
            yield {name: batch.column(at + 1).to_numpy(zero_copy_only=False) for at, name in enumerate(features)}

    def computed(self, features: Sequence[Mapping[str, Any]], where: str) -> Iterator[dict[str, NDArray[Any]]]:
        """These features, computed from the source rows of the part, a batch at a time, as the package that brought them takes them."""
        from mlspec.runtime.prepare.sql import compile_query

        forms = {str(feature["name"]): feature["value"] for feature in features}
        rows = query.read_parquet(self._paths["rows"])
        statement = query.render(compile_query(forms, rows, where))
        wanted = "".join(f", computed.{quote(name)} as c{at}" for at, name in enumerate(forms))
        # The statement is rendered from a tree; column names are quoted, paths and the part are parameters.
        text = f"select __row{wanted} from read_parquet($parts) as parts join ({statement}) as computed using (__row) where part = $part order by __row"  # noqa: S608
        result = self._connection.sql(text, params={"part": self.part, "parts": self._paths["parts"]})
        for batch in result.to_arrow_reader(BATCH):
            yield {name: batch.column(at + 1).to_numpy(zero_copy_only=False) for at, name in enumerate(forms)}

    def records(self, columns: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """The first rows of the part as requests would bring them."""
        found = self._query([("rows", name) for name in columns], limit).to_arrow_table()
        return [{name: row[f"c{at}"] for at, name in enumerate(columns)} for row in found.to_pylist()]

    def requests(self, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """All rows of the part as requests would bring them, a batch at a time."""
        for batch in self._query([("rows", name) for name in columns]).to_arrow_reader(BATCH):
            yield [{name: row[f"c{at}"] for at, name in enumerate(columns)} for row in batch.to_pylist()]

    def of_part(self, part: str) -> PartReader:
        """A reader of another part of the same tables."""
        found = PartReader.__new__(PartReader)
        found.__dict__.update(self.__dict__, part=part)
        return found

    def of_values(self, block: str) -> PartReader:
        """A reader of the same part whose features are those of a further block."""
        found = PartReader.__new__(PartReader)
        found.__dict__.update(self.__dict__, _values=f"{FURTHER}{block}")
        return found

    def has_feature(self, table: str, name: str) -> bool:
        return f"f.{name}" in self._columns.get(table, {})

    def computed_over(self, features: Sequence[Mapping[str, Any]], rows: Any) -> dict[str, NDArray[Any]]:
        """The values of features over an Arrow table of source columns, as a package takes them, in the order of its rows."""
        from mlspec.runtime.prepare.sql import compile_query

        self._connection.register("changed_rows", rows)
        try:
            statement = query.render(compile_query({str(one["name"]): one["value"] for one in features}, "changed_rows"))
            # Our own statement, rendered from a tree in which every name and value is quoted.
            found = self._connection.sql(f"select * from ({statement}) order by __row").to_arrow_table()  # noqa: S608
        finally:
            self._connection.unregister("changed_rows")
        return {str(one["name"]): found.column(str(one["name"])).to_numpy(zero_copy_only=False) for one in features}

    def _query(self, columns: Sequence[tuple[str, str]], limit: int | None = None) -> Any:
        named = {of: f"t{at}" for at, of in enumerate(sorted({of for of, _ in columns}))}
        wanted = "".join(f", {named[of]}.{quote(name)} as c{at}" for at, (of, name) in enumerate(columns))
        joins = "".join(f" join read_parquet(${of}) as {of} using (__row)" for of in named.values())
        end = f" limit {limit}" if limit else ""
        paths = {name: self._paths[of] for of, name in named.items()}
        # The table names are ours, column names are quoted, paths and the part are parameters.
        text = f"select __row{wanted} from read_parquet($parts) as parts{joins} where part = $part order by __row{end}"  # noqa: S608
        return self._connection.sql(text, params=paths | {"part": self.part, "parts": self._paths["parts"]})


def quote(name: str) -> str:
    """A column name as SQL."""
    return query.render(query.name(name))


def read_part(
    reader: PartReader, label: Mapping[str, Any], config: Mapping[str, Any], by: Sequence[tuple[str, str]], where: str
) -> HeldOut:
    """Labels and groupings of the part; a part without rows, or a row without a label, stops the stage."""
    wanted = [("rows", label["column"])]
    group = config.get("group")
    if group:
        wanted.append(("rows", group))
    places = {pair: column for pair in by if (column := _column_of(pair, reader, config)) is not None}
    wanted += [column for column in places.values() if column not in wanted]
    found = reader.select(wanted)
    if not found.num_rows:
        raise StageError(
            "MLS816", f"the part `{reader.part}` has 0 rows", f"{where}.part", expected="at least 1 row", found="0 rows",
            help="give the part a larger share in its split, or run without `sample`",
        )  # fmt: skip
    labels = found.column("c0").to_pylist()
    held = HeldOut(found.column("__row").to_numpy(), encode_labels(labels, label, where), labels)
    if group:
        held.groups = codes_of(found.column("c1").to_pylist())[0]
    for pair, column in places.items():
        values = found.column(f"c{wanted.index(column)}").to_pylist()
        if pair[0] == "period":
            values = [period_name(value, pair[1]) for value in values]
        # A declared value without a row is a group of 0 rows, which no gate may pass over.
        held.grouping[pair], held.group_names[pair] = codes_of(values, reader.declared(column) if pair[0] != "period" else ())
    return held


def _column_of(pair: tuple[str, str], reader: PartReader, config: Mapping[str, Any]) -> tuple[str, str] | None:
    kind, name = pair
    if kind == "feature":
        other = (config.get("groups_of") or {}).get(name)
        table = "values" if other is None else f"{FURTHER}{other}"
        return (table, f"f.{name}") if reader.has_feature(table, name) else None
    column = config.get("at") if kind == "period" else name
    return ("rows", str(column)) if column and reader.has_column(str(column)) else None


def encode_labels(labels: Sequence[Any], label: Mapping[str, Any], where: str = "") -> NDArray[Any]:
    """Labels as metrics take them: 1 for positive, the place of the class, or the number."""
    missing = sum(value is None for value in labels)
    if missing:
        raise StageError(
            "MLS804", f"{missing} rows of the part have no label `{label['column']}`", where, expected="a label in every row",
            found=f"{missing} of {len(labels)} without", help="leave rows without a label out of the frame",
        )  # fmt: skip
    if label["task"] == "regression":
        return np.array([float(value) for value in labels])
    places = class_places(label)
    unknown = sorted({str(value) for value in labels if value not in places})
    if unknown:
        raise StageError(
            "MLS211", f"the label `{label['column']}` has values outside its classes", where,
            expected=", ".join(map(str, label["classes"])), found=", ".join(unknown[:5]),
        )  # fmt: skip
    return np.array([places[value] for value in labels], dtype=np.int64)


def class_places(label: Mapping[str, Any]) -> dict[Any, int]:
    """The number of each class: 1 for the positive of two, else its place in order."""
    if label["task"] == "binary":
        return {value: int(value == label["positive"]) for value in label["classes"]}
    return {value: place for place, value in enumerate(label["classes"])}


def codes_of(values: Sequence[Any], declared: Sequence[Any] = ()) -> tuple[NDArray[np.int64], list[str]]:
    """Group numbers by sorted name, nulls a group of their own, and the names, those of `declared` values without rows too."""
    names = [value_name(value) for value in values]
    known = sorted({*names, *map(value_name, declared)})
    place = {name: at for at, name in enumerate(known)}
    return np.array([place[name] for name in names], dtype=np.int64), known


def value_name(value: Any) -> str:
    """A group's value as a JSON key."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def period_name(value: Any, period: str) -> str | None:
    """The UTC day, ISO week or month that a date or time lies in."""
    if value is None:
        return None
    if period == "week":
        year, week, _ = value.isocalendar()
        return f"{year:04d}-W{week:02d}"
    return str(value.strftime({"day": "%Y-%m-%d", "month": "%Y-%m"}[period]))
