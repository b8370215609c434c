"""A network of the project's own, as everything outside its process knows it: an ONNX graph with what its outputs become.

No code of the project is here: its process gave the graph, and gave what torch answered for some rows, which the graph must answer too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlspec.runtime.deep.inputs import NUMBERS, Inputs
from mlspec.runtime.deep.trained import TrainedNetwork, outputs_of
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = frozenset({NUMBERS}), "double"


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """A guess: nobody here knows what it computes."""
    return 64 * inputs.width


@dataclass(frozen=True)
class OwnNetwork(TrainedNetwork):
    """`model` is the exported graph; `in_single` says that it answers in single precision, as its operators exist in no other."""

    model: bytes = b""
    in_single: bool = False

    @property
    def single(self) -> bool:
        """Whether it answers in single precision."""
        return self.in_single

    @cached_property
    def _session(self) -> Any:
        from mlspec.runtime.package.engines.onnx_engine import session_of

        outputs = outputs_of(self.task, self.classes)
        return session_of(self._graph().finish(outputs))

    def _graph(self) -> Graph:
        import onnx

        return Graph(self.inputs.width).embed(onnx.load_from_string(self.model), single=self.in_single)

    def raw(self, matrix: Floats) -> Floats:
        """The outputs of the network for rows."""
        found: Floats = self._session.run(None, {"X": np.ascontiguousarray(matrix, dtype=np.float64)})[0]
        return found

    def predict(self, matrix: Floats) -> Floats:
        """The prediction of a number, in the label's unit."""
        return self.raw(matrix)[:, 0] * self.label.spread + self.label.centre

    def predict_proba(self, matrix: Floats) -> Floats:
        """P(class) of each row."""
        raw = self.raw(matrix)
        if self.task == "binary":
            positive = 1.0 / (1.0 + np.exp(-raw[:, 0]))
            return np.stack([1.0 - positive, positive], axis=1)
        grown = np.exp(raw - raw.max(axis=1, keepdims=True))
        found: Floats = grown / grown.sum(axis=1, keepdims=True)
        return found

    def to_onnx(self) -> bytes:
        """The graph of the network and of what its outputs become."""
        graph, outputs = self._graph(), outputs_of(self.task, self.classes)
        if self.task == "regression":
            graph.times(np.array([self.label.spread])).add(np.array([self.label.centre]))
        else:
            graph.ending("Sigmoid" if self.task == "binary" else "Softmax", outputs)
        return graph.finish(outputs)
