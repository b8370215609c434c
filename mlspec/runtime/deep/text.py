"""What networks over the tokens of a text share: how a row is read, the embedding, and the layers after the text has become one vector.

A row is a line of numbers: tokens, 0 where the text has ended, and beside them what other features there are. Numbers beside the
text are put behind its vector. What the networks make of padding adds nothing, so that a text is the same with any amount of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.deep.inputs import TOKENS, Inputs
from mlspec.runtime.deep.mlp import write_linear
from mlspec.runtime.deep.spread.drops import longest
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats

READS = frozenset({TOKENS})
PRECISION = "double"


def split_rows(rows: Any, inputs: Inputs) -> tuple[Any, Any]:
    """Tokens, without the columns that are padding in all of these rows, and the numbers beside them."""
    import torch

    behind = inputs.before + inputs.shape[0]
    ids = rows[:, inputs.before : behind].long()
    end = longest(max(1, int((ids != 0).sum(dim=1).max())) if len(ids) else 1)
    return ids[:, :end], torch.cat([rows[:, : inputs.before], rows[:, behind:]], dim=1)


def embedding(inputs: Inputs, size: int) -> Any:
    """A vector for each token; that of padding is 0 and stays so."""
    from torch import nn

    found = nn.Embedding(inputs.vocabulary, size, padding_idx=0)
    nn.init.normal_(found.weight, std=size**-0.5)
    with_padding = found.weight.data
    with_padding[0] = 0.0
    return found


def head(config: Mapping[str, Any], width: int, outputs: int) -> Any:
    """Hidden layers with ReLU and dropout, and a linear layer at the end."""
    from torch import nn

    layers = nn.Sequential()
    for place, size in enumerate(config["hidden"]):
        layers.add_module(f"linear{place}", nn.Linear(width, size))
        layers.add_module(f"activation{place}", nn.ReLU())
        layers.add_module(f"dropout{place}", nn.Dropout(float(config["dropout"])))
        width = size
    layers.add_module("output", nn.Linear(width, outputs))
    return layers


def write_head(config: Mapping[str, Any], weights: Mapping[str, Floats], graph: Graph) -> None:
    """The same layers, without dropout, after the vector that is current."""
    for place in range(len(config["hidden"])):
        write_linear(graph, weights, f"head.linear{place}")
        graph.then("Relu")
    write_linear(graph, weights, "head.output")


def write_tokens(graph: Graph, inputs: Inputs) -> str:
    """The tokens of the rows, as whole numbers; their name."""
    from onnx import TensorProto

    _columns(graph, inputs.before, inputs.before + inputs.shape[0])
    return graph.then("Cast", to=TensorProto.INT64)[0]


def write_mask(graph: Graph, ids: str) -> str:
    """1.0 for each token of the text and 0.0 for padding, (rows, tokens, 1); its name."""
    from onnx import TensorProto

    graph.at(ids)
    graph.then("Greater", graph.constant(np.array(0, dtype=np.int64)))
    graph.then("Cast", to=TensorProto.DOUBLE)
    return graph.then("Unsqueeze", graph.constant(np.array([2], dtype=np.int64)))[0]


def write_embedding(graph: Graph, weights: Mapping[str, Floats], ids: str) -> str:
    """The vectors of the tokens, (rows, tokens, size); weights that were trained in single precision stay in it in the file."""
    from onnx import TensorProto

    table = weights["embedding.weight"]
    single = table.astype(np.float32)
    graph.at(graph.constant(single if np.array_equal(single.astype(np.float64), table) else table))
    graph.then("Gather", ids)
    return graph.then("Cast", to=TensorProto.DOUBLE)[0]


def write_mean(graph: Graph, values: str, mask: str) -> None:
    """The mean of the vectors of a text's tokens, 0 where it has none."""
    axis = graph.constant(np.array([1], dtype=np.int64))
    graph.at(mask)
    graph.then("ReduceSum", axis, keepdims=0)
    count = graph.then("Max", graph.constant(np.array([1.0])))[0]
    graph.at(values)
    graph.then("Mul", mask)
    graph.then("ReduceSum", axis, keepdims=0)
    graph.then("Div", count)


def mean(values: Any, mask: Any) -> Any:
    """The mean of the vectors of a text's tokens, 0 where it has none."""
    return (values * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)


def write_beside(graph: Graph, inputs: Inputs) -> None:
    """The numbers beside the text, put behind its vector, which is current."""
    parts = [graph.current]
    for start, end in ((0, inputs.before), (inputs.width - inputs.after, inputs.width)):
        if end > start:
            _columns(graph, start, end)
            parts.append(graph.current)
    if len(parts) > 1:
        graph.at(parts[0])
        graph.then("Concat", *parts[1:], axis=1)


def beside(inputs: Inputs) -> int:
    """How many numbers a row has beside its text."""
    return inputs.before + inputs.after


def _columns(graph: Graph, start: int, end: int) -> None:
    graph.at("X")
    graph.then("Slice", *(graph.constant(np.array([place], dtype=np.int64)) for place in (start, end, 1)))
