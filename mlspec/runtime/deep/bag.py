"""A bag of words: the mean of the vectors of a text's words, whatever their order, and layers after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.deep import text
from mlspec.runtime.deep.inputs import Inputs
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = text.READS, text.PRECISION


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module."""
    import torch
    from torch import nn

    size = int(config["embedding"])

    class Bag(nn.Module):
        """Mean, numbers beside it, layers."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = text.embedding(inputs, size)
            self.drop = nn.Dropout(float(config["dropout"]))
            self.head = text.head(config, size + text.beside(inputs), outputs)

        def forward(self, rows: Any) -> Any:
            ids, others = text.split_rows(rows, inputs)
            vectors = self.embedding(ids)
            pooled = text.mean(vectors, (ids != 0).unsqueeze(2).to(vectors.dtype))
            return self.head(torch.cat([self.drop(pooled), others.to(pooled.dtype)], dim=1))

    return Bag()


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The same network without dropout."""
    ids = text.write_tokens(graph, inputs)
    mask = text.write_mask(graph, ids)
    text.write_mean(graph, text.write_embedding(graph, weights, ids), mask)
    text.write_beside(graph, inputs)
    text.write_head(config, weights, graph)


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """What a row takes while its gradient is computed: a vector for each word three times, and the layers."""
    size = int(config["embedding"])
    return 4 * (inputs.width + 3 * inputs.shape[0] * size + 4 * sum(map(int, config["hidden"])) + 4 * size)
