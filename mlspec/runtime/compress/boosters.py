"""Boosters of LightGBM and XGBoost as ONNX graphs in double precision: the same splits, the same leaves, the same way for nulls."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.compress.model import Model
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.package.engines.onnx_trees import Tree, tree_attributes

_LEAF = -1
_LIGHTGBM = {
    "binary": "Sigmoid", "cross_entropy": "Sigmoid", "multiclass": "Softmax", "regression": None, "regression_l1": None, "huber": None,
    "fair": None, "quantile": None, "mape": None, "poisson": "Exp", "gamma": "Exp", "tweedie": "Exp",
}  # fmt: skip
_XGBOOST = {
    "binary:logistic": "Sigmoid", "multi:softprob": "Softmax", "multi:softmax": "Softmax", "reg:squarederror": None, "reg:absoluteerror": None,
    "reg:pseudohubererror": None, "reg:quantileerror": None, "count:poisson": "Exp", "reg:gamma": "Exp", "reg:tweedie": "Exp",
}  # fmt: skip


def to_onnx(model: Model, width: int, where: str) -> bytes:
    """The graph of a package's booster; StageError MLS209 for an objective or a kind of tree that is not written here."""
    write = _of_lightgbm if model.engine == "lightgbm" else _of_xgboost
    return write(model.data, width, where)


def _refused(what: str, where: str) -> StageError:
    return StageError(
        "MLS209", f"a booster with {what} is not written as ONNX", where, expected="numeric splits and a common objective", found=what,
        help="leave `export` out: the package answers by the library that made it",
    )  # fmt: skip


def _of_lightgbm(data: bytes, width: int, where: str) -> bytes:
    import lightgbm

    dumped = lightgbm.Booster(model_str=data.decode()).dump_model()
    objective, _, given = str(dumped.get("objective", "")).partition(" ")
    sigmoid = next((float(part[8:]) for part in given.split() if part.startswith("sigmoid:")), 1.0)
    if objective not in _LIGHTGBM or (objective == "regression" and "sqrt" in given):
        raise _refused(f"the objective `{dumped.get('objective')}`", where)
    if dumped.get("average_output"):
        raise _refused("averaged trees", where)
    outputs = int(dumped["num_tree_per_iteration"])
    trees = [_lightgbm_tree(each["tree_structure"], place % outputs, where) for place, each in enumerate(dumped["tree_info"])]
    graph = Graph(width).tree_ensemble(tree_attributes(trees, outputs))
    if sigmoid != 1.0 and _LIGHTGBM[objective] == "Sigmoid":
        graph.times(np.array([sigmoid]))
    return graph.ending(_LIGHTGBM[objective], outputs).finish(outputs)


def _lightgbm_tree(root: Mapping[str, Any], target: int, where: str) -> Tree:
    """The nodes of a nested tree, numbered as they are met."""
    nodes: list[Mapping[str, Any]] = []
    places: dict[int, int] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        places[id(node)] = len(nodes)
        nodes.append(node)
        if "split_feature" in node:
            if node["decision_type"] != "<=" or node.get("missing_type") == "Zero":
                raise _refused("categorical splits or zeros as nulls", where)
            pending += [node["right_child"], node["left_child"]]
    inner = ["split_feature" in node for node in nodes]

    def column(name: str, of: Any, kind: Any, other: Any) -> Any:
        return np.array([of(node) if split else other for node, split in zip(nodes, inner, strict=True)], dtype=kind)

    return Tree(
        feature=column("feature", lambda node: node["split_feature"], np.int64, _LEAF),
        split=column("split", lambda node: node["threshold"], np.float64, 0.0),
        left=column("left", lambda node: places[id(node["left_child"])], np.int64, _LEAF),
        right=column("right", lambda node: places[id(node["right_child"])], np.int64, _LEAF),
        null_left=column("null", _null_left, np.int64, 0),
        value=np.array([0.0 if split else node["leaf_value"] for node, split in zip(nodes, inner, strict=True)]),
        target=target,
    )


def _null_left(node: Mapping[str, Any]) -> bool:
    """Where a null goes; a tree that met none while it was grown takes it for 0."""
    return bool(node["threshold"] >= 0.0) if node.get("missing_type") == "None" else bool(node["default_left"])


def _of_xgboost(data: bytes, width: int, where: str) -> bytes:
    learner = json.loads(data)["learner"]
    objective, booster = str(learner["objective"]["name"]), learner["gradient_booster"]
    if objective not in _XGBOOST:
        raise _refused(f"the objective `{objective}`", where)
    if booster["name"] != "gbtree":
        raise _refused(f"the booster `{booster['name']}`", where)
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    trees = list(_xgboost_trees(booster["model"], where))
    base = np.array([_margin(value, _XGBOOST[objective]) for value in _base_scores(learner)])
    # XGBoost compares single precision numbers.
    graph = Graph(width).as_float32().tree_ensemble(tree_attributes(trees, outputs)).add(np.broadcast_to(base, (outputs,)))
    return graph.ending(_XGBOOST[objective], outputs).finish(outputs)


def _xgboost_trees(model: Mapping[str, Any], where: str) -> Iterator[Tree]:
    for tree, target in zip(model["trees"], model["tree_info"], strict=True):
        if tree.get("categories_nodes"):
            raise _refused("categorical splits", where)
        left = np.array(tree["left_children"], dtype=np.int64)
        inner = left != -1
        values = np.array(tree["split_conditions"], dtype=np.float32)
        # Rows below the split go left: that is, rows up to the largest number below it.
        below = np.nextafter(values, np.float32(-np.inf)).astype(np.float64)
        yield Tree(
            feature=np.where(inner, np.array(tree["split_indices"], dtype=np.int64), _LEAF), split=below, left=left,
            right=np.array(tree["right_children"], dtype=np.int64), null_left=np.array(tree["default_left"], dtype=np.int64),
            value=values.astype(np.float64), target=int(target),
        )  # fmt: skip


def _base_scores(learner: Mapping[str, Any]) -> list[float]:
    text = str(learner["learner_model_param"]["base_score"]).strip("[]")
    return [float(part) for part in text.split(",")]


def _margin(score: float, ending: str | None) -> float:
    """The start value before the function at the end."""
    if ending == "Sigmoid":
        return math.log(score / (1.0 - score))
    return math.log(score) if ending == "Exp" else score
