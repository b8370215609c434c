"""Networks of `train` blocks, made smaller: training that goes on, students, and what stays gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlspec.runtime.compress import graphs, magnitude
from mlspec.runtime.compress.learning import Settings
from mlspec.runtime.compress.model import Model
from mlspec.runtime.compress.student_network import student_network
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target
from tests.runtime.convolutions_world import HALF, operators, residual
from tests.runtime.convolutions_world import network as convolutional
from tests.runtime.convolutions_world import rows as pictures
from tests.runtime.deep_world import ADAMW, rows

torch = pytest.importorskip("torch")

from mlspec.runtime.compress import retrain as training  # noqa: E402  (needs torch)
from mlspec.runtime.compress.layers import layers_of, matrices  # noqa: E402
from mlspec.runtime.deep.examples import InMemory, label_scale, table_examples  # noqa: E402
from mlspec.runtime.deep.inputs import numbers  # noqa: E402
from mlspec.runtime.deep.networks import network_of  # noqa: E402
from mlspec.runtime.deep.trained import LabelScale, TrainedNetwork, outputs_of  # noqa: E402


class Shape:
    """What a step reads of the package that it starts from."""

    def __init__(self, task: str, classes: tuple[str, ...]) -> None:
        self.task, self.classes = task, classes


def settings(epochs: int = 3, batch: int = 16, rate: float | None = None) -> Settings:
    optimiser = ADAMW if rate is None else ADAMW | {"lr": rate, "weight_decay": 0.0}
    return Settings(
        optimiser=optimiser, batch=batch, threads=1, epochs=epochs, seed=lambda epoch: epoch, where="edge.prune", progress=lambda done, total: None
    )  # fmt: skip


def network(task: str = "binary", norm: str = "batch", hidden: tuple[int, ...] = (16, 8), activation: str = "relu") -> Model:
    """A network with the weights that it began with."""
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    config = {"name": "mlp", "hidden": list(hidden), "activation": activation, "dropout": 0.1, "norm": norm}
    torch.manual_seed(5)
    module = network_of(config, "net").build(config, numbers(5), outputs_of(task, len(classes)))
    weights = {name: value.double().numpy() for name, value in module.state_dict().items() if value.is_floating_point()}
    trained = TrainedNetwork(
        config, weights, numbers(5), task, max(len(classes), 2), LabelScale(2.0, 3.0) if task == "regression" else LabelScale()
    )
    package: Any = Shape(task, classes)
    return Model(package, "onnx", trained.to_onnx(), {"name": "torch.mlp", "params": {}}, None)


def target_of(task: str, inputs: Floats, labels: Floats) -> Target:
    if task == "binary":
        return Target(task, labels)
    return (
        Target(task, np.digitize(inputs[:, 0], [-0.4, 0.4]).astype(np.float64), 3)
        if task == "multiclass"
        else Target(task, inputs[:, 0] * 3 + 2)
    )


def retrain(model: Model, inputs: Floats, target: Target, how: Settings) -> Model:
    """The model after more epochs on rows of a table."""
    return training.retrain(model, table_examples(inputs, target, label_scale(target), "cpu"), target.task, None, how)


def loss(model: Model, inputs: Floats, target: Target) -> float:
    scores = model.scores(inputs)
    if target.task == "regression":
        return float(np.mean((scores - target.y) ** 2))
    chances = np.stack([1 - scores, scores], axis=1) if target.task == "binary" else scores
    return float(-np.mean(np.log(chances[np.arange(len(inputs)), target.y.astype(int)])))


@pytest.mark.parametrize(
    ("task", "norm", "activation", "structured"),
    [
        ("binary", "batch", "relu", True), ("multiclass", "none", "silu", True), ("regression", "layer", "gelu", False),
        ("binary", "none", "tanh", False),
    ],
)  # fmt: skip
def test_training_goes_on_and_what_is_gone_stays_gone(task: str, norm: str, activation: str, structured: bool) -> None:
    inputs, labels = rows(200)
    target = target_of(task, inputs, labels)
    model = network(task, norm, activation=activation)
    config = {"sparsity": 0.5, "structured": structured}
    pruned = magnitude.prune(model, config, inputs, "edge.prune")
    first, second = (retrain(pruned, inputs, target, settings(epochs=6)) for _ in range(2))
    assert first.data == second.data
    assert loss(first, inputs, target) < loss(pruned, inputs, target)
    before, after = graphs.read(pruned.data), graphs.read(first.data)
    for old, new in zip(graphs.products(before), graphs.products(after), strict=True):
        was, now = graphs.constant(before, old.weight), graphs.constant(after, new.weight)
        assert was.shape == now.shape
        assert ((was == 0) == (now == 0)).all()
        assert np.abs(was - now).max() > 0


def test_the_graph_is_the_function_that_is_trained() -> None:
    """Training for no gain, at a rate near 0, leaves scores as they are: the torch function is the graph."""
    inputs, labels = rows(64)
    model = network("binary", "batch")
    again = retrain(model, inputs, Target("binary", labels), settings(epochs=1, batch=64, rate=1e-12))
    np.testing.assert_allclose(again.scores(inputs), model.scores(inputs), atol=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_smaller_network_learns_the_scores(task: str) -> None:
    inputs, labels = rows(300)
    target = target_of(task, inputs, labels)
    teacher = retrain(network(task, "none", (32, 16)), inputs, target, settings(epochs=15))
    config = {
        "network": {"name": "mlp", "hidden": [8], "activation": "relu", "dropout": 0.0, "norm": "none"},
        "temperature": 1.0,
        "labels": 0.0,
    }
    student = student_network(teacher, config, inputs, target, 3, settings(epochs=25))
    assert len(student.data) < len(teacher.data)
    assert student.estimator == {
        "name": "torch.mlp",
        "params": {key: value for key, value in config["network"].items() if key != "name"},
    }
    distance = float(np.abs(student.scores(inputs) - teacher.scores(inputs)).mean())
    spread = float(np.abs(teacher.scores(inputs) - teacher.scores(inputs).mean(axis=0)).mean())
    assert distance < spread / 2


def test_units_of_a_layer_norm_are_not_pruned() -> None:
    inputs, _ = rows(50)
    with pytest.raises(StageError) as raised:
        magnitude.prune(network("binary", "layer"), {"sparsity": 0.5, "structured": True}, inputs, "edge.prune")
    assert (raised.value.code, raised.value.where) == ("MLS209", "edge.prune")


def test_a_rate_that_is_too_high_is_said() -> None:
    inputs, labels = rows(64)
    wild = Settings(ADAMW | {"name": "sgd", "lr": 1e30, "momentum": 0.0, "nesterov": False}, 16, 1, 3, lambda epoch: epoch, "edge.prune",
                    lambda done, total: None)  # fmt: skip
    with pytest.raises(StageError, match="loss is no finite number") as raised:
        retrain(network("regression", "none"), inputs, target_of("regression", inputs, labels), wild)
    assert raised.value.code == "MLS814"


def test_steps_of_a_trained_network_end_to_end(tmp_path: Path) -> None:
    from mlspec.runtime.compress import clock, run
    from mlspec.runtime.deep import stage
    from mlspec.runtime.package import load_package
    from tests.runtime.package_tables import HALF, INCOME, census
    from tests.support.stages import run_stage_function

    inputs, features = census(tmp_path, 600)
    shared = {"features": features, "label": INCOME, "part": "train", "group": None, "seed": 7, "unknown": "encode"}
    training = {"optimiser": ADAMW, "global_batch": 64, "class_weights": "none", "epochs": 4, "threads": 1}
    config = {
        **shared, **training, "name": "net", "network": {"name": "mlp", "hidden": [24], "activation": "relu", "dropout": 0.0, "norm": "batch"},
        "calibrate": None, "threshold": HALF, "schedule": None, "gradient_accumulation": 1, "clip_norm": None, "precision": "fp32",
        "strategy": {"name": "single", "gpus": 0}, "stop_early": None, "checkpoint": {"name": "keep", "best": 1, "last": 1, "every": None},
        "resume": "auto", "tensorboard": None,
    }  # fmt: skip
    package = run_stage_function(stage.run, tmp_path, "train", config, inputs, block="net") / "package"
    smaller = {
        **shared, "name": "edge", "model": "net", "judged": "holdout", "distil": None, "training": training,
        "prune": {"name": "magnitude", "sparsity": 0.5, "structured": True, "retrain_epochs": 3},
        "quantise": {"name": "static_int8", "part": "holdout", "samples": 64}, "export": {"name": "onnx", "opset": 18},
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "SECONDS", 0.0)
        out = run_stage_function(run, tmp_path, "compress", smaller, {**inputs, "package": package}, block="edge")
    assert load_package(out / "package").manifest.estimator["name"] == "torch.mlp"
    steps = json.loads((out / "steps" / "steps.json").read_bytes())["steps"]
    assert [step["facts"]["weights"] / steps[0]["facts"]["weights"] for step in steps] == [1, 0.5, 0.5, 0.5]
    assert steps[-1]["bytes"] < steps[0]["bytes"]
    assert steps[-1]["loss"]["auc"]["value"] > -0.1


@pytest.mark.parametrize("make", [convolutional, lambda: convolutional("average"), residual, operators])
def test_a_graph_with_convolutions_is_the_function_that_is_trained(make: Any) -> None:
    graph, inputs = graphs.read(make().data), pictures(7)
    found = training.trainable(graph, "edge.prune")
    with torch.no_grad():
        said = found.forward(torch.from_numpy(inputs.astype(np.float32))).numpy()
    (expected,) = graphs.probe(graph, [found.end]).run([found.end], {"X": inputs})
    assert found.end != "scores" and np.ptp(expected) > 0.01
    np.testing.assert_allclose(said, expected, atol=1e-5)


def test_what_is_no_function_yet_is_told() -> None:
    with pytest.raises(StageError) as raised:
        training.trainable(graphs.read(residual(mixed=True).data), "edge.prune")
    assert (raised.value.code, raised.value.found) == ("MLS901", "Concat")


def test_training_goes_on_through_convolutions_and_what_is_gone_stays_gone() -> None:
    inputs = pictures(96)
    labels = np.digitize(inputs[:, :8].mean(axis=1), [-0.3, 0.3])
    examples = InMemory(torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(labels))
    pruned = magnitude.prune(residual(), HALF | {"structured": False}, inputs, "edge.prune")
    first, second = (training.retrain(pruned, examples, "multiclass", None, settings(epochs=4)) for _ in range(2))
    assert first.data == second.data
    losses = [-np.log(each.scores(inputs)[np.arange(96), labels]).mean() for each in (pruned, first)]
    assert losses[1] < losses[0] * 0.95
    before, after = graphs.read(pruned.data), graphs.read(first.data)
    for layer in layers_of(before):
        was, now = matrices(before, layer), matrices(after, layer)
        assert ((was == 0) == (now == 0)).all() and np.abs(was - now).max() > 0
