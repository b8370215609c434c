"""A network that Keras trained, as packages see it: what it answers is computed by Keras in double precision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlspec.runtime.deep.trained import TrainedNetwork, outputs_of
from mlspec.runtime.deep_keras import networks
from mlspec.runtime.transform.columns import Floats

BLOCK = 8192


@dataclass(frozen=True)
class KerasNetwork(TrainedNetwork):
    """`weights` have the names of a torch module's, so that the ONNX graph is written as for one."""

    @cached_property
    def _model(self) -> Any:
        outputs = outputs_of(self.task, self.classes)
        model = networks.build(self.network, self.inputs.width, outputs, "float64")
        networks.set_weights(model, self.weights)
        return model

    def _outputs(self, matrix: Floats) -> Any:
        import tensorflow as tf

        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        return tf.concat([self._model(rows[start : start + BLOCK], training=False) for start in starts(len(rows))], axis=0)

    def predict(self, matrix: Floats) -> Floats:
        """The prediction of a number, in the label's unit."""
        raw: Floats = self._outputs(matrix).numpy()[:, 0]
        return raw * self.label.spread + self.label.centre

    def predict_proba(self, matrix: Floats) -> Floats:
        """P(class) of each row."""
        import tensorflow as tf

        raw = self._outputs(matrix)
        if self.task == "binary":
            positive: Floats = tf.sigmoid(raw).numpy()[:, 0]
            return np.stack([1.0 - positive, positive], axis=1)
        found: Floats = tf.nn.softmax(raw, axis=1).numpy()
        return found


def starts(rows: int) -> range:
    """Where the blocks begin in which rows are answered; of no rows there is one, which is empty."""
    return range(0, max(rows, 1), BLOCK)
