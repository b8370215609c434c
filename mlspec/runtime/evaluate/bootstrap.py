"""Bootstrap draws as row weights: how often each row was drawn, whole groups together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.outcomes import Floats

DRAWS = 2_000
# Weights made at a time: 8 MB, which the caches nearly hold; four times that took twice as long.
BLOCK = 1_000_000


def group_codes(groups: NDArray[Any]) -> NDArray[np.int64]:
    """Groups as numbers from 0, by first appearance."""
    _, first, codes = np.unique(groups.astype(str), return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(len(first))
    return np.asarray(place[codes], dtype=np.int64)


def draw_weights(rows: int, seed: int, groups: NDArray[np.int64] | None = None, draws: int = DRAWS) -> Iterator[Floats]:
    """Blocks of weights, (draws in the block, rows); the draws do not depend on how they are blocked."""
    random = np.random.Generator(np.random.PCG64(seed))
    units = rows if groups is None else int(groups.max()) + 1
    step = max(1, BLOCK // max(rows, 1))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        counts = np.empty((size, units))
        for draw in range(size):
            counts[draw] = np.bincount(random.integers(0, units, units), minlength=units)
        yield counts if groups is None else counts[:, groups]


def method_name(groups: NDArray[np.int64] | None) -> str:
    """What a verdict says of how an interval was made."""
    return f"bootstrap, {DRAWS:,} draws" + ("" if groups is None else " of whole groups")
