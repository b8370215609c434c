"""The layers of a graph with convolutions, each seen as products of rows and matrices, whatever operator computes them.

A convolution is a product of patches: of what its filters see at one place. Its matrix has a line for each number of a patch and a
column for each output channel, and one such matrix for each of its groups. A layer is found again by the name of its output, which
stays while nodes are put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.graphs import Product
from mlspec.runtime.transform.columns import Floats


@dataclass(frozen=True)
class Layer:
    """A node that multiplies what flows into it by constant weights: `Conv`, `Gemm` or `MatMul`."""

    operator: str
    source: str
    output: str


def has_convolutions(graph: Any) -> bool:
    """Whether filters are moved over something in this graph."""
    return any(layer.operator == "Conv" for layer in layers_of(graph))


def layers_of(graph: Any) -> list[Layer]:
    """Those whose weights are constants, in the order in which rows pass them."""
    constants = {each.name: len(each.dims) for each in graph.graph.initializer}
    return [
        Layer(node.op_type, str(node.input[0]), str(node.output[0])) for node in graph.graph.node if _is_layer(node, constants)
    ]


def _is_layer(node: Any, constants: dict[str, int]) -> bool:
    """Convolutions over lines and columns, and products with a matrix as networks have them."""
    if node.op_type not in ("Conv", "Gemm", "MatMul") or any(name and name not in constants for name in node.input[1:]):
        return False
    if node.op_type == "Conv":
        return constants[node.input[1]] == 4
    plain = not attribute(node, "transA", 0) and attribute(node, "alpha", 1.0) == 1.0 and attribute(node, "beta", 1.0) == 1.0
    return constants[node.input[1]] == 2 and (node.op_type == "MatMul" or plain)


def attribute(node: Any, name: str, otherwise: Any) -> Any:
    """An attribute of a node."""
    from onnx import helper

    found = next((each for each in node.attribute if each.name == name), None)
    return otherwise if found is None else helper.get_attribute_value(found)


def node_of(graph: Any, layer: Layer) -> Any:
    """The node of a layer."""
    return graph.graph.node[place_of(graph, layer)]


def place_of(graph: Any, layer: Layer) -> int:
    """Its place; a summand that was put behind it took over the name of its output."""
    names = {layer.output, f"{layer.output}.plain"}
    return next(at for at, node in enumerate(graph.graph.node) if node.op_type == layer.operator and names & {*node.output})


def groups_of(graph: Any, layer: Layer) -> int:
    """How many parts the channels of a convolution are divided into, each seen by filters of its own."""
    return int(attribute(node_of(graph, layer), "group", 1)) if layer.operator == "Conv" else 1


def matrices(graph: Any, layer: Layer) -> Floats:
    """(groups, numbers of a patch, outputs of a group), in double precision."""
    node = node_of(graph, layer)
    weight = graphs.constant(graph, node.input[1]).astype(np.float64)
    if layer.operator == "Conv":
        groups = groups_of(graph, layer)
        return weight.reshape(groups, len(weight) // groups, -1).transpose(0, 2, 1)
    return (weight.T if layer.operator == "Gemm" and attribute(node, "transB", 0) else weight)[None]


def put_matrices(graph: Any, layer: Layer, found: Floats) -> None:
    """Give a layer other weights; it may have fewer inputs and outputs than before."""
    node = node_of(graph, layer)
    known = graphs.constant(graph, node.input[1])
    if layer.operator == "Conv":
        value = found.transpose(0, 2, 1).reshape(-1, found.shape[1] // int(np.prod(known.shape[2:])), *known.shape[2:])
    else:
        value = found[0].T if layer.operator == "Gemm" and attribute(node, "transB", 0) else found[0]
    graphs.put(graph, node.input[1], value.astype(known.dtype))


def separate(graph: Any) -> None:
    """Give every node that reads numbers beside others a constant of its own: exporters write equal ones once."""
    from onnx import TensorProto

    floats = {each.name for each in graph.graph.initializer if each.data_type in (TensorProto.FLOAT, TensorProto.DOUBLE)}
    seen: set[str] = set()
    for node in graph.graph.node:
        for place, name in enumerate(node.input):
            if name in seen:
                node.input[place] = f"{name}.of.{node.output[0]}.{place}"
                graphs.put(graph, node.input[place], graphs.constant(graph, name))
            elif name in floats:
                seen.add(name)


def bias_of(graph: Any, layer: Layer) -> str | None:
    """The constant that is added to what a layer gives."""
    node = node_of(graph, layer)
    if layer.operator == "MatMul":
        return graphs.summand_after(graph, _product(graph, layer))
    return str(node.input[2]) if len(node.input) > 2 and node.input[2] else None


def add_to_outputs(graph: Any, layer: Layer, more: Floats) -> None:
    """Add one number to each output of a layer, at every place."""
    if layer.operator == "MatMul":
        graphs.add_to_outputs(graph, _product(graph, layer), more)
        return
    node, name = node_of(graph, layer), bias_of(graph, layer)
    if name is not None:
        known = graphs.constant(graph, name)
        graphs.put(graph, name, (known.astype(np.float64) + more).astype(known.dtype))
        return
    del node.input[2:]
    node.input.append(f"{layer.output}.bias")
    graphs.put(graph, f"{layer.output}.bias", more.astype(graphs.constant(graph, node.input[1]).dtype))


def _product(graph: Any, layer: Layer) -> Product:
    return Product(place_of(graph, layer), layer.source, str(node_of(graph, layer).input[1]))
