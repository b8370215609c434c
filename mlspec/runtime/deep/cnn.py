"""A convolutional network over an image: stages of convolution, batch norm and ReLU, each but the first on half as many lines, and a linear layer.

It answers in single precision up to the linear layer: onnxruntime has no convolution of doubles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep.inputs import IMAGE, Inputs
from mlspec.runtime.deep.mlp import write_linear
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = frozenset({IMAGE}), "single"
_EPSILON = 1e-5  # what torch's norms add to a variance


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module, from lines of pixels."""
    from torch import nn

    kernel, before = int(config["kernel"]), inputs.shape[0]
    network = nn.Sequential()
    network.add_module("picture", nn.Unflatten(1, inputs.shape))
    for stage, layer, channels in _layers(config):
        if stage and not layer:
            network.add_module(f"half{stage}", nn.MaxPool2d(2))
        name = f"{stage}_{layer}"
        network.add_module(f"conv{name}", nn.Conv2d(before, channels, kernel, padding=kernel // 2, bias=False))
        network.add_module(f"norm{name}", nn.BatchNorm2d(channels))
        network.add_module(f"activation{name}", nn.ReLU())
        before = channels
    network.add_module("pool", _mean() if config["pool"] == "average" else nn.Flatten())
    if config["dropout"]:
        network.add_module("dropout", nn.Dropout(float(config["dropout"])))
    network.add_module("output", nn.Linear(_width(config, inputs), outputs))
    return network


def _mean() -> Any:
    """The mean of each channel; torch's own pooling has no gradient on a GPU that comes out equal every time."""
    from torch import nn

    class Mean(nn.Module):
        """Over lines and columns."""

        def forward(self, rows: Any) -> Any:
            return rows.mean((2, 3))

    return Mean()


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The same network, the norms as parts of the convolutions."""
    from onnx import TensorProto

    kernel = int(config["kernel"])
    graph.then("Cast", to=TensorProto.FLOAT)
    graph.then("Reshape", graph.constant(np.array([-1, *inputs.shape], dtype=np.int64)))
    for stage, layer, _ in _layers(config):
        if stage and not layer:
            graph.then("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        filters, base = _folded(weights, f"{stage}_{layer}")
        graph.then(
            "Conv", graph.constant(filters.astype(np.float32)), graph.constant(base.astype(np.float32)),
            kernel_shape=[kernel, kernel], pads=[kernel // 2] * 4,
        )  # fmt: skip
        graph.then("Relu")
    if config["pool"] == "average":
        graph.then("ReduceMean", graph.constant(np.array([2, 3], dtype=np.int64)), keepdims=0)
    else:
        graph.then("Reshape", graph.constant(np.array([-1, _width(config, inputs)], dtype=np.int64)))
    graph.then("Cast", to=TensorProto.DOUBLE)
    write_linear(graph, weights, "output")


def _folded(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats]:
    """The filters of a convolution and what is added, with the norm behind it worked in."""
    norm = {part: weights[f"norm{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
    factor = norm["weight"] / np.sqrt(norm["running_var"] + _EPSILON)
    return weights[f"conv{name}.weight"] * factor[:, None, None, None], norm["bias"] - norm["running_mean"] * factor


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """What a row takes while its gradient is computed: its pixels, and about four numbers for each output of a convolution."""
    numbers = inputs.width
    for stage, _, channels in _layers(config):
        _, height, width = inputs.shape
        numbers += 4 * channels * max(1, height >> stage) * max(1, width >> stage)
    return 4 * numbers


def _layers(config: Mapping[str, Any]) -> Iterator[tuple[int, int, int]]:
    """(stage, layer of the stage, channels) of each convolution."""
    for stage, channels in enumerate(config["channels"]):
        for layer in range(int(config["layers"])):
            yield stage, layer, int(channels)


def _width(config: Mapping[str, Any], inputs: Inputs) -> int:
    """How many numbers the linear layer reads."""
    channels, halvings = int(config["channels"][-1]), len(config["channels"]) - 1
    if config["pool"] == "average":
        return channels
    return channels * (inputs.shape[1] >> halvings) * (inputs.shape[2] >> halvings)
