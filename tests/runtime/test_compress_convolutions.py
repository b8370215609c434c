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
from mlspec.runtime.deep.inputs import image
from mlspec.runtime.deep.trained import TrainedNetwork
from mlspec.runtime.errors import StageError
from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.package.proof import rows_agree
from mlspec.runtime.transform.columns import Floats

SIDE, CLASSES = 8, 3
HALF = {"name": "magnitude", "sparsity": 0.5, "structured": True, "retrain_epochs": 0}
DEAD = 2  # every so-manieth channel answers nothing


class Shape:
    """What a step reads of the package that it starts from."""

    task, classes = "multiclass", ("a", "b", "c")


def model_of(data: bytes) -> Model:
    package: Any = Shape()
    return Model(package, "onnx", data, {"name": "torch.cnn", "params": {}}, None)


def rows(count: int = 150) -> Floats:
    """Pictures of soft blots."""
    random = np.random.default_rng(4)
    blots = random.normal(size=(count, 4, 4))
    return np.kron(blots, np.ones((2, 2))).reshape(count, -1) + random.normal(size=(count, SIDE * SIDE)) * 0.2


def weights_of(channels: list[int], pool: str, dead: bool) -> dict[str, Floats]:
    """Those of a `cnn` that was trained on nothing; every second channel answers nothing where it is asked for."""
    random, before, found = np.random.default_rng(1), 1, dict[str, Floats]()
    for stage, size in enumerate(channels):
        alive = np.arange(size) % DEAD != 0 if dead else np.ones(size, dtype=bool)
        found[f"conv{stage}_0.weight"] = random.normal(size=(size, before, 3, 3)) / np.sqrt(9 * before)
        norm = {"weight": random.uniform(0.5, 1.5, size) * alive, "bias": random.normal(size=size) * 0.3 * alive}
        norm |= {"running_mean": random.normal(size=size) * 0.1, "running_var": random.uniform(0.5, 2.0, size)}
        found |= {f"norm{stage}_0.{name}": value for name, value in norm.items()}
        before = size
    width = before if pool == "average" else before * (SIDE >> len(channels) - 1) ** 2
    return found | {
        "output.weight": random.normal(size=(CLASSES, width)) / np.sqrt(width),
        "output.bias": random.normal(size=CLASSES),
    }


def network(pool: str = "flatten", dead: bool = False) -> Model:
    channels = [8, 12]
    config = {"name": "cnn", "channels": channels, "kernel": 3, "layers": 1, "pool": pool, "dropout": 0.0}
    return model_of(
        TrainedNetwork(config, weights_of(channels, pool, dead), image(1, SIDE, SIDE), "multiclass", CLASSES).to_onnx()
    )


def residual(mixed: bool = False) -> Model:
    """A residual sum, a depthwise convolution and a gate for each channel, as networks of timm have them; every second channel answers nothing."""
    random, size, single = np.random.default_rng(2), 8, np.float32
    graph = Graph(SIDE * SIDE)

    def constant(*shape: int, scale: float = 0.4) -> str:
        return graph.constant((random.normal(size=shape) * scale).astype(single))

    def norm() -> None:
        alive = (np.arange(size) % DEAD != 0).astype(single)
        moments = (
            random.uniform(0.5, 1.5, size) * alive,
            random.normal(size=size) * 0.3 * alive,
            np.zeros(size),
            np.ones(size),
        )
        graph.then("BatchNormalization", *(graph.constant(each.astype(single)) for each in moments))

    graph.then("Cast", to=1)
    graph.then("Reshape", graph.constant(np.array([-1, 1, SIDE, SIDE], dtype=np.int64)))
    graph.then("Conv", constant(size, 1, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    norm()
    first = graph.then("Relu")[0]
    graph.then("Conv", constant(size, size, 3, 3), constant(size), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    norm()
    graph.then("Add" if not mixed else "Concat", first, **({"axis": 1} if mixed else {}))
    size *= 1 + mixed
    summed = graph.then("Relu")[0]
    graph.then("Conv", constant(size, 1, 3, 3), kernel_shape=[3, 3], strides=[2, 2], group=size)
    norm()
    deep = graph.then("HardSwish")[0]
    graph.at(summed).then("GlobalAveragePool")
    squeezed = random.normal(size=(4, size, 1, 1)) * np.array([0, 1, 0, 1])[:, None, None, None]
    graph.then("Conv", graph.constant(squeezed.astype(single)), kernel_shape=[1, 1])
    graph.then("Relu")
    graph.then("Conv", constant(size, 4, 1, 1), constant(size), kernel_shape=[1, 1])
    graph.then("Sigmoid")
    graph.then("Mul", deep)
    graph.then("GlobalAveragePool")
    graph.then("Flatten")
    graph.then("Gemm", constant(CLASSES, size), constant(CLASSES), transB=1)
    graph.then("Cast", to=11)
    return model_of(graph.ending("Softmax", CLASSES).finish(CLASSES))


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


def operators() -> Model:
    """One layer of most operators that networks of timm have."""
    random, single = np.random.default_rng(3), np.float32
    graph = Graph(SIDE * SIDE)

    def constant(*shape: int) -> str:
        return graph.constant(random.uniform(0.1, 0.5, shape).astype(single))

    graph.then("Cast", to=1)
    graph.then("Reshape", graph.constant(np.array([0, 1, SIDE, -1], dtype=np.int64)))
    graph.then("Conv", constant(4, 1, 3, 3), kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    graph.then("LeakyRelu", alpha=0.2)
    graph.then("Conv", constant(6, 2, 2, 3), constant(6), kernel_shape=[2, 3], dilations=[2, 1], pads=[1, 1, 1, 1], group=2)
    graph.then("Clip", graph.constant(single(-1.0)), graph.constant(single(6.0)))
    graph.then("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    graph.then("MaxPool", kernel_shape=[2, 2], pads=[0, 0, 1, 1])
    graph.then("HardSigmoid", alpha=0.1, beta=0.4)
    graph.then("Transpose", perm=[0, 2, 3, 1])
    graph.then("LayerNormalization", constant(6), constant(6), axis=-1)
    graph.then("MatMul", constant(6, 5))
    graph.then("Softmax", axis=-1)
    graph.then("Erf")
    graph.then("Pow", graph.constant(single(1.5)))
    graph.then("ReduceMean", graph.constant(np.array([1, -2], dtype=np.int64)), keepdims=0)
    graph.then("Gemm", constant(CLASSES, 5), transB=1)
    graph.then("Cast", to=11)
    return model_of(graph.ending("Softmax", CLASSES).finish(CLASSES))


@pytest.mark.parametrize("make", [network, lambda: network("average"), residual, operators])
def test_the_graph_is_the_function_that_is_trained(make: Any) -> None:
    torch = pytest.importorskip("torch")
    from mlspec.runtime.compress.retrain import trainable

    graph, inputs = graphs.read(make().data), rows(7)
    found = trainable(graph, "edge.prune")
    with torch.no_grad():
        said = found.forward(torch.from_numpy(inputs.astype(np.float32))).numpy()
    (expected,) = graphs.probe(graph, [found.end]).run([found.end], {"X": inputs})
    assert found.end != "scores" and np.ptp(expected) > 0.01
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_what_is_no_function_yet_is_told() -> None:
    pytest.importorskip("torch")
    from mlspec.runtime.compress.retrain import trainable

    with pytest.raises(StageError) as raised:
        trainable(graphs.read(residual(mixed=True).data), "edge.prune")
    assert (raised.value.code, raised.value.found) == ("MLS901", "Concat")


def test_training_goes_on_through_convolutions_and_what_is_gone_stays_gone() -> None:
    torch = pytest.importorskip("torch")
    from mlspec.runtime.compress.retrain import retrain
    from mlspec.runtime.deep.examples import InMemory
    from tests.runtime.test_compress_networks import settings

    inputs = rows(96)
    labels = np.digitize(inputs[:, :8].mean(axis=1), [-0.3, 0.3])
    examples = InMemory(torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(labels))
    pruned = magnitude.prune(residual(), HALF | {"structured": False}, inputs, "edge.prune")
    first, second = (retrain(pruned, examples, "multiclass", None, settings(epochs=4)) for _ in range(2))
    assert first.data == second.data
    losses = [-np.log(each.scores(inputs)[np.arange(96), labels]).mean() for each in (pruned, first)]
    assert losses[1] < losses[0] * 0.95
    before, after = graphs.read(pruned.data), graphs.read(first.data)
    for layer in layers_of(before):
        was, now = matrices(before, layer), matrices(after, layer)
        assert ((was == 0) == (now == 0)).all() and np.abs(was - now).max() > 0


def test_ranges_of_convolutions_are_not_those_of_each_request(tmp_path: Path) -> None:
    with pytest.raises(StageError) as raised:
        quantise.quantise(residual(), {"name": "dynamic_int8"}, None, tmp_path, "edge.quantise")
    assert (raised.value.code, raised.value.where) == ("MLS209", "edge.quantise")
    assert "static_int8" in str(raised.value.help)
