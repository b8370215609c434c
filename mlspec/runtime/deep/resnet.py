"""A residual network over columns of numbers, as Gorishniy et al. 2021 have it: blocks that add to what they are given.

A block is norm, linear, ReLU, dropout, linear, dropout; before the blocks stands a linear layer, after them norm, ReLU and a linear layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep.inputs import NUMBERS, Inputs
from mlspec.runtime.deep.mlp import write_linear, write_norm
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = frozenset({NUMBERS}), "double"


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module."""
    from torch import nn

    size, inner = int(config["width"]), round(int(config["width"]) * float(config["widening"]))
    dropout = float(config["dropout"])

    class Block(nn.Module):
        """What a block adds to its input."""

        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(size)
            self.first = nn.Linear(size, inner)
            self.second = nn.Linear(inner, size)
            self.drop = nn.Dropout(dropout)

        def forward(self, rows: Any) -> Any:
            hidden = self.drop(nn.functional.relu(self.first(self.norm(rows))))
            return rows + self.drop(self.second(hidden))

    network = nn.Sequential()
    network.add_module("input", nn.Linear(inputs.width, size))
    for place in range(int(config["blocks"])):
        network.add_module(f"block{place}", Block())
    network.add_module("norm", nn.BatchNorm1d(size))
    network.add_module("activation", nn.ReLU())
    network.add_module("output", nn.Linear(size, outputs))
    return network


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The same network without dropout."""
    write_linear(graph, weights, "input")
    for place in range(int(config["blocks"])):
        before = graph.current
        write_norm(graph, weights, f"block{place}.norm")
        write_linear(graph, weights, f"block{place}.first")
        graph.then("Relu")
        write_linear(graph, weights, f"block{place}.second")
        graph.then("Add", before)
    write_norm(graph, weights, "norm")
    graph.then("Relu")
    write_linear(graph, weights, "output")


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """What a row takes while its gradient is computed: inputs, and about eight numbers for each column of a block."""
    size = int(config["width"])
    inner = int(np.ceil(size * float(config["widening"])))
    return 4 * (inputs.width + int(config["blocks"]) * (5 * size + 3 * inner) + 4 * size)
