"""What a fitted step may learn from besides its own feature: the label and the groups of the fitting part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Target:
    """The label of the fitting rows: `y` is 0/1 (binary), a place in the classes (multiclass) or a number.

    `groups` holds one group number a row, or None where each row stands alone; `seed` decides the folds of out-of-fold values.
    `protected` holds a number a row for the groups that a mitigation treats alike, None where there is none.
    """

    task: str
    y: NDArray[np.float64]
    classes: int = 2
    groups: NDArray[np.int64] | None = None
    seed: int = 0
    protected: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[Any]) -> Target:
        """The rows that an index array selects."""
        groups = None if self.groups is None else self.groups[rows]
        protected = None if self.protected is None else self.protected[rows]
        return Target(self.task, self.y[rows], self.classes, groups, self.seed, protected)

    def folds(self, count: int) -> NDArray[np.int64]:
        """A fold number for each row, whole groups together, drawn from the seed alone."""
        units = np.arange(len(self.y)) if self.groups is None else self.groups
        known, places = np.unique(units, return_inverse=True)
        order = np.random.Generator(np.random.PCG64(self.seed)).permutation(len(known))
        fold_of = np.empty(len(known), dtype=np.int64)
        fold_of[order] = np.arange(len(known)) % count
        return fold_of[places]
