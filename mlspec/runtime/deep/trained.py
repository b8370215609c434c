"""A trained network as packages see it: probabilities or predictions in double precision, and the same as an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlspec.runtime.deep.inputs import NUMBERS, Inputs
from mlspec.runtime.deep.networks import Weights, network_of
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_AT_ONCE = 256
"""Rows of texts or images that are answered at once: each takes much more memory inside than as a row."""


@dataclass(frozen=True)
class LabelScale:
    """What a label of numbers was divided by and centred on, so that the network learns numbers near 1."""

    centre: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class TrainedNetwork:
    """`weights` are doubles by the names of the torch module that `network` describes."""

    network: Mapping[str, Any]
    weights: Weights
    inputs: Inputs
    task: str
    classes: int
    label: LabelScale = LabelScale()

    @property
    def classes_(self) -> Any:
        """The places of the classes, as estimators have them."""
        return np.arange(self.classes)

    @property
    def single(self) -> bool:
        """Whether it answers in single precision, since its operators exist in no other."""
        return bool(network_of(self.network, "").PRECISION == "single")

    @cached_property
    def _module(self) -> Any:
        import torch

        module = network_of(self.network, "").build(self.network, self.inputs, outputs_of(self.task, self.classes)).double()
        module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()}, strict=False)
        return (module.float() if self.single else module).eval()

    def _raw(self, matrix: Floats) -> Any:
        import torch

        rows = torch.from_numpy(np.ascontiguousarray(matrix, dtype=np.float32 if self.single else np.float64))
        step = len(rows) if self.inputs.kind == NUMBERS else _AT_ONCE
        with torch.no_grad():
            return torch.cat(
                [self._module(rows[start : start + step]).double() for start in range(0, max(1, len(rows)), max(1, step))]
            )

    def predict(self, matrix: Floats) -> Floats:
        """The prediction of a number, in the label's unit."""
        raw: Floats = self._raw(matrix).numpy()[:, 0]
        return raw * self.label.spread + self.label.centre

    def predict_proba(self, matrix: Floats) -> Floats:
        """P(class) of each row."""
        import torch

        raw = self._raw(matrix)
        if self.task == "binary":
            positive: Floats = torch.sigmoid(raw).numpy()[:, 0]
            return np.stack([1.0 - positive, positive], axis=1)
        found: Floats = torch.softmax(raw, dim=1).numpy()
        return found

    def to_onnx(self) -> bytes:
        """The graph of the network and of what its outputs become."""
        graph, outputs = Graph(self.inputs.width), outputs_of(self.task, self.classes)
        network_of(self.network, "").write(self.network, self.weights, graph, self.inputs, outputs)
        if self.task == "regression":
            graph.times(np.array([self.label.spread])).add(np.array([self.label.centre]))
        else:
            graph.ending("Sigmoid" if self.task == "binary" else "Softmax", outputs)
        return graph.finish(outputs)


def outputs_of(task: str, classes: int) -> int:
    """How many numbers a network of a task ends in."""
    return classes if task == "multiclass" else 1


def handles(estimator: Any) -> bool:
    """Whether this is a trained network."""
    return isinstance(estimator, TrainedNetwork)


def write(estimator: TrainedNetwork, width: int, target: Target) -> bytes:
    """The ONNX graph of a trained network."""
    return estimator.to_onnx()
