"""A small transformer encoder: words look at each other, layer by layer; the mean of what they became is the text.

Norms stand before what they normalise (Xiong et al. 2020), places are learned, padding is looked at by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep import text
from mlspec.runtime.deep.inputs import Inputs
from mlspec.runtime.deep.mlp import write_linear
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = text.READS, text.PRECISION
_FAR = 1e9  # what a score of padding is lowered by: its share is 0
_EPSILON = 1e-5  # what torch's norms add to a variance


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module."""
    import torch
    from torch import nn

    size, dropout = int(config["embedding"]), float(config["dropout"])

    class Encoder(nn.Module):
        """Embedding and places, layers, a norm, the mean."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = text.embedding(inputs, size)
            self.places = nn.Parameter(torch.randn(inputs.shape[0], size) * size**-0.5)
            self.layers = nn.ModuleList(_layer(config) for _ in range(int(config["layers"])))
            self.norm = nn.LayerNorm(size)
            self.drop = nn.Dropout(dropout)
            self.head = text.head(config, size + text.beside(inputs), outputs)

        def forward(self, rows: Any) -> Any:
            ids, others = text.split_rows(rows, inputs)
            seen = ids != 0
            values = self.drop(self.embedding(ids) + self.places[: ids.shape[1]])
            for layer in self.layers:
                values = layer(values, seen)
            pooled = text.mean(self.norm(values), seen.unsqueeze(2).to(values.dtype))
            return self.head(torch.cat([pooled, others.to(pooled.dtype)], dim=1))

    return Encoder()


def _layer(config: Mapping[str, Any]) -> Any:
    """One layer: what a word gathers from the others, and what it makes of it, each added to what it was."""
    import torch
    from torch import nn

    size, heads = int(config["embedding"]), int(config["heads"])
    inner = round(size * float(config["widening"]))

    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
            self.query, self.key, self.value = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, size)
            self.gathered = nn.Linear(size, size)
            self.first, self.second = nn.Linear(size, inner), nn.Linear(inner, size)
            self.drop = nn.Dropout(float(config["dropout"]))

        def forward(self, values: Any, seen: Any) -> Any:
            normed = self.norm1(values)
            query, key, value = (self._heads(part(normed)) for part in (self.query, self.key, self.value))
            scores = query @ key.transpose(2, 3) * (size // heads) ** -0.5
            shares = torch.softmax(scores + (seen[:, None, None, :].to(scores.dtype) - 1.0) * _FAR, dim=3)
            gathered = (self.drop(shares) @ value).transpose(1, 2).flatten(2)
            values = values + self.drop(self.gathered(gathered))
            made = self.second(self.drop(nn.functional.relu(self.first(self.norm2(values)))))
            return values + self.drop(made)

        def _heads(self, values: Any) -> Any:
            return values.unflatten(2, (heads, size // heads)).transpose(1, 2)

    return Layer()


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The same network without dropout."""
    ids = text.write_tokens(graph, inputs)
    mask = text.write_mask(graph, ids)
    graph.then("Sub", graph.constant(np.array(1.0)))
    graph.then("Mul", graph.constant(np.array(_FAR)))
    graph.then("Transpose", perm=[0, 2, 1])
    lowered = graph.then("Unsqueeze", graph.constant(np.array([1], dtype=np.int64)))[0]
    text.write_embedding(graph, weights, ids)
    graph.then("Add", graph.constant(weights["places"]))
    for place in range(int(config["layers"])):
        _write_layer(graph, config, weights, f"layers.{place}.", lowered)
    _write_norm(graph, weights, "norm")
    text.write_mean(graph, graph.current, mask)
    text.write_beside(graph, inputs)
    text.write_head(config, weights, graph)


def _write_layer(graph: Graph, config: Mapping[str, Any], weights: Mapping[str, Floats], name: str, lowered: str) -> None:
    before = graph.current
    _write_norm(graph, weights, f"{name}norm1")
    normed = graph.current
    query, key, value = (
        _write_heads(graph, config, weights, f"{name}{part}", normed, turned=part == "key")
        for part in ("query", "key", "value")
    )
    graph.at(query)
    graph.then("MatMul", key)
    graph.then("Mul", graph.constant(np.array((int(config["embedding"]) // int(config["heads"])) ** -0.5)))
    graph.then("Add", lowered)
    graph.then("Softmax", axis=3)
    graph.then("MatMul", value)
    graph.then("Transpose", perm=[0, 2, 1, 3])
    graph.then("Reshape", graph.constant(np.array([0, 0, int(config["embedding"])], dtype=np.int64)))
    write_linear(graph, weights, f"{name}gathered")
    before = graph.then("Add", before)[0]
    _write_norm(graph, weights, f"{name}norm2")
    write_linear(graph, weights, f"{name}first")
    graph.then("Relu")
    write_linear(graph, weights, f"{name}second")
    graph.then("Add", before)


def _write_heads(
    graph: Graph, config: Mapping[str, Any], weights: Mapping[str, Floats], name: str, normed: str, *, turned: bool
) -> str:
    """A linear layer, its outputs divided among the heads: (rows, heads, words, size), `turned` with words last; its name."""
    heads = int(config["heads"])
    graph.at(normed)
    write_linear(graph, weights, name)
    graph.then("Reshape", graph.constant(np.array([0, 0, heads, int(config["embedding"]) // heads], dtype=np.int64)))
    return graph.then("Transpose", perm=[0, 2, 3, 1] if turned else [0, 2, 1, 3])[0]


def _write_norm(graph: Graph, weights: Mapping[str, Floats], name: str) -> None:
    graph.layer_norm(weights[f"{name}.weight"], weights[f"{name}.bias"], _EPSILON, axis=2)


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """What a row takes while its gradient is computed: of each layer the shares of all pairs of words, and about ten vectors a word."""
    size, length, layers = int(config["embedding"]), inputs.shape[0], int(config["layers"])
    inner = round(size * float(config["widening"]))
    a_layer = 3 * int(config["heads"]) * length * length + length * (10 * size + 3 * inner)
    return 4 * (inputs.width + layers * a_layer + 3 * length * size + 4 * sum(map(int, config["hidden"])))
