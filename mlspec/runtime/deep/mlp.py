"""A multilayer perceptron: linear, norm, activation and dropout for each hidden layer, and a linear layer at the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep.inputs import NUMBERS, Inputs
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = frozenset({NUMBERS}), "double"

_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "Tanh"}
_GELU = float(np.sqrt(2.0 / np.pi))


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module; GELU is the one of hyperbolic tangents, which ONNX has in double precision."""
    from torch import nn

    layers: list[Any] = []
    width = inputs.width
    for place, size in enumerate(config["hidden"]):
        layers.append((f"linear{place}", nn.Linear(width, size)))
        if config["norm"] == "batch":
            layers.append((f"norm{place}", nn.BatchNorm1d(size)))
        elif config["norm"] == "layer":
            layers.append((f"norm{place}", nn.LayerNorm(size)))
        activation = getattr(nn, _ACTIVATIONS[config["activation"]])
        layers.append(
            (f"activation{place}", activation(approximate="tanh") if config["activation"] == "gelu" else activation())
        )
        if config["dropout"]:
            layers.append((f"dropout{place}", nn.Dropout(float(config["dropout"]))))
        width = size
    network = nn.Sequential()
    for name, layer in [*layers, ("output", nn.Linear(width, outputs))]:
        network.add_module(name, layer)
    return network


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The same network without dropout."""
    for place in range(len(config["hidden"])):
        write_linear(graph, weights, f"linear{place}")
        write_norm(graph, weights, f"norm{place}")
        _activate(graph, str(config["activation"]))
    write_linear(graph, weights, "output")


def write_linear(graph: Graph, weights: Mapping[str, Floats], name: str) -> None:
    """A linear layer."""
    graph.product(np.ascontiguousarray(weights[f"{name}.weight"].T)).add(weights[f"{name}.bias"])


def write_norm(graph: Graph, weights: Mapping[str, Floats], name: str) -> None:
    """A norm, where there is one of this name; a batch norm is a factor and a summand a column."""
    norm = {part: weights[f"{name}.{part}"] for part in _NORMS if f"{name}.{part}" in weights}
    if "running_mean" in norm:
        factor = norm["weight"] / np.sqrt(norm["running_var"] + _EPSILON)
        graph.times(factor).add(norm["bias"] - norm["running_mean"] * factor)
    elif norm:
        graph.layer_norm(norm["weight"], norm["bias"], _EPSILON)


_NORMS = ("weight", "bias", "running_mean", "running_var")
_EPSILON = 1e-5  # what torch's norms add to a variance


def _activate(graph: Graph, name: str) -> None:
    if name == "relu":
        graph.then("Relu")
    elif name == "tanh":
        graph.then("Tanh")
    elif name == "silu":
        graph.gated("Sigmoid")
    else:
        graph.tanh_gelu(_GELU, 0.044715)


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """What a row takes while its gradient is computed: inputs, and about four numbers for each output of a hidden layer."""
    return 4 * (inputs.width + 4 * sum(map(int, config["hidden"])) + 4)
