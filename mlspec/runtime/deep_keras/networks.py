"""The networks of the language as Keras models, with the weights' names and first values of their PyTorch counterparts.

A layer is named as in `mlspec.runtime.deep`, and so are its weights: whoever writes the ONNX graph need not know who trained them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats

_EPSILON, _KEPT = 1e-5, 0.9  # what a norm adds to a variance, and how much of its means a batch norm keeps
_ACTIVATIONS = {"relu": "relu", "silu": "silu", "tanh": "tanh"}


def build(config: Mapping[str, Any], width: int, outputs: int, precision: str = "float32") -> Any:
    """The Keras model of rows of `width` numbers; `precision` is a policy of Keras."""
    import keras

    rows = keras.Input((width,), dtype="float64" if precision == "float64" else "float32", name="rows")
    layers = _Layers(precision)
    return keras.Model(rows, NETWORKS[str(config["name"])](config, layers, rows, outputs))


class _Layers:
    """Keras layers by the names of the language."""

    def __init__(self, precision: str) -> None:
        self._kept = {"dtype": precision}

    def linear(self, name: str, size: int) -> Any:
        from keras import layers

        return layers.Dense(size, name=name, **self._kept)

    def norm(self, name: str, kind: str) -> Any:
        from keras import layers

        if kind == "layer":
            return layers.LayerNormalization(epsilon=_EPSILON, name=name, **self._kept)
        return layers.BatchNormalization(momentum=_KEPT, epsilon=_EPSILON, name=name, **self._kept)

    def activation(self, kind: str) -> Any:
        """GELU is the one of hyperbolic tangents, which ONNX has in double precision."""
        import keras

        if kind == "gelu":
            return keras.layers.Activation(_gelu, **self._kept)
        return keras.layers.Activation(_ACTIVATIONS[kind], **self._kept)

    def dropout(self, share: float) -> Any:
        """What it drops is drawn from a seed that every epoch sets anew."""
        from keras import layers

        return layers.Dropout(share, seed=0, **self._kept)


def _gelu(values: Any) -> Any:
    import keras

    return keras.activations.gelu(values, approximate=True)


def _mlp(config: Mapping[str, Any], layers: _Layers, rows: Any, outputs: int) -> Any:
    for place, size in enumerate(config["hidden"]):
        rows = layers.linear(f"linear{place}", int(size))(rows)
        if config["norm"] != "none":
            rows = layers.norm(f"norm{place}", str(config["norm"]))(rows)
        rows = layers.activation(str(config["activation"]))(rows)
        if config["dropout"]:
            rows = layers.dropout(float(config["dropout"]))(rows)
    return layers.linear("output", outputs)(rows)


def _resnet(config: Mapping[str, Any], layers: _Layers, rows: Any, outputs: int) -> Any:
    """Blocks that add to what they are given, as in `mlspec.runtime.deep.resnet`."""
    size, share = int(config["width"]), float(config["dropout"])
    inner = round(size * float(config["widening"]))
    drop: Callable[[Any], Any] = layers.dropout(share) if share else lambda values: values
    rows = layers.linear("input", size)(rows)
    for place in range(int(config["blocks"])):
        hidden = layers.norm(f"block{place}.norm", "batch")(rows)
        hidden = drop(layers.activation("relu")(layers.linear(f"block{place}.first", inner)(hidden)))
        rows = rows + drop(layers.linear(f"block{place}.second", size)(hidden))
    return layers.linear("output", outputs)(layers.activation("relu")(layers.norm("norm", "batch")(rows)))


NETWORKS: Mapping[str, Callable[[Mapping[str, Any], _Layers, Any, int], Any]] = {"mlp": _mlp, "resnet": _resnet}


def refuse_other_networks(config: Mapping[str, Any], where: str) -> None:
    """StageError MLS901 for a network that TensorFlow does not train yet."""
    name = str(config["name"])
    if name not in NETWORKS:
        raise StageError(
            "MLS901", f"the network `{name}` with TensorFlow is not built yet", f"{where}.network", found=f"{name}(…)",
            expected=", ".join(f"{known}(…)" for known in NETWORKS), help="choose one of these, or leave `framework` out: PyTorch has it",
        )  # fmt: skip


_PARTS = {
    "kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var",
}  # fmt: skip


def variables(network: Any) -> Iterator[tuple[str, Any]]:
    """The weights of a network, each with its name, in the order of its layers; of a linear layer transposed ones (see `weights`)."""
    for layer in network.layers:
        for variable in layer.weights:
            part = variable.name.rpartition("/")[2]
            if part in _PARTS:
                yield f"{layer.name}.{_PARTS[part]}", variable


def weights(network: Any) -> dict[str, Any]:
    """A copy of the weights by their names; a matrix has a line an output."""
    return {name: np.array(variable.numpy().T, order="C") for name, variable in variables(network)}


def set_weights(network: Any, values: Mapping[str, Any]) -> None:
    """Give a network the weights of these names."""
    for name, variable in variables(network):
        variable.assign(np.asarray(values[name]).T)


def first_weights(network: Any, seed: int) -> None:
    """Weights and biases of linear layers from the interval that PyTorch draws them from; norms are there already."""
    random = np.random.Generator(np.random.PCG64(seed))
    values: dict[str, Floats] = weights(network)
    for name, value in values.items():
        matrix = values[f"{name.rpartition('.')[0]}.weight"]
        if matrix.ndim == 2:
            bound = matrix.shape[1] ** -0.5
            values[name] = random.uniform(-bound, bound, value.shape)
    set_weights(network, values)
