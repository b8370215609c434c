"""The counted distribution of one value (a feature, the score): on the reference, and in a window with the same cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.monitor.cells import (
    KS_BINS,
    PSI_BINS,
    Cells,
    Counts,
    as_number,
    category_cells,
    is_number,
    number_cells,
    read_cells,
)  # fmt: skip


@dataclass
class Profile:
    """Counts in cells, and nulls. `fine` are the cells of KS, for numbers only."""

    name: str
    type: str
    cells: Cells
    counts: Counts
    nulls: int
    fine: Cells | None = None
    fine_counts: Counts | None = None

    @property
    def n(self) -> int:
        """Records, nulls included."""
        return int(self.counts.sum()) + self.nulls

    def with_nulls(self) -> Counts:
        """The counts with null as the last cell."""
        return np.append(self.counts, self.nulls)

    def empty(self) -> Profile:
        """The same cells with nothing in them."""
        fine = None if self.fine is None else np.zeros(self.fine.size, dtype=np.int64)
        return Profile(self.name, self.type, self.cells, np.zeros(self.cells.size, dtype=np.int64), 0, self.fine, fine)

    def takes(self, value: Any) -> bool:
        """Whether this is a value that can be counted: a finite number, or text where a date or a category is."""
        if value is None or (type(value) is int and -(2**63) <= value < 2**63):
            return True
        if not is_number(self.type):
            return isinstance(value, str | bool | float)
        try:
            return math.isfinite(as_number(value))
        except (TypeError, ValueError, OverflowError):
            return False

    def add(self, values: Sequence[Any]) -> None:
        """Count some more values; None is null."""
        held = [value for value in values if value is not None]
        self.nulls += len(values) - len(held)
        if not held:
            return
        self.counts = self.counts + self.cells.count(held)
        if self.fine is not None and self.fine_counts is not None:
            self.fine_counts = self.fine_counts + self.fine.count(held)

    def to_json(self) -> dict[str, Any]:
        """The profile as it stands in a reference."""
        found = {
            "name": self.name, "type": self.type, "cells": self.cells.to_json(), "counts": self.counts.tolist(), "nulls": self.nulls,
        }  # fmt: skip
        if self.fine is not None and self.fine_counts is not None:
            found["fine"] = {"cells": self.fine.to_json(), "counts": self.fine_counts.tolist()}
        return found


def profile_of(name: str, kind: str, values: Sequence[Any], min_cell: int) -> Profile:
    """The profile of reference values; fewer than `min_cell` nulls are counted as none."""
    held = [value for value in values if value is not None]
    nulls = len(values) - len(held)
    nulls = 0 if nulls < min_cell else nulls
    if not is_number(kind):
        cells: Cells = category_cells(held, min_cell)
        return Profile(name, kind, cells, cells.count(held), nulls)
    numbers = np.array([as_number(value) for value in held], dtype=np.float64)
    coarse, fine = number_cells(numbers, PSI_BINS, min_cell), number_cells(numbers, KS_BINS, min_cell)
    return Profile(name, kind, coarse, coarse.count_array(numbers), nulls, fine, fine.count_array(numbers))


def read_profile(data: Mapping[str, Any]) -> Profile:
    """A profile from a reference."""
    fine = data.get("fine")
    return Profile(
        data["name"], data["type"], read_cells(data["cells"]), np.array(data["counts"], dtype=np.int64), int(data["nulls"]),
        None if fine is None else read_cells(fine["cells"]), None if fine is None else np.array(fine["counts"], dtype=np.int64),
    )  # fmt: skip
