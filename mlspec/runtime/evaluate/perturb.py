"""Changed inputs: columns of source rows with noise, a shift, lost values or values that nobody has seen.

Everything is drawn a column at a time from a seed of that column, so that the order of columns and of batches changes nothing.
A changed value is one that the source may hold: whole numbers stay whole, and declared ranges and categories are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.outcomes import Floats

WHOLE = ("int", "bytes")
NUMBERS = (*WHOLE, "float", "decimal", "ratio", "points", "rate", "duration")
OPEN_TEXTS = ("category", "string", "text", "id")
Descriptor = Mapping[str, Any]


def base_type(column: Descriptor) -> str:
    """The type of a column without its question mark."""
    return str(column["type"]).removesuffix("?")


def is_number(column: Descriptor) -> bool:
    """Whether noise and shifts move it."""
    return base_type(column) in NUMBERS


def may_be_null(column: Descriptor) -> bool:
    """Whether a request may leave it out."""
    return bool(column.get("optional")) or str(column["type"]).endswith("?")


def may_be_new(column: Descriptor) -> bool:
    """Whether a request may bring a value that no row had: an open category or a text."""
    return base_type(column) in OPEN_TEXTS and not column.get("values")


def floats(column: Any) -> Floats:
    """An Arrow column as doubles, null as NaN."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_decimal(column.type):
        return np.array(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], dtype=np.float64)


def spread(column: Any) -> float:
    """The standard deviation of the values that are there; 0 where there are none."""
    values = floats(column)
    known = values[~np.isnan(values)]
    return float(known.std()) if len(known) else 0.0


def moved(column: Any, descriptor: Descriptor, by: Floats | float) -> Any:
    """The column with its numbers moved, as values that it may hold."""
    values = floats(column) + by
    low, high = (descriptor.get("range") or (None, None))[:2]
    if base_type(descriptor) in WHOLE:
        values = np.rint(values)
    values = np.clip(values, -np.inf if low is None else float(low), np.inf if high is None else float(high))
    return numbers_as(column.type, values)


def numbers_as(kind: Any, values: Floats) -> Any:
    """Doubles as an Arrow array of a column's own type, NaN as null."""
    import pyarrow as pa

    if pa.types.is_decimal(kind):
        step = Decimal(1).scaleb(-kind.scale)
        return pa.array([None if np.isnan(value) else Decimal(repr(float(value))).quantize(step) for value in values], kind)
    if pa.types.is_integer(kind):
        return pa.array([None if np.isnan(value) else int(value) for value in values], kind)
    return pa.array(values, kind, from_pandas=True)


def replaced(column: Any, where: NDArray[np.bool_], value: Any) -> Any:
    """The column with one value in some rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.call_function("if_else", [pa.array(where), pa.scalar(value, column.type), column])


def unseen_value(known: set[Any]) -> str:
    """A text that is none of the known ones."""
    text = "(unseen)"
    while text in known:
        text += "'"
    return text


def constant(column: Any, value: Any) -> Any:
    """The column with one value in all rows."""
    import pyarrow as pa

    return pa.repeat(pa.scalar(value, column.type), len(column))
