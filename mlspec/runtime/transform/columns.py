"""The values of one feature in the form that every fitted step reads: numbers (NaN is null) or texts (None is null).

One form for a batch from parquet and for a single request, so that both take the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.errors import StageError
from mlspec.runtime.image.pixels import Pixels, names_of, pixels_of
from mlspec.runtime.image.render import is_image, normalised_by

Floats = NDArray[np.float64]

TEXT_TYPES = frozenset({"string", "text", "category", "id"})
NUMBER_TYPES = frozenset({"vector", "bool", "int", "float", "decimal", "ratio", "points", "rate", "duration", "bytes"})


@dataclass(frozen=True)
class Column:
    """Values of n rows under one feature: `numbers` (n, k) with k `names`, `texts` (n,) of str and None, or `pixels`.

    Of pixels the numbers are made where they are needed: they take eight times as much memory.

    A column that only says where another was null is a `flag`: later steps leave it as it is.
    """

    names: tuple[str, ...]
    numbers: Floats | None = None
    texts: NDArray[np.object_] | None = None
    flag: bool = False
    pixels: Pixels | None = None

    def __len__(self) -> int:
        if self.pixels is not None:
            return len(self.pixels)
        return len(self.numbers if self.numbers is not None else self.values)

    @property
    def values(self) -> NDArray[Any]:
        """The one line of values of a column that has not been spread out: texts, or numbers (n,)."""
        if self.texts is not None:
            return self.texts
        assert self.numbers is not None
        return self.numbers[:, 0]

    def spread_out(self) -> Floats:
        """The numbers (n, k) of a column that is no text."""
        if self.pixels is not None:
            return self.pixels.numbers()
        assert self.numbers is not None
        return self.numbers

    def take(self, rows: NDArray[Any]) -> Column:
        """The rows that an index array selects."""
        if self.pixels is not None:
            return replace(self, pixels=self.pixels.take(rows))
        if self.texts is not None:
            return replace(self, texts=self.texts[rows])
        assert self.numbers is not None
        return replace(self, numbers=self.numbers[rows])

    def nulls(self) -> NDArray[np.bool_]:
        """Where a row has no value (in any of the k columns)."""
        if self.pixels is not None:
            return np.zeros(len(self.pixels), dtype=bool)
        if self.texts is not None:
            return np.fromiter((text is None for text in self.texts), dtype=bool, count=len(self.texts))
        assert self.numbers is not None
        return np.asarray(np.isnan(self.numbers).any(axis=1), dtype=bool)


def numbers_column(names: Sequence[str], numbers: Floats, *, flag: bool = False) -> Column:
    """A column of numbers; a line of values becomes one column."""
    return Column(tuple(names), numbers=numbers if numbers.ndim > 1 else numbers[:, None], flag=flag)


def is_text(type_name: str) -> bool:
    """Whether a feature of this type holds texts; StageError for a type that no fitted step takes."""
    plain = type_name.removesuffix("?")
    if plain in TEXT_TYPES:
        return True
    if plain in NUMBER_TYPES:
        return False
    raise StageError(
        "MLS201", f"a feature of type `{plain}` is no model input", expected="a number, a bool, a text or a category", found=plain,
        help="turn it into a number in its expression, as in `days(census.at - census.born_on)`",
    )  # fmt: skip


def column_of(feature: Mapping[str, Any], values: Any) -> Column:
    """The column of one feature from a numpy array or a sequence of plain values, None and NaN being null."""
    name = str(feature["name"])
    if is_image(feature):
        return pixels_column(feature, values)
    if is_text(str(feature["type"])):
        return Column((name,), texts=_texts(values))
    numbers = _vectors(values) if str(feature["type"]).startswith("vector") else _numbers(values)
    if np.isinf(numbers).any():
        raise StageError(
            "MLS209", f"feature `{name}` is infinite", f"features.{name}", expected="a finite number", found="infinity",
            help="bound its expression with `clip(…, low..high)`",
        )  # fmt: skip
    return vector_column(name, numbers) if numbers.ndim > 1 else numbers_column((name,), numbers)


def pixels_column(feature: Mapping[str, Any], values: Any) -> Column:
    """The column of a feature that is an image, from rows of bytes."""
    return column_of_pixels(feature, pixels_of(values, feature["shape"], normalised_by(feature["value"])))


def column_of_pixels(feature: Mapping[str, Any], pixels: Pixels) -> Column:
    """The column of a feature whose pixels are there."""
    return Column(names_of(str(feature["name"]), pixels.width), pixels=pixels)


def vector_column(name: str, numbers: Floats) -> Column:
    """A column of k numbers a row, each under a name of its own."""
    return Column(tuple(f"{name}.{place}" for place in range(numbers.shape[1])), numbers=numbers)


def column_of_values(feature: Mapping[str, Any], column: Any) -> Column:
    """The column of one feature from a pyarrow column of the values table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_image(feature):
        return pixels_column(feature, column)
    if is_text(str(feature["type"])):
        return column_of(feature, _shared_texts(column))
    if pa.types.is_decimal(column.type):
        return column_of(feature, column.to_pylist())
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        # Integers beyond 2^53 are rounded to nearest here and in Python alike; a checked cast would refuse them.
        floats = pc.cast(column, pa.float64(), safe=False).to_numpy()
        return column_of(feature, np.array(floats, dtype=np.float64))
    return column_of(feature, column.to_pylist())


def _shared_texts(column: Any) -> NDArray[np.object_]:
    """Texts of an arrow column, equal ones sharing one object."""
    encoded = column.combine_chunks().dictionary_encode()
    known = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    places = encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)
    texts: NDArray[np.object_] = known[places]
    return texts


def _texts(values: Any) -> NDArray[np.object_]:
    if isinstance(values, np.ndarray) and values.dtype == object:
        return values
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if value is None else str(value) for value in values]
    return texts


def _numbers(values: Any) -> Floats:
    if isinstance(values, np.ndarray) and values.dtype != object:
        return np.array(values, dtype=np.float64)
    return np.array([_number(value) for value in values], dtype=np.float64)


def _vectors(values: Any) -> Floats:
    """Rows of k numbers; a null row is null in all of them."""
    width = next((len(value) for value in values if value is not None), 1)
    empty = [math.nan] * width
    return np.array([empty if value is None else [float(item) for item in value] for value in values], dtype=np.float64)


def _number(value: Any) -> float:
    """One number as the double next to it."""
    if value is None:
        return math.nan
    if isinstance(value, (bool, int, float, Decimal)):
        return float(value)
    return float(np.float64(value))
