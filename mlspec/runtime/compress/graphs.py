"""ONNX graphs of packages seen as a chain: the matrices that rows are multiplied by, what lies between, and what flows into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.transform.columns import Floats


@dataclass(frozen=True)
class Product:
    """A node that multiplies rows by a constant matrix: its place among the nodes, its input and the matrix by name."""

    place: int
    source: str
    weight: str


def read(data: bytes) -> Any:
    """The graph of a package's file."""
    import onnx

    return onnx.load_model_from_string(data)


def write(model: Any) -> bytes:
    """The file of a graph, the same for the same graph."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def products(model: Any) -> list[Product]:
    """The products with constant matrices, in the order in which rows pass them."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    return [
        Product(place, node.input[0], node.input[1])
        for place, node in enumerate(model.graph.node)
        if node.op_type == "MatMul" and node.input[1] in constants and len(constants[node.input[1]].dims) == 2
    ]


def constant(model: Any, name: str) -> Floats:
    """The value of a constant."""
    from onnx import numpy_helper

    found = next(each for each in model.graph.initializer if each.name == name)
    return np.array(numpy_helper.to_array(found))


def put(model: Any, name: str, value: Any) -> None:
    """Give a constant another value; one that there is not yet is added."""
    from onnx import numpy_helper

    made = numpy_helper.from_array(np.ascontiguousarray(value), name)
    for place, each in enumerate(model.graph.initializer):
        if each.name == name:
            model.graph.initializer[place].CopyFrom(made)
            return
    model.graph.initializer.append(made)


def drop_unread(model: Any) -> None:
    """Leave out the constants that no node reads any more."""
    read = {str(name) for node in model.graph.node for name in node.input}
    kept = [each for each in model.graph.initializer if each.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def summand_after(model: Any, product: Product) -> str | None:
    """The constant that is added to what a product gives, right behind it."""
    constants = {each.name for each in model.graph.initializer}
    node = model.graph.node[product.place]
    for follower in model.graph.node[product.place + 1 : product.place + 2]:
        if follower.op_type == "Add" and follower.input[0] == node.output[0] and follower.input[1] in constants:
            return str(follower.input[1])
    return None


def add_to_outputs(model: Any, product: Product, more: Floats) -> None:
    """Add one number to each output of a product."""
    from onnx import helper

    if not np.any(more):
        return
    name = summand_after(model, product)
    if name is not None:
        known = constant(model, name)
        put(model, name, known + more.reshape(known.shape[-1]).astype(known.dtype))
        return
    node = model.graph.node[product.place]
    end, name = f"{node.output[0]}.plain", f"{product.weight}.mean"
    put(model, name, more.astype(constant(model, product.weight).dtype))
    adding = helper.make_node("Add", [end, name], [node.output[0]])
    node.output[0] = end
    model.graph.node.insert(product.place + 1, adding)


def inputs_of(model: Any, found: Sequence[Product], matrix: Floats) -> Iterator[Floats]:
    """What flows into each product for these rows."""
    names = list(dict.fromkeys(each.source for each in found))
    session = probe(model, names)
    entry = session.get_inputs()[0]
    rows = rows_for(session, matrix)
    wanted = [name for name in names if name != entry.name]
    values = dict(zip(wanted, session.run(wanted, {entry.name: rows}) if wanted else (), strict=True))
    for each in found:
        yield np.asarray(values.get(each.source, rows), dtype=np.float64)


def probe(model: Any, names: Sequence[str]) -> Any:
    """A session that also tells these values of the graph, computed one after the other as the graph has them."""
    import onnx
    import onnxruntime
    from onnx import helper

    open_graph = onnx.ModelProto()
    open_graph.CopyFrom(model)
    own = {each.name for each in (*model.graph.input, *model.graph.output)}
    for name in names:
        if name not in own:
            open_graph.graph.output.append(helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(write(open_graph), options, providers=["CPUExecutionProvider"])


def rows_for(session: Any, matrix: Floats) -> Any:
    """Rows in the precision that a session asks for."""
    kind = np.float64 if session.get_inputs()[0].type == "tensor(double)" else np.float32
    return np.ascontiguousarray(matrix, dtype=kind)
