"""Tree ensembles of scikit-learn as ONNX graphs in double precision, with their way for nulls.

The converters of skl2onnx write the older operators, whose sums are single precision. `TreeEnsemble` of ai.onnx.ml 5 keeps
thresholds and leaves as doubles, so the package decides every split as the estimator did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_LEAF = -1
_HIST = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_FORESTS = ("RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor")
_BOOSTED = ("GradientBoostingClassifier", "GradientBoostingRegressor")
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
    if name in _BOOSTED:
        return estimator.loss != "exponential" and estimator.init in (None, "zero")
    return name in (*_FORESTS, *_TREES)


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The graph of the fitted ensemble."""
    name = type(estimator).__name__
    if name in _HIST:
        base = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(-1)
        graph = Graph(width).tree_ensemble(tree_attributes(list(_hist_trees(estimator)), len(base)))
        return graph.add(base).ending(_hist_ending(estimator, target), len(base)).finish(len(base))
    if name in _BOOSTED:
        return _boosted(estimator, width, target)
    members = estimator.estimators_ if name in _FORESTS else [estimator]
    trees = [tree for member in members for tree in _plain_trees(member.tree_, target)]
    outputs = target.classes if target.task == "multiclass" else 1
    # These trees were grown on float32 and compare float32 with their thresholds.
    graph = Graph(width).as_float32().tree_ensemble(tree_attributes(trees, outputs))
    return graph.divide(float(len(members))).finish(outputs)


def _boosted(estimator: Any, width: int, target: Target) -> bytes:
    """A start value and trees times the learning rate; grown on float32 like forests."""
    base = np.asarray(estimator._raw_predict_init(np.zeros((1, width), dtype=np.float32)), dtype=np.float64).reshape(-1)
    number = Target("regression", target.y)
    trees = [
        replace(tree, value=tree.value * estimator.learning_rate, target=place)
        for step in estimator.estimators_
        for place, member in enumerate(step)
        for tree in _plain_trees(member.tree_, number)
    ]
    graph = Graph(width).as_float32().tree_ensemble(tree_attributes(trees, len(base))).add(base)
    ending = {"binary": "Sigmoid", "multiclass": "Softmax", "regression": None}[target.task]
    return graph.ending(ending, len(base)).finish(len(base))


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


def _hist_ending(estimator: Any, target: Target) -> str | None:
    if target.task == "binary":
        return "Sigmoid"
    if target.task == "multiclass":
        return "Softmax"
    return "Exp" if estimator.loss in ("poisson", "gamma") else None


def _plain_trees(tree: Any, target: Target) -> Iterator[Tree]:
    feature = np.where(tree.children_left == -1, _LEAF, tree.feature)
    null_left = np.asarray(tree.missing_go_to_left)
    values = tree.value[:, 0, :]
    columns = {"binary": [1], "multiclass": list(range(target.classes)), "regression": [0]}[target.task]
    for place, column in enumerate(columns):
        value = np.ascontiguousarray(values[:, column])
        yield Tree(feature, tree.threshold, tree.children_left, tree.children_right, null_left, value, place)


def tree_attributes(trees: list[Tree], outputs: int) -> dict[str, Any]:
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
