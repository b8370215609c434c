"""Fewer trees: the last rounds of a boosting, or the last trees of a forest, go; as many as a metric on a part allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.model import Model, require

STEPS = 20


@dataclass(frozen=True)
class Ensemble:
    """Rounds of trees: how many there are, and the file of the first n of them."""

    rounds: int
    cut: Callable[[int], bytes]


def prune(model: Model, config: Mapping[str, Any], loss: Callable[[Model], float] | None, where: str) -> Model:
    """The first rounds of the model: a share of them, or the fewest of twenty shares that lose no more than allowed."""
    require(model, "rounds", where)
    found = ensemble_of(model)
    if config["keep"] is not None:
        count = max(1, round(float(config["keep"]) * found.rounds))
        return model.changed(data=found.cut(count))
    assert loss is not None
    full = loss(model)
    counts = sorted({max(1, round(found.rounds * place / STEPS)) for place in range(1, STEPS)})
    for count in counts:
        shorter = model.changed(data=found.cut(count))
        if loss(shorter) - full <= float(config["max_loss"]):
            return shorter
    return model


def ensemble_of(model: Model) -> Ensemble:
    """The rounds of a model by its engine."""
    return {"onnx": _of_onnx, "lightgbm": _of_lightgbm, "xgboost": _of_xgboost}[model.engine](model)


def _of_lightgbm(model: Model) -> Ensemble:
    import lightgbm

    booster = lightgbm.Booster(model_str=model.data.decode())
    rounds = booster.num_trees() // booster.num_model_per_iteration()
    return Ensemble(rounds, lambda count: booster.model_to_string(num_iteration=count).encode())


def _of_xgboost(model: Model) -> Ensemble:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(model.data))
    return Ensemble(booster.num_boosted_rounds(), lambda count: bytes(booster[:count].save_raw("json")))


def _of_onnx(model: Model) -> Ensemble:
    graph = graphs.read(model.data)
    node = next(each for each in graph.graph.node if each.op_type == "TreeEnsemble")
    given = {each.name: each for each in node.attribute}
    rounds = len(given["tree_roots"].ints) // int(given["n_targets"].i)
    return Ensemble(rounds, lambda count: _cut_onnx(model.data, count, rounds))


_OF_NODES = (
    "nodes_featureids", "nodes_missing_value_tracks_true", "nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs",
)  # fmt: skip


def _cut_onnx(data: bytes, count: int, rounds: int) -> bytes:
    """The graph with its first rounds; trees lie one behind the other, and so do their leaves."""
    from onnx import helper, numpy_helper

    graph = graphs.read(data)
    place = next(at for at, each in enumerate(graph.graph.node) if each.op_type == "TreeEnsemble")
    node = graph.graph.node[place]
    given = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    roots = list(given["tree_roots"])
    trees = count * int(given["n_targets"])
    nodes = roots[trees] if trees < len(roots) else len(given["nodes_featureids"])
    ends = [(given["nodes_trueleafs"], given["nodes_truenodeids"]), (given["nodes_falseleafs"], given["nodes_falsenodeids"])]
    leaves = 1 + max(each for flags, ids in ends for flag, each in zip(flags[:nodes], ids[:nodes], strict=True) if flag)
    kept: dict[str, Any] = {"tree_roots": roots[:trees], "leaf_targetids": list(given["leaf_targetids"])[:leaves]}
    kept |= {name: list(given[name])[:nodes] for name in _OF_NODES}
    for name, end in (("nodes_modes", nodes), ("nodes_splits", nodes), ("leaf_weights", leaves)):
        kept[name] = numpy_helper.from_array(np.array(numpy_helper.to_array(given[name]))[:end], given[name].name)
    shorter = helper.make_node(node.op_type, list(node.input), list(node.output), domain=node.domain, **{**given, **kept})
    graph.graph.node[place].CopyFrom(shorter)
    _divide(graph, place, count, rounds)
    return graphs.write(graph)


def _divide(graph: Any, place: int, count: int, rounds: int) -> None:
    """A forest's sum is divided by how many trees are left."""
    follower = graph.graph.node[place + 1]
    if follower.op_type == "Div" and np.array_equal(graphs.constant(graph, follower.input[1]), [float(rounds)]):
        graphs.put(graph, follower.input[1], np.array([float(count)]))
