"""A graph that torch exported, taken into a graph of ours: the same numbers, and no name twice."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mlspec.runtime.package.engines import onnx_engine
from mlspec.runtime.package.engines.onnx_graph import Graph


def foreign(domain: str = "", opset: int = 18) -> object:
    """Rows of two numbers, doubled and added up, under names that a graph of ours has too."""
    nodes = [
        helper.make_node("Mul", ["X", "c0"], ["v0.0"], domain=domain),
        helper.make_node("MatMul", ["v0.0", "w"], ["scores"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([2.0], dtype=np.float32), "c0"),
        numpy_helper.from_array(np.ones((2, 1), dtype=np.float32), "w"),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 1])], constants,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def test_a_graph_is_taken_in() -> None:
    graph = Graph(2).add(np.array([1.0, 2.0])).embed(foreign(), single=True).add(np.array([0.5]))
    engine = onnx_engine.load(graph.finish(1), "regression", 0)
    assert engine.scores(np.array([[1.0, 1.0], [3.0, -4.0]])).tolist() == [10.5, 4.5]


@pytest.mark.parametrize("how", [{"domain": "com.example"}, {"opset": 17}])
def test_what_is_no_plain_graph_is_refused(how: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="opset 18"):
        Graph(2).embed(foreign(**how), single=True)  # type: ignore[arg-type]
