"""Cells: how the values of a feature are counted. Made on the reference, used for every later window.

No cell holds between 1 and `min_cell` - 1 reference rows, so that the stored counts tell nothing of one person. A value that
alone makes up a tenth of the rows has a cell of its own: zeros in a column of gains, the one value of a constant column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

NUMBERS = frozenset({"int", "float", "decimal", "ratio", "points", "rate", "duration", "bytes", "date", "timestamp"})
PSI_BINS = 10
KS_BINS = 100
MAX_CATEGORIES = 50

Cut = tuple[float, bool]  # (value, included): up to and with the value, or up to it only


def is_number(kind: str) -> bool:
    """Whether values of this type have an order that a distribution function can use."""
    return kind.removesuffix("?") in NUMBERS


def as_number(value: Any) -> float:
    """A value as a float: dates as days, instants as seconds; text is how a log has them."""
    if isinstance(value, str):
        if "T" in value or ":" in value:
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        elif value.count("-") == 2 and len(value) == 10:
            value = date.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return float(value.toordinal())
    return float(value)


def as_category(value: Any) -> str:
    """A value as the text that names its cell."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class NumberCells:
    """Cells of a number: cell i lies between cut i - 1 and cut i."""

    cuts: tuple[Cut, ...]

    @property
    def size(self) -> int:
        return len(self.cuts) + 1

    def labels(self) -> list[str]:
        """What each cell is called, `≤ 3`, `3 to 7`."""
        if not self.cuts:
            return ["any"]
        marks = [f"{value:.6g}" for value, _ in self.cuts]
        first = ("≤ " if self.cuts[0][1] else "< ") + marks[0]
        last = ("> " if self.cuts[-1][1] else "≥ ") + marks[-1]
        pairs = pairwise(marks)
        return [first, *(low if low == high else f"{low} to {high}" for low, high in pairs), last]

    def count(self, values: Sequence[Any]) -> Counts:
        """How many of the values, none of them null, lie in each cell."""
        numbers = np.array([as_number(value) for value in values], dtype=np.float64)
        return self.count_array(numbers)

    def count_array(self, numbers: Floats) -> Counts:
        """`count` of an array."""
        below = np.array([value for value, included in self.cuts if not included])
        upto = np.array([value for value, included in self.cuts if included])
        place = np.searchsorted(below, numbers, side="right") + np.searchsorted(upto, numbers, side="left")
        return np.bincount(place, minlength=self.size).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """The cells as they stand in a reference."""
        return {"kind": "number", "cuts": [[value, included] for value, included in self.cuts]}


@dataclass(frozen=True)
class CategoryCells:
    """One cell per frequent value and one for all others."""

    values: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.values) + 1

    def labels(self) -> list[str]:
        """The values, then `other`."""
        return [*self.values, "other"]

    def count(self, values: Sequence[Any]) -> Counts:
        """How many of the values, none of them null, lie in each cell."""
        found = Counter(as_category(value) for value in values)
        named = [found.get(value, 0) for value in self.values]
        return np.array([*named, found.total() - sum(named)], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """The cells as they stand in a reference."""
        return {"kind": "category", "values": list(self.values)}


Cells = NumberCells | CategoryCells


def read_cells(data: Mapping[str, Any]) -> Cells:
    """The cells of a reference."""
    if data["kind"] == "number":
        return NumberCells(tuple((float(value), bool(included)) for value, included in data["cuts"]))
    return CategoryCells(tuple(data["values"]))


def number_cells(numbers: Floats, bins: int, min_cell: int) -> NumberCells:
    """About `bins` cells of equal mass, none of them holding a few rows only."""
    if len(numbers) == 0:
        return NumberCells(())
    shares = np.arange(1, bins) / bins
    edges = {float(value) for value in np.quantile(numbers, shares, method="inverted_cdf")}
    values, counts = np.unique(numbers, return_counts=True)
    masses = {float(value) for value in values[counts >= max(min_cell, len(numbers) / PSI_BINS)]}
    cuts: list[Cut] = sorted({(value, True) for value in edges | masses} | {(value, False) for value in masses})
    return _merged(cuts, numbers, min_cell)


def _merged(cuts: list[Cut], numbers: Floats, min_cell: int) -> NumberCells:
    """The cells without the cuts that leave 1 to `min_cell` - 1 rows on one side."""
    while True:
        cells = NumberCells(tuple(cuts))
        counts = cells.count_array(numbers)
        small = np.flatnonzero((counts > 0) & (counts < min_cell))
        if len(small) == 0 or not cuts:
            return cells
        cuts.pop(max(0, int(small[0]) - 1))


def category_cells(values: Iterable[Any], min_cell: int) -> CategoryCells:
    """The most frequent values with at least `min_cell` rows each; if the rest are few, the rarest named one joins them."""
    found = Counter(as_category(value) for value in values)
    ranked = sorted(found, key=lambda value: (-found[value], value))
    named = [value for value in ranked[:MAX_CATEGORIES] if found[value] >= min_cell]
    while named and 0 < found.total() - sum(found[value] for value in named) < min_cell:
        named.pop()
    return CategoryCells(tuple(sorted(named)))
