"""What a network learns from: rows of numbers and their labels, as tensors that stay on the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.deep.trained import LabelScale
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


@dataclass(frozen=True)
class Examples:
    """`inputs` and `labels` are tensors of n rows on the device where the network is."""

    inputs: Any
    labels: Any

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Any) -> tuple[Any, Any]:
        """The inputs and labels of some rows."""
        return self.inputs.index_select(0, rows), self.labels.index_select(0, rows)


def table_examples(matrix: Floats, target: Target, scale: LabelScale, device: str) -> Examples:
    """Rows of a table in single precision; labels as the loss of the task takes them."""
    import torch

    inputs = torch.from_numpy(matrix.astype(np.float32)).to(device)
    if target.task == "multiclass":
        return Examples(inputs, torch.from_numpy(target.y.astype(np.int64)).to(device))
    labels = (target.y - scale.centre) / scale.spread
    return Examples(inputs, torch.from_numpy(labels.astype(np.float32)).to(device))


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
