"""Small ONNX graphs in double precision, built node by node.

onnxruntime computes `Exp` and `Sigmoid` eight numbers at a time and the rest one by one, with other rounding; so a row's last
bits would depend on how many rows came with it. `ending` lays every number out eight times, which leaves no rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlspec.runtime.transform.columns import Floats

_LANES = 8
_OPSET = 18


class Graph:
    """A chain of nodes from the input `X` (rows, width) to the output `scores`."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._current = "X"

    def then(self, operator: str, *more: str, outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node whose first input is the current value; its outputs, the first of which becomes current."""
        from onnx import helper

        names = [f"v{len(self._nodes)}.{place}" for place in range(outputs)]
        self._nodes.append(helper.make_node(operator, [self._current, *more], names, **attributes))
        self._current = names[0]
        return names

    @property
    def current(self) -> str:
        """The name of the current value, to be read again further on."""
        return self._current

    def at(self, name: str) -> Graph:
        """Go on from a value of this name."""
        self._current = name
        return self

    def constant(self, value: Any) -> str:
        """A constant; its name."""
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def as_float32(self) -> Graph:
        """Round to float32 and go on in doubles."""
        from onnx import TensorProto

        self.then("Cast", to=TensorProto.FLOAT)
        self.then("Cast", to=TensorProto.DOUBLE)
        return self

    def tree_ensemble(self, attributes: dict[str, Any]) -> Graph:
        """Sums of tree leaves, in tree order."""
        self.then("TreeEnsemble", domain="ai.onnx.ml", **attributes)
        return self

    def product(self, weights: Floats) -> Graph:
        """Times a matrix (width, outputs)."""
        self.then("MatMul", self.constant(weights.astype(np.float64)))
        return self

    def add(self, base: Floats) -> Graph:
        """Plus one number an output."""
        if np.any(base):
            self.then("Add", self.constant(np.asarray(base, dtype=np.float64)))
        return self

    def times(self, factor: Floats) -> Graph:
        """Times one number an output."""
        self.then("Mul", self.constant(np.asarray(factor, dtype=np.float64)))
        return self

    def gated(self, gate: str) -> Graph:
        """x times a function of x, `Sigmoid` for SiLU."""
        raw = self._current
        self.then(gate)
        self.then("Mul", raw)
        return self

    def tanh_gelu(self, inner: float, cubic: float) -> Graph:
        """x (1 + tanh(inner (x + cubic x³))) / 2."""
        raw = self._current
        self.then("Mul", raw)
        self.then("Mul", self.constant(np.array([cubic])))
        self.then("Add", self.constant(np.array([1.0])))
        self.then("Mul", raw)
        self.then("Mul", self.constant(np.array([inner])))
        self.then("Tanh")
        self.then("Add", self.constant(np.array([1.0])))
        self.then("Mul", raw)
        self.then("Mul", self.constant(np.array([0.5])))
        return self

    def layer_norm(self, weight: Floats, bias: Floats, epsilon: float, axis: int = 1) -> Graph:
        """Each row, or what lies along another axis, with mean 0 and variance 1, times `weight`, plus `bias`."""
        axes = self.constant(np.array([axis], dtype=np.int64))
        raw = self._current
        mean = self.then("ReduceMean", axes, keepdims=1)[0]
        self._current = raw
        centred = self.then("Sub", mean)[0]
        self.then("Mul", centred)
        self.then("ReduceMean", axes, keepdims=1)
        self.then("Add", self.constant(np.array([epsilon])))
        spread = self.then("Sqrt")[0]
        self._current = centred
        self.then("Div", spread)
        return self.times(weight).add(bias)

    def divide(self, by: float) -> Graph:
        """Divided by a number."""
        if by != 1.0:
            self.then("Div", self.constant(np.array([by])))
        return self

    def ending(self, name: str | None, outputs: int) -> Graph:
        """`Sigmoid` or `Exp` of each number, or `Softmax` of each row."""
        if name is None:
            return self
        if name == "Softmax":
            (raw,) = [self._current]
            top = self.then("ReduceMax", self.constant(np.array([1], dtype=np.int64)), keepdims=1)[0]
            self._current = raw
            self.then("Sub", top)
        self.then("Tile", self.constant(np.array([1, _LANES], dtype=np.int64)))
        self.then("Exp" if name == "Softmax" else name)
        ends = (np.array([0]), np.array([outputs]), np.array([1]))
        self.then("Slice", *(self.constant(end.astype(np.int64)) for end in ends))
        if name == "Softmax":
            self._divide_by_row_sum(outputs)
        return self

    def _divide_by_row_sum(self, outputs: int) -> None:
        """A sum of columns one after the other: a sum along the row would be added in another order."""
        grown = self._current
        columns = self.then("Split", self.constant(np.ones(outputs, dtype=np.int64)), outputs=outputs, axis=1)
        total = columns[0]
        for column in columns[1:]:
            self._current = total
            total = self.then("Add", column)[0]
        self._current = grown
        self.then("Div", total)

    def embed(self, model: Any, *, single: bool) -> Graph:
        """The nodes of another graph of one input and one output, as torch exports them; `single` says that it computes in single precision.

        Its names get a number of their own, so that none of them is one of this graph.
        """
        from onnx import TensorProto

        _refuse_foreign(model)
        if single:
            self.then("Cast", to=TensorProto.FLOAT)
        graph, prefix = model.graph, f"e{len(self._nodes)}."
        known = {graph.input[0].name: self._current, "": ""}
        for constant in graph.initializer:
            self._constants.append(_renamed(constant, f"{prefix}{constant.name}"))
        for node in graph.node:
            made = type(node)()
            made.CopyFrom(node)
            made.name, made.doc_string = "", ""
            del made.metadata_props[:]
            made.input[:] = [known.get(name, f"{prefix}{name}") for name in node.input]
            made.output[:] = [f"{prefix}{name}" if name else "" for name in node.output]
            self._nodes.append(made)
        self._current = known.get(graph.output[0].name, f"{prefix}{graph.output[0].name}")
        if single:
            self.then("Cast", to=TensorProto.DOUBLE)
        return self

    def finish(self, outputs: int, domains: Sequence[tuple[str, int]] = (("", _OPSET), ("ai.onnx.ml", 5))) -> bytes:
        """The model as bytes, the same for the same graph."""
        from onnx import TensorProto, helper

        self.then("Identity")
        self._nodes[-1].output[0] = "scores"
        graph = helper.make_graph(
            self._nodes, "model", [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, self._width])],
            [helper.make_tensor_value_info("scores", TensorProto.DOUBLE, [None, outputs])], self._constants,
        )  # fmt: skip
        opsets = [helper.make_opsetid(domain, version) for domain, version in domains]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="mlspec", ir_version=9)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


def _renamed(constant: Any, name: str) -> Any:
    """A copy of a constant under another name, without what its maker noted beside it."""
    made = type(constant)()
    made.CopyFrom(constant)
    made.name, made.doc_string = name, ""
    del made.metadata_props[:]
    return made


def _refuse_foreign(model: Any) -> None:
    """A graph that can be taken in: operators of the standard alone, one way in and one way out, nothing nested."""
    opset = {entry.domain: entry.version for entry in model.opset_import}
    nested = any(attribute.HasField("g") or attribute.graphs for node in model.graph.node for attribute in node.attribute)
    domains = {node.domain for node in model.graph.node} - {""}
    if (
        len(model.graph.input) != 1
        or len(model.graph.output) != 1
        or nested
        or domains
        or model.functions
        or opset.get("") != _OPSET
    ):
        raise ValueError(f"no graph of opset {_OPSET} with one input and one output: {sorted(domains)}, {opset}")
