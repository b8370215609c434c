"""The rows of a part as a model sees them: feature columns, label, groups, and what the folds and the proof need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime import table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.image.held import held_pixels
from mlspec.runtime.image.pixels import Pixels
from mlspec.runtime.image.render import is_image, normalised_by
from mlspec.runtime.package.proof import LIMIT, OF_IMAGES, Proof
from mlspec.runtime.train.labels import encode_labels, known_classes
from mlspec.runtime.train.mitigation import protected_column
from mlspec.runtime.transform.columns import Column, column_of_pixels, column_of_values
from mlspec.runtime.transform.target import Target

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Learning:
    """Feature columns and label of some rows, in row order."""

    columns: Mapping[str, Column]
    target: Target

    def __len__(self) -> int:
        return len(self.target.y)

    def take(self, rows: Rows) -> Learning:
        """The rows that an index array selects."""
        return Learning({name: column.take(rows) for name, column in self.columns.items()}, self.target.take(rows))


class PartReader:
    """Reads parts of the input tables of a `fit` or `search` stage."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self.config = context.config
        self.where = context.block
        self.label = dict(context.config["label"])
        self.features = [_with_declared(feature, self.descriptors) for feature in context.config["features"]]

    @cached_property
    def descriptors(self) -> list[dict[str, Any]]:
        """The descriptors of the source's columns."""
        return [column for column in table.head(self._context.input("rows"))["columns"] if column["name"] != table.ROW]

    @cached_property
    def _parts(self) -> Any:
        return self._load("parts", ["part"])

    def _load(self, name: str, columns: Sequence[str]) -> Any:
        import pyarrow.parquet as pq

        wanted = list(dict.fromkeys([table.ROW, *columns]))
        with pq.ParquetFile(table.rows_path(self._context.input(name))) as file:
            missing = [column for column in wanted if column not in file.schema_arrow.names]
            if missing:
                raise StageError(
                    "MLS105", f"the table `{name}` has no column {', '.join(missing)}", self.where,
                    expected=", ".join(file.schema_arrow.names), found=", ".join(missing), help="run the stage before it again",
                )  # fmt: skip
            return file.read(columns=wanted, use_threads=False)

    def rows_of(self, part: str) -> Rows:
        """The `__row` numbers of a part, in order; StageError MLS816 for a part without rows."""
        import pyarrow.compute as pc

        # By its name: a filter by an expression would start threads, and workers are forked later.
        inside = pc.call_function("equal", [self._parts["part"], part])
        found: Rows = np.sort(self._parts.filter(inside)[table.ROW].to_numpy())
        if not len(found):
            known = ", ".join(sorted(self._parts["part"].unique().to_pylist()))
            raise StageError(
                "MLS816", f"the part `{part}` has 0 rows", f"{self.where}.part", expected="at least 1", found=f"parts with rows: {known}",
                help="give the part a larger share in its split, or run without `sample`",
            )  # fmt: skip
        return found

    @cached_property
    def _values(self) -> Any:
        return self._load("values", [f"f.{feature['name']}" for feature in self.features if not is_image(feature)])

    @cached_property
    def _pixels(self) -> dict[str, Pixels]:
        """The pixels of the features that are images, of all rows."""
        return {
            str(feature["name"]): held_pixels(
                table.rows_path(self._context.input("values")), f"f.{feature['name']}", feature["shape"], normalised_by(feature["value"]),
                self._context.resume_dir("pixels"),
            )
            for feature in self.features if is_image(feature)
        }  # fmt: skip

    def learning(self, part: str) -> Learning:
        """Features and label of a part. The first part that is read settles the classes where the spec leaves them open."""
        rows = self.rows_of(part)
        labels = self.column(self.label["column"], rows).to_pylist()
        self.label = known_classes(self.label, labels, self.where)
        y = np.asarray(encode_labels(labels, self.label, self.where), dtype=np.float64)
        group = self.config.get("group")
        groups = codes(self.column(group, rows).to_pylist()) if group else None
        by = protected_column(self.config)
        protected = codes(self.column(by, rows).to_pylist()) if by else None
        classes = max(len(self.label.get("classes") or ()), 2)
        target = Target(self.label["task"], y, classes, groups, self._context.seed("target_rate"), protected)
        return Learning(self.columns_at(rows), target)

    def columns_at(self, rows: Rows) -> dict[str, Column]:
        """The feature columns of the given rows."""
        places = _places(self._values, rows, "values", self.where)
        values = self._values.take(places)
        return {str(feature["name"]): self._column_at(feature, values, places) for feature in self.features}

    def _column_at(self, feature: Mapping[str, Any], values: Any, places: Rows) -> Column:
        name = str(feature["name"])
        if is_image(feature):
            return column_of_pixels(feature, self._pixels[name].take(places))
        return column_of_values(feature, values[f"f.{name}"])

    def column(self, name: str, rows: Rows) -> Any:
        """A source column of the given rows, as an Arrow column."""
        found = self._load("rows", [name])
        return found[name].take(_places(found, rows, "rows", self.where)).combine_chunks()

    def proof(self, part: str) -> Proof:
        """Rows outside the part, evenly spread, as requests and as values; the part's own where it is all there is."""
        own, every = self.rows_of(part), self._values[table.ROW].to_numpy()
        outside = np.sort(every[~np.isin(every, own)])
        pool = outside if len(outside) else own
        chosen = pool[
            np.unique(np.linspace(0, len(pool) - 1, min(OF_IMAGES if self._pixels else LIMIT, len(pool))).astype(np.int64))
        ]
        names = [str(column["name"]) for column in self.descriptors]
        rows = _only(self._context.input("rows"), names, chosen) if self._pixels else self._load("rows", names)
        records = rows.take(_places(rows, chosen, "rows", self.where)).drop_columns([table.ROW]).to_pylist()
        places = _places(self._values, chosen, "values", self.where)
        values = self._values.take(places)
        arrays = {str(feature["name"]): self._array_at(feature, values, places) for feature in self.features}
        return Proof(records, arrays, self.where)

    def _array_at(self, feature: Mapping[str, Any], values: Any, places: Rows) -> Any:
        name = str(feature["name"])
        if is_image(feature):
            return [row.tobytes() for row in self._pixels[name].bytes_at(places)]
        return values[f"f.{name}"].combine_chunks().to_numpy(zero_copy_only=False)


def _only(folder: Path, names: Sequence[str], rows: Rows) -> Any:
    """Some rows of a table too large to be read whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(table.rows_path(folder)) as file:
        batches = file.iter_batches(batch_size=256, columns=[table.ROW, *names], use_threads=False)
        found = [batch.filter(pa.array(np.isin(batch.column(table.ROW).to_numpy(), rows))) for batch in batches]
        return pa.Table.from_batches(found)


def codes(values: Sequence[Any]) -> Rows:
    """A number for each value, in sorted order, null first."""
    known = sorted({value for value in values if value is not None})
    place = {value: number for number, value in enumerate(known)}
    return np.array([-1 if value is None else place[value] for value in values], dtype=np.int64)


def _places(found: Any, rows: Rows, name: str, where: str) -> Rows:
    """Where the given `__row` numbers stand in a table."""
    held = found[table.ROW].to_numpy()
    order = np.argsort(held, kind="stable")
    at = np.searchsorted(held, rows, sorter=order)
    inside = at < len(held)
    if not inside.all() or not np.array_equal(held[order[at]], rows):
        raise StageError(
            "MLS808", f"the table `{name}` lacks rows of the part", where, expected="every row of the part", found="fewer",
            help="run the stage before it again",
        )  # fmt: skip
    return np.asarray(order[at], dtype=np.int64)


def _with_declared(feature: Mapping[str, Any], descriptors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The feature, its `ordinal` steps knowing the declared order of a closed category."""
    values = None
    if feature["value"][0] == "col":
        values = next((column.get("values") for column in descriptors if column["name"] == feature["value"][1]), None)
    steps = [{**step, "values": values} if values and step["op"] == "ordinal" else dict(step) for step in feature["fitted"]]
    return {**feature, "fitted": steps}
