"""What a network learns from, batch by batch: rows of numbers and their labels, as tensors on the device.

`Examples` is what the loop asks. `InMemory` holds all rows on the device. Others load them while the device computes: they are told
at the beginning of an epoch which rows will be taken and in which order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mlspec.runtime.deep.trained import LabelScale
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


class Examples(Protocol):
    """The rows of a part with their labels."""

    @property
    def rows_on(self) -> str:
        """The device on which numbers of rows are asked for."""
        ...

    def __len__(self) -> int: ...

    def begin(self, epoch: int, coming: Iterable[Any]) -> None:
        """An epoch, counted from 1, begins or goes on: the numbers of the rows that each call of `take` will ask for, in this order."""

    def take(self, rows: Any) -> tuple[Any, Any]:
        """The inputs and labels of some rows, on the device."""
        ...

    def close(self) -> None:
        """Nothing is taken any more, also where an epoch was left in its midst."""


@dataclass(frozen=True)
class InMemory:
    """`inputs` and `labels` are tensors of n rows on the device where the network is."""

    inputs: Any
    labels: Any

    @property
    def rows_on(self) -> str:
        """The device of the rows."""
        return str(self.labels.device)

    def __len__(self) -> int:
        return len(self.labels)

    def begin(self, epoch: int, coming: Iterable[Any]) -> None:
        """All rows are there."""

    def take(self, rows: Any) -> tuple[Any, Any]:
        """The inputs and labels of some rows."""
        return self.inputs.index_select(0, rows), self.labels.index_select(0, rows)

    def close(self) -> None:
        """There is nothing to close."""


def table_examples(matrix: Floats, target: Target, scale: LabelScale, device: str) -> InMemory:
    """Rows of a table in single precision; labels as the loss of the task takes them."""
    import torch

    return InMemory(torch.from_numpy(matrix.astype(np.float32)).to(device), label_tensor(target, scale).to(device))


def label_tensor(target: Target, scale: LabelScale) -> Any:
    """Labels as the loss of the task takes them: places of classes, 0 and 1, or numbers that are centred and scaled."""
    import torch

    return torch.from_numpy(label_array(target, scale))


def label_array(target: Target, scale: LabelScale) -> Any:
    """The same as an array."""
    if target.task == "multiclass":
        return target.y.astype(np.int64)
    return ((target.y - scale.centre) / scale.spread).astype(np.float32)


def label_scale(target: Target) -> LabelScale:
    """Mean and standard deviation of a label of numbers, by exact sums; of classes none."""
    if target.task != "regression":
        return LabelScale()
    values = target.y.tolist()
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return LabelScale(mean, spread or 1.0)


def class_weights(config: Mapping[str, Any], target: Target) -> list[float] | None:
    """What a row of each class counts; balanced, all classes count the same and a row counts 1 on average."""
    if config.get("class_weights") != "balanced":
        return None
    counts = np.bincount(target.y.astype(np.int64), minlength=target.classes)
    return [len(target.y) / (target.classes * int(count)) for count in counts]
