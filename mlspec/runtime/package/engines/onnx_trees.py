"""Tree ensembles of scikit-learn as ONNX graphs in double precision, with their way for nulls.

The converters of skl2onnx write the older operators, whose sums are single precision. `TreeEnsemble` of ai.onnx.ml 5 keeps
thresholds and leaves as doubles, so the package decides every split as the estimator did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_LEAF = -1
_HIST = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_FORESTS = ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor")
_TREES = ("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor")


@dataclass(frozen=True)
class Tree:
    """One tree of plain arrays; `feature` is -1 in a leaf; rows with `x[feature] <= split` go left."""

    feature: Any
    split: Any
    left: Any
    right: Any
    null_left: Any
    value: Floats
    target: int


@dataclass
class _Arrays:
    """The attributes of the operator, filled tree by tree."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    null_left: list[int] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    true_leaf: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    false_leaf: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)

    def add(self, tree: Tree) -> None:
        """Append one tree; a tree that is one leaf becomes a split with that leaf on both sides."""
        inner = np.flatnonzero(tree.feature != _LEAF)
        leaves = np.flatnonzero(tree.feature == _LEAF)
        first_node, first_leaf = len(self.features), len(self.weights)
        self.roots.append(first_node)
        self.weights += tree.value[leaves].tolist()
        self.targets += [tree.target] * len(leaves)
        if not len(inner):
            self._add_node(0, 0.0, 0, (first_leaf, 1), (first_leaf, 1))
            return
        place = {int(node): (first_node + number, 0) for number, node in enumerate(inner)}
        place |= {int(node): (first_leaf + number, 1) for number, node in enumerate(leaves)}
        for node in inner:
            self._add_node(
                int(tree.feature[node]), float(tree.split[node]), int(tree.null_left[node]),
                place[int(tree.left[node])], place[int(tree.right[node])],
            )  # fmt: skip

    def _add_node(self, feature: int, split: float, null_left: int, left: tuple[int, int], right: tuple[int, int]) -> None:
        self.features.append(feature)
        self.splits.append(split)
        self.null_left.append(null_left)
        for (number, is_leaf), ids, leaf in ((left, self.true_ids, self.true_leaf), (right, self.false_ids, self.false_leaf)):
            ids.append(number)
            leaf.append(is_leaf)


def handles(estimator: Any) -> bool:
    """Whether this fitted estimator is one of the tree ensembles that are written here."""
    name = type(estimator).__name__
    if not type(estimator).__module__.startswith("sklearn."):
        return False
    if name in _HIST:
        return not any(tree.nodes["is_categorical"].any() for step in estimator._predictors for tree in step)
    return name in (*_FORESTS, *_TREES)


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The graph of the fitted ensemble."""
    name = type(estimator).__name__
    if name in _HIST:
        return _graph(
            list(_hist_trees(estimator)), width, _hist_ending(estimator, target), estimator._baseline_prediction.reshape(-1)
        )
    members = estimator.estimators_ if name in _FORESTS else [estimator]
    trees = [tree for member in members for tree in _plain_trees(member.tree_, target)]
    outputs = target.classes if target.task == "multiclass" else 1
    return _graph(trees, width, "none", np.zeros(outputs), divide=float(len(members)), narrow=True)


def _hist_trees(estimator: Any) -> Iterator[Tree]:
    for step in estimator._predictors:
        for place, predictor in enumerate(step):
            nodes = predictor.nodes
            feature = np.where(nodes["is_leaf"] == 1, _LEAF, nodes["feature_idx"].astype(np.int64))
            yield Tree(
                feature,
                nodes["num_threshold"],
                nodes["left"],
                nodes["right"],
                nodes["missing_go_to_left"],
                nodes["value"],
                place,
            )


def _hist_ending(estimator: Any, target: Target) -> str:
    if target.task == "binary":
        return "Sigmoid"
    if target.task == "multiclass":
        return "Softmax"
    return "Exp" if estimator.loss in ("poisson", "gamma") else "none"


def _plain_trees(tree: Any, target: Target) -> Iterator[Tree]:
    feature = np.where(tree.children_left == -1, _LEAF, tree.feature)
    null_left = np.asarray(tree.missing_go_to_left)
    values = tree.value[:, 0, :]
    columns = {"binary": [1], "multiclass": list(range(target.classes)), "regression": [0]}[target.task]
    for place, column in enumerate(columns):
        value = np.ascontiguousarray(values[:, column])
        yield Tree(feature, tree.threshold, tree.children_left, tree.children_right, null_left, value, place)


def _graph(trees: list[Tree], width: int, ending: str, base: Floats, *, divide: float = 1.0, narrow: bool = False) -> bytes:
    """X → (as float32, where the estimator reads float32) → trees → ÷ members → + base → ending → scores."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []
    current = "X"

    def then(operator: str, *more: str, **attributes: Any) -> None:
        nonlocal current
        following = f"v{len(nodes)}"
        nodes.append(helper.make_node(operator, [current, *more], [following], **attributes))
        current = following

    def constant(name: str, value: Floats) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, dtype=np.float64), name))
        return name

    if narrow:
        then("Cast", to=TensorProto.FLOAT)
        then("Cast", to=TensorProto.DOUBLE)
    then("TreeEnsemble", domain="ai.onnx.ml", **_attributes(trees, len(base)))
    if divide != 1.0:
        then("Div", constant("members", np.array([divide])))
    if base.any():
        then("Add", constant("base", base))
    if ending == "Softmax":
        then("Softmax", axis=1)
    elif ending != "none":
        then(ending)
    nodes[-1].output[0] = "scores"
    graph = helper.make_graph(
        nodes, "model", [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info("scores", TensorProto.DOUBLE, [None, len(base)])], constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, producer_name="mlspec", ir_version=9)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _attributes(trees: list[Tree], outputs: int) -> dict[str, Any]:
    from onnx import numpy_helper

    arrays = _Arrays()
    for tree in trees:
        arrays.add(tree)
    return {
        "n_targets": outputs,
        "aggregate_function": 1,  # SUM
        "post_transform": 0,  # NONE
        "tree_roots": arrays.roots,
        "nodes_featureids": arrays.features,
        "nodes_modes": numpy_helper.from_array(np.zeros(len(arrays.features), dtype=np.uint8), "modes"),  # x <= split
        "nodes_splits": numpy_helper.from_array(np.array(arrays.splits, dtype=np.float64), "splits"),
        "nodes_missing_value_tracks_true": arrays.null_left,
        "nodes_truenodeids": arrays.true_ids,
        "nodes_trueleafs": arrays.true_leaf,
        "nodes_falsenodeids": arrays.false_ids,
        "nodes_falseleafs": arrays.false_leaf,
        "leaf_targetids": arrays.targets,
        "leaf_weights": numpy_helper.from_array(np.array(arrays.weights, dtype=np.float64), "weights"),
    }
