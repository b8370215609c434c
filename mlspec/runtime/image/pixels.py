"""Pixels of many rows, and the numbers that models read of them: 0 to 1, or normalised. The same bits whatever rows are beside a row."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# What the pixels of ImageNet have, red, green, blue; of grey ones their mean.
_MEANS, _SPREADS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Pixels:
    """`raw` is (any rows, channels * height * width) of eight bits, of which `rows` are meant, all of them unless it says which;
    `by` says what they are normalised by. Rows that are chosen are copied when they are read, and not before.
    """

    raw: NDArray[np.uint8]
    shape: tuple[int, int, int]
    by: str | None
    rows: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.raw if self.rows is None else self.rows)

    @property
    def width(self) -> int:
        """How many pixels a row has."""
        return int(self.raw.shape[1])

    def take(self, rows: Any) -> Pixels:
        """The rows that an index selects."""
        chosen = np.arange(len(self.raw))[rows] if self.rows is None else self.rows[rows]
        return replace(self, rows=chosen)

    def bytes_at(self, rows: Any) -> NDArray[np.uint8]:
        """The pixels of some rows."""
        found: NDArray[np.uint8] = self.raw[rows if self.rows is None else self.rows[rows]]
        return found

    def numbers(self) -> Floats:
        """One line of numbers a row."""
        return numbers_of(self.bytes_at(slice(None)), self.shape, self.by)


def numbers_of(raw: NDArray[Any], shape: tuple[int, ...], by: str | None) -> Floats:
    """Pixels, 0 to 255, as the numbers that a model reads; augmented ones need not be whole."""
    values = raw.astype(np.float64) / 255.0
    if by == "imagenet":
        means, spreads = (_MEANS, _SPREADS) if shape[0] == 3 else ((sum(_MEANS) / 3,), (sum(_SPREADS) / 3,))
        planes = values.reshape(len(raw), shape[0], -1)
        planes -= np.array(means)[:, None]
        planes /= np.array(spreads)[:, None]
    elif by == "image":
        mean, spread = _moments(raw)
        values -= mean[:, None]
        values /= spread[:, None]
    return values


def _moments(raw: NDArray[Any]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each row, from sums that are exact: their order cannot matter. Without any spread 1 stands."""
    whole = np.rint(raw.astype(np.float64) * 256.0).astype(np.int64) if raw.dtype != np.uint8 else raw.astype(np.int64) * 256
    count, first, second = raw.shape[1], whole.sum(axis=1), (whole * whole).sum(axis=1)
    mean = first / count
    variance = np.maximum(second / count - mean * mean, 0.0)
    spread = np.sqrt(variance) / (256.0 * 255.0)
    return mean / (256.0 * 255.0), np.where(spread < 1e-6, 1.0, spread)


def pixels_of(values: Any, shape: Any, by: str | None) -> Pixels:
    """Pixels from rows of bytes, or from an Arrow column of them."""
    channels, height, width = (int(side) for side in shape)
    size = math.prod((channels, height, width))
    if hasattr(values, "chunks") or hasattr(values, "buffers"):
        raw = _of_arrow(values, size)
    else:
        raw = np.frombuffer(b"".join(values), dtype=np.uint8).reshape(len(values), size)
    return Pixels(raw, (channels, height, width), by)


def _of_arrow(column: Any, size: int) -> NDArray[np.uint8]:
    """The bytes of a fixed-size binary column, not copied where it is one piece."""
    pieces = column.chunks if hasattr(column, "chunks") else [column]
    parts = [
        np.frombuffer(piece.buffers()[1], dtype=np.uint8, count=len(piece) * size, offset=piece.offset * size).reshape(-1, size)
        for piece in pieces
        if len(piece)
    ]
    if not parts:
        return np.empty((0, size), dtype=np.uint8)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@lru_cache(maxsize=16)
def names_of(name: str, count: int) -> tuple[str, ...]:
    """The names of the numbers of an image."""
    return tuple(f"{name}.{place}" for place in range(count))
