"""What a model is made of, counted: weights and zeros, units, trees and leaves, and the format of its products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.model import Model
from mlspec.runtime.compress.rounds import ensemble_of


def facts_of(model: Model) -> dict[str, Any]:
    """Counts by name, in the order in which a reader wants them."""
    found: dict[str, Any] = {"engine": model.engine, "estimator": str(model.estimator["name"])}
    if model.family in ("boosted", "forest") and model.engine in ("onnx", "lightgbm", "xgboost"):
        found["rounds"] = ensemble_of(model).rounds
    if model.engine == "onnx":
        found |= _of_graph(graphs.read(model.data))
    return found


_OF_WEIGHTS = ("Conv", "ConvInteger", "DequantizeLinear", "Gemm", "MatMul", "MatMulInteger")


def _of_graph(graph: Any) -> dict[str, Any]:
    from onnx import numpy_helper

    read = {name for node in graph.graph.node if node.op_type in _OF_WEIGHTS for name in node.input}
    weights = [
        numpy_helper.to_array(each) for each in graph.graph.initializer if each.name in read and len(each.dims) in (2, 4)
    ]
    found: dict[str, Any] = {}
    trees = [each for node in graph.graph.node if node.op_type == "TreeEnsemble" for each in node.attribute]
    for name, key in (("tree_roots", "trees"), ("leaf_targetids", "leaves")):
        for each in trees:
            if each.name == name:
                found[key] = len(each.ints)
    if weights:
        found["weights"] = sum(int(each.size) for each in weights)
        found["zeros"] = sum(int((each == 0).sum()) for each in weights)
        found["format"] = "int8" if any(each.dtype == np.int8 for each in weights) else str(weights[0].dtype)
    return found


def shown(facts: Mapping[str, Any]) -> str:
    """The counts in words."""
    parts = [f"{facts[name]:,} {name}" for name in ("rounds", "trees", "leaves", "weights") if name in facts]
    if facts.get("zeros"):
        parts.append(f"{facts['zeros'] / facts['weights']:.0%} zeros")
    return ", ".join([*parts, *([facts["format"]] if facts.get("format") == "int8" else [])])
