"""Networks with convolutions, made smaller: weights become zero, channels go from all that make and read them, and 8 bits are enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlspec.runtime.compress import graphs, magnitude, quantise
from mlspec.runtime.compress.facts import facts_of
from mlspec.runtime.compress.layers import layers_of, matrices
from mlspec.runtime.compress.model import Model
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.proof import rows_agree
from mlspec.runtime.transform.columns import Floats
from tests.runtime.convolutions_world import CLASSES, HALF, SIDE, network, residual, rows


def shapes(model: Model) -> list[tuple[int, ...]]:
    graph = graphs.read(model.data)
    return [matrices(graph, layer).shape for layer in layers_of(graph)]


def without_taking_over(model: Model, pruned: Model) -> Model:
    """The weights of a model, zero where those of another one are."""
    graph, other = graphs.read(model.data), graphs.read(pruned.data)
    for layer in layers_of(graph):
        node = next(each for each in graph.graph.node if layer.output in each.output)
        zeros = graphs.constant(other, node.input[1]) == 0
        graphs.put(graph, node.input[1], np.where(zeros, 0, graphs.constant(graph, node.input[1])))
    return model.changed(data=graphs.write(graph))


def distance(first: Model, second: Model, inputs: Floats) -> float:
    return float(np.abs(first.scores(inputs) - second.scores(inputs)).mean())


@pytest.mark.parametrize("pool", ["average", "flatten"])
def test_half_of_the_weights_of_every_layer_become_zero_and_the_others_take_them_over(pool: str) -> None:
    model, inputs = network(pool), rows()
    pruned = magnitude.prune(model, HALF | {"structured": False}, inputs, "edge.prune")
    graph = graphs.read(pruned.data)
    assert [float(np.mean(matrices(graph, layer) == 0)) for layer in layers_of(graph)] == pytest.approx([0.5] * 3, abs=0.02)
    assert shapes(pruned) == shapes(model)
    assert distance(model, pruned, inputs) < distance(model, without_taking_over(model, pruned), inputs) * 0.85
    assert pruned.data == magnitude.prune(model, HALF | {"structured": False}, inputs, "edge.prune").data


@pytest.mark.parametrize("pool", ["average", "flatten"])
def test_channels_go_with_their_norm_and_what_reads_them(pool: str) -> None:
    model, inputs = network(pool), rows()
    pruned = magnitude.prune(model, HALF, inputs, "edge.prune")
    places = 1 if pool == "average" else (SIDE // 2) ** 2
    assert shapes(pruned) == [(1, 9, 4), (1, 36, 6), (1, 6 * places, CLASSES)]
    assert facts_of(pruned)["weights"] == 36 + 216 + 18 * places
    assert len(pruned.data) < len(model.data)
    assert distance(model, pruned, inputs) < 0.1


@pytest.mark.parametrize("make", [lambda: network("average", dead=True), lambda: network("flatten", dead=True), residual])
def test_channels_that_answer_nothing_go_first_and_nothing_changes(make: Any) -> None:
    """So the places of channels are the same ones in filters, norms, sums, gates and matrices."""
    model, inputs = make(), rows()
    pruned = magnitude.prune(model, HALF, inputs, "edge.prune")
    assert all(after < before for after, before in zip(shapes(pruned), shapes(model), strict=True))
    np.testing.assert_allclose(pruned.scores(inputs), model.scores(inputs), atol=1e-6)


def test_channels_that_are_mixed_cannot_go() -> None:
    with pytest.raises(StageError) as raised:
        magnitude.prune(residual(mixed=True), HALF, rows(), "edge.prune")
    assert (raised.value.code, raised.value.where) == ("MLS209", "edge.prune")
    assert "`Concat`" in raised.value.found and "structured: false" in str(raised.value.help)


@pytest.mark.parametrize("make", [network, residual])
def test_eight_bits_are_enough(make: Any, tmp_path: Path) -> None:
    model, inputs = make(), rows()
    static = {"name": "static_int8", "part": "tune", "samples": 64}
    small = quantise.quantise(model, static, iter([inputs[:40], inputs[40:]]), tmp_path, "edge.quantise")
    assert facts_of(small) | {"zeros": 0} == facts_of(model) | {"format": "int8", "zeros": 0}
    assert distance(model, small, inputs) < 0.03
    assert rows_agree(small.load(), inputs)


def test_ranges_of_convolutions_are_not_those_of_each_request(tmp_path: Path) -> None:
    with pytest.raises(StageError) as raised:
        quantise.quantise(residual(), {"name": "dynamic_int8"}, None, tmp_path, "edge.quantise")
    assert (raised.value.code, raised.value.where) == ("MLS209", "edge.quantise")
    assert "static_int8" in str(raised.value.help)
