"""Filters over neighbouring words, as Kim 2014 has them: of each filter the place of the text counts where it answers most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep import text
from mlspec.runtime.deep.inputs import Inputs
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS, PRECISION = text.READS, text.PRECISION


def build(config: Mapping[str, Any], inputs: Inputs, outputs: int) -> Any:
    """The torch module."""
    import torch
    from torch import nn

    size, channels = int(config["embedding"]), int(config["channels"])
    widths = [int(width) for width in config["widths"]]

    class TextCnn(nn.Module):
        """Filters of several widths, their maxima side by side, numbers beside them, layers."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = text.embedding(inputs, size)
            self.filters = nn.ModuleList(nn.Conv1d(size, channels, width) for width in widths)
            self.drop = nn.Dropout(float(config["dropout"]))
            self.head = text.head(config, channels * len(widths) + text.beside(inputs), outputs)

        def forward(self, rows: Any) -> Any:
            ids, others = text.split_rows(rows, inputs)
            vectors = self.embedding(ids).transpose(1, 2)
            mask = (ids != 0).unsqueeze(1)
            found = []
            for width, convolve in zip(widths, self.filters, strict=True):
                answers = nn.functional.relu(convolve(nn.functional.pad(vectors, (0, width - 1))))
                # A filter that begins behind the text answers with its bias alone, which is nothing of the text.
                found.append((answers * mask).amax(dim=2))
            pooled = self.drop(torch.cat(found, dim=1))
            return self.head(torch.cat([pooled, others.to(pooled.dtype)], dim=1))

    return TextCnn()


def write(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph, inputs: Inputs, outputs: int) -> None:
    """The same network without dropout; a filter is a sum of products, one for each of its words."""
    ids = text.write_tokens(graph, inputs)
    mask = text.write_mask(graph, ids)
    vectors = text.write_embedding(graph, weights, ids)
    found = [
        _write_filter(
            graph, weights[f"filters.{place}.weight"], weights[f"filters.{place}.bias"], vectors, mask, inputs.shape[0]
        )
        for place in range(len(config["widths"]))
    ]
    graph.at(found[0])
    if len(found) > 1:
        graph.then("Concat", *found[1:], axis=1)
    text.write_beside(graph, inputs)
    text.write_head(config, weights, graph)


def _write_filter(graph: Graph, weight: Floats, bias: Floats, vectors: str, mask: str, length: int) -> str:
    """The greatest answer of each filter (channels, size, width); its name."""
    width = weight.shape[2]
    graph.at(vectors)
    if width > 1:
        graph.then("Pad", graph.constant(np.array([0, 0, 0, 0, width - 1, 0], dtype=np.int64)), graph.constant(np.array(0.0)))
    padded, total = graph.current, ""
    for place in range(width):
        graph.at(padded)
        if width > 1:
            graph.then("Slice", *(graph.constant(np.array([at], dtype=np.int64)) for at in (place, place + length, 1)))
        graph.product(np.ascontiguousarray(weight[:, :, place].T))
        if total:
            graph.then("Add", total)
        total = graph.current
    graph.add(bias)
    graph.then("Relu")
    graph.then("Mul", mask)
    return graph.then("ReduceMax", graph.constant(np.array([1], dtype=np.int64)), keepdims=0)[0]


def bytes_a_row(config: Mapping[str, Any], inputs: Inputs) -> int:
    """What a row takes while its gradient is computed: vectors of words and answers of filters three times, and the layers."""
    size, filters = int(config["embedding"]), int(config["channels"]) * len(config["widths"])
    return 4 * (inputs.width + 3 * inputs.shape[0] * (size + filters) + 4 * sum(map(int, config["hidden"])) + 4 * filters)
