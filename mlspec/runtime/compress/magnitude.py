"""Magnitude pruning of the matrices of a graph: single weights become zero, or whole units go and the graph gets smaller.

A weight counts as much as it can move what comes out: its size times the spread of what it multiplies (the spread makes columns of
different scales comparable; Sun et al. 2024 take the norm). What goes is taken over by what stays and by the summand that follows, by
least squares on the fitting rows (as He, Zhang and Sun 2017 do with channels). Graphs with convolutions have a module of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.compress import convolutions, graphs
from mlspec.runtime.compress.graphs import Product
from mlspec.runtime.compress.layers import has_convolutions
from mlspec.runtime.compress.least_squares import column_by_column, lowest, taken_over
from mlspec.runtime.compress.model import Model, require
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats


def prune(model: Model, config: Mapping[str, Any], matrix: Floats, where: str) -> Model:
    """The model without its smallest weights or units."""
    require(model, "magnitude", where)
    graph = graphs.read(model.data) if model.engine == "onnx" else None
    found = [] if graph is None else graphs.products(graph)
    if graph is None or not (found or has_convolutions(graph)):
        raise StageError(
            "MLS209", "the model has no matrices of weights to prune", where, expected="a linear model or a network as ONNX",
            found=f"the engine {model.engine}", help="leave `prune` out",
        )  # fmt: skip
    if has_convolutions(graph):
        convolutions.prune(graph, config, matrix, where)
    elif not config["structured"]:
        _weights(graph, found, float(config["sparsity"]), matrix)
    elif len(found) == 1:
        _columns(graph, found[0], float(config["sparsity"]), matrix)
    else:
        _units(graph, found, float(config["sparsity"]), matrix, where)
    return model.changed(data=graphs.write(graph))


def _weights(graph: Any, found: list[Product], share: float, matrix: Floats) -> None:
    """Zeros in the place of the least weights of each matrix. What flows is what flows in the unpruned model."""
    flows = list(graphs.inputs_of(graph, found, matrix))
    for product, flow in reversed(list(zip(found, flows, strict=True))):
        weight = graphs.constant(graph, product.weight)
        gone = np.zeros(weight.size, dtype=bool)
        gone[lowest(np.abs(weight) * flow.std(axis=0)[:, None], share)] = True
        left = column_by_column(flow, weight, gone.reshape(weight.shape))
        graphs.put(graph, product.weight, left)
        graphs.add_to_outputs(graph, product, flow.mean(axis=0) @ (weight - left))


def _columns(graph: Any, product: Product, share: float, matrix: Floats) -> None:
    """Columns of the rows that a linear model no longer reads."""
    from onnx import helper

    (flow,) = graphs.inputs_of(graph, [product], matrix)
    weight = graphs.constant(graph, product.weight)
    gone = np.sort(lowest(np.abs(weight).sum(axis=1) * flow.std(axis=0), min(share, 1.0 - 1.0 / len(weight))))
    kept = np.setdiff1d(np.arange(len(weight)), gone)
    more, shift = taken_over(flow, weight, gone, kept)
    graphs.add_to_outputs(graph, product, shift)
    graphs.put(graph, product.weight, weight[kept] + more)
    graphs.put(graph, "kept", kept.astype(np.int64))
    node = graph.graph.node[product.place]
    gather = helper.make_node("Gather", [node.input[0], "kept"], ["kept.columns"], axis=1)
    node.input[0] = "kept.columns"
    graph.graph.node.insert(product.place, gather)


def _units(graph: Any, found: list[Product], share: float, matrix: Floats, where: str) -> None:
    """Hidden units: a column of one matrix, a row of the next, and their place in every constant between."""
    flows = list(graphs.inputs_of(graph, found, matrix))
    for place in reversed(range(1, len(found))):
        before, after, flow = found[place - 1], found[place], flows[place]
        weight = graphs.constant(graph, after.weight)
        importance = np.abs(weight).sum(axis=1) * flow.std(axis=0)
        gone = np.sort(lowest(importance, min(share, 1.0 - 1.0 / len(weight))))
        kept = np.setdiff1d(np.arange(len(weight)), gone)
        _narrow(graph, before, after, len(weight), kept, where)
        graphs.put(graph, before.weight, graphs.constant(graph, before.weight)[:, kept])
        more, shift = taken_over(flow, weight, gone, kept)
        graphs.put(graph, after.weight, weight[kept] + more)
        graphs.add_to_outputs(graph, after, shift)


def _narrow(graph: Any, before: Product, after: Product, width: int, kept: Any, where: str) -> None:
    """Every constant between two products keeps the places of the units that stay."""
    names = {each.name for each in graph.graph.initializer}
    for node in graph.graph.node[before.place + 1 : after.place]:
        if node.op_type.startswith("Reduce") or node.op_type in ("Split", "Concat"):
            raise StageError(
                "MLS209", "units of a layer that is normalised as a whole are not pruned one by one", where,
                expected="hidden layers without `norm: layer`", found=node.op_type, help="say `structured: false`, or `norm: batch`",
            )  # fmt: skip
        for name in node.input:
            value = graphs.constant(graph, name) if name in names else None
            if value is not None and value.ndim and value.shape[-1] == width and width > 1:
                graphs.put(graph, name, value[..., kept])
                names.discard(name)
