"""A network and its ONNX graph answer alike, and schedules, losses and metrics are those that torch has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlspec.runtime.deep.examples import class_weights, label_scale, table_examples
from mlspec.runtime.deep.inputs import numbers
from mlspec.runtime.deep.losses import loss_of
from mlspec.runtime.deep.networks import network_of
from mlspec.runtime.deep.schedules import factor_of, needs_all_updates, plateau_factor
from mlspec.runtime.deep.trained import LabelScale, TrainedNetwork, outputs_of
from mlspec.runtime.deep.watch import Watch, read_watch
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import predict
from mlspec.runtime.package.engines import onnx_engine
from mlspec.runtime.transform.target import Target

torch = pytest.importorskip("torch")

CLASSES = {"binary": 2, "multiclass": 4, "regression": 2}


def a_network(task: str, **config: Any) -> TrainedNetwork:
    given = {"name": "mlp", "hidden": [7, 5], "activation": "relu", "dropout": 0.2, "norm": "none"} | config
    torch.manual_seed(5)
    module = network_of(given, "net").build(given, numbers(6), outputs_of(task, CLASSES[task]))
    module.train()
    for _ in range(3):
        module(torch.randn(50, 6) * 2 + 1)  # a batch norm learns means and variances
    weights = {name: value.double().numpy() for name, value in module.state_dict().items() if value.is_floating_point()}
    return TrainedNetwork(
        given, weights, numbers(6), task, CLASSES[task], LabelScale(3.0, 2.5) if task == "regression" else LabelScale()
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "tanh"])
def test_the_graph_answers_as_the_network_does(task: str, norm: str, activation: str) -> None:
    network = a_network(task, norm=norm, activation=activation)
    target = Target(task, np.zeros(1), CLASSES[task])
    matrix = np.random.default_rng(0).normal(size=(33, 6)) * 2
    data = onnx_engine.write(network, 6, target)
    assert data is not None
    assert data == onnx_engine.write(network, 6, target)
    found = onnx_engine.load(data, task, CLASSES[task]).scores(matrix)
    expected = predict(network, matrix, target)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    if task == "multiclass":
        np.testing.assert_allclose(found.sum(axis=1), 1.0)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_graph_of_a_residual_network_answers_as_it_does(task: str) -> None:
    network = a_network(task, name="resnet", blocks=3, width=6, widening=1.5, dropout=0.1)
    matrix = np.random.default_rng(0).normal(size=(33, 6)) * 2
    found = onnx_engine.load(network.to_onnx(), task, CLASSES[task]).scores(matrix)
    np.testing.assert_allclose(
        found, predict(network, matrix, Target(task, np.zeros(1), CLASSES[task])), rtol=1e-12, atol=1e-13
    )


def test_no_hidden_layer_is_a_linear_model() -> None:
    network = a_network("regression", hidden=[])
    matrix = np.random.default_rng(0).normal(size=(9, 6))
    expected = (matrix @ network.weights["output.weight"].T + network.weights["output.bias"])[:, 0] * 2.5 + 3.0
    np.testing.assert_allclose(network.predict(matrix), expected)


def test_a_network_that_is_not_built_says_so() -> None:
    with pytest.raises(StageError) as told:
        network_of({"name": "forest"}, "net")
    assert (told.value.code, told.value.where) == ("MLS901", "net.network")


def rates(schedule: Any, updates: int, epoch_updates: int = 10) -> list[float]:
    factor = factor_of(schedule, updates, epoch_updates)
    return [factor(update) for update in range(updates)]


def of_torch(make: Any, updates: int) -> list[float]:
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimiser)
    found = []
    for _ in range(updates):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return found


def test_schedules_are_those_of_torch() -> None:
    of = torch.optim.lr_scheduler
    cosine = {"name": "cosine", "warmup": 0.0, "final": 0.1}
    assert rates(cosine, 40) == pytest.approx(of_torch(lambda optimiser: of.CosineAnnealingLR(optimiser, 40, eta_min=0.1), 40))
    linear = {"name": "linear", "warmup": 0.0, "final": 0.2}
    expected = of_torch(lambda optimiser: of.LinearLR(optimiser, start_factor=1.0, end_factor=0.2, total_iters=40), 40)
    assert rates(linear, 40) == pytest.approx(expected)
    cycle = {"name": "one_cycle", "warmup": 0.3, "start": 0.04, "final": 4e-6}
    expected = of_torch(lambda optimiser: of.OneCycleLR(optimiser, max_lr=1.0, total_steps=40), 40)
    assert rates(cycle, 40) == pytest.approx(expected)
    step = {"name": "step", "every": 2, "factor": 0.5, "warmup": 0.0}
    assert rates(step, 60) == pytest.approx([0.5 ** (update // 20) for update in range(60)])


@pytest.mark.parametrize("name", ["cosine", "linear", "step"])
def test_a_warmup_rises_to_the_full_rate(name: str) -> None:
    found = rates({"name": name, "warmup": 0.25, "final": 0.0, "every": 100, "factor": 0.1}, 40)
    assert found[:11] == pytest.approx([*(place / 11 for place in range(1, 11)), 1.0])
    assert max(found) == pytest.approx(1.0)


def test_a_plateau_is_that_of_torch() -> None:
    values = [0.5, 0.4, 0.41, 0.42, 0.39, 0.39, 0.39, 0.4, 0.4]
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=1, threshold=0.0)
    config = {"name": "plateau", "epochs": 2, "factor": 0.5, "warmup": 0.0}
    for place, value in enumerate(values):
        scheduler.step(value)
        assert plateau_factor(config, values[: place + 1]) == optimiser.param_groups[0]["lr"], place
    assert plateau_factor(None, values) == 1.0
    assert not needs_all_updates(config)
    assert needs_all_updates({**config, "warmup": 0.1})


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_balanced_classes_count_the_same(task: str) -> None:
    classes = CLASSES[task]
    y = np.repeat(np.arange(classes), [5, 1, 3, 7][:classes]).astype(np.float64)
    target = Target(task, y, classes)
    weights = class_weights({"class_weights": "balanced"}, target)
    assert weights is not None
    totals = np.bincount(y.astype(int)) * np.array(weights)
    np.testing.assert_allclose(totals, len(y) / classes)
    assert class_weights({"class_weights": "none"}, target) is None
    labels = table_examples(np.zeros((len(y), 1)), target, LabelScale(), "cpu").labels
    raw = torch.randn(len(y), outputs_of(task, classes), generator=torch.Generator().manual_seed(0))
    each = [loss_of(task, None, "cpu")(raw[row : row + 1], labels[row : row + 1]).item() for row in range(len(y))]
    weighted = loss_of(task, weights, "cpu")(raw, labels).item()
    assert weighted == pytest.approx(np.mean(np.array(each) * np.array(weights)[y.astype(int)]), rel=1e-5)


def test_a_label_of_numbers_is_learned_near_1() -> None:
    target = Target("regression", np.array([10.0, 20.0, 30.0]))
    scale = label_scale(target)
    labels = table_examples(np.zeros((3, 1)), target, scale, "cpu").labels
    assert labels.mean().item() == pytest.approx(0.0)
    assert labels.pow(2).mean().item() == pytest.approx(1.0)
    assert label_scale(Target("regression", np.array([4.0, 4.0]))) == LabelScale(4.0, 1.0)


LABEL = {"task": "binary", "classes": ["no", "yes"], "positive": "yes", "column": "y"}


def watch(metric: str, patience: int = 2, min_gain: float = 0.0) -> Watch:
    return Watch(metric, "tune", patience, min_gain, LABEL, "net")


def test_patience_counts_epochs_without_gain() -> None:
    rising = watch("auc")
    assert [rising.ends([0.5, 0.6, 0.6, 0.6][:count]) for count in range(5)] == [False, False, False, False, True]
    assert rising.best([0.5, 0.7, 0.7, 0.6]) == 1
    assert not watch("auc", min_gain=0.01).ends([0.5, 0.505, 0.52])
    assert watch("auc", min_gain=0.01).ends([0.5, 0.505, 0.509])
    assert not watch("log_loss").ends([0.5, 0.4, 0.3])
    assert watch("log_loss").ends([0.3, 0.4, 0.5])


def test_a_metric_without_a_value_stops_the_training() -> None:
    with pytest.raises(StageError) as told:
        watch("auc").value(Target("binary", np.zeros(3)), np.array([0.1, 0.2, 0.3]))
    assert (told.value.code, told.value.where) == ("MLS814", "net.stop_early")
    with pytest.raises(StageError, match="no finite number"):
        watch("auc").value(Target("binary", np.array([0.0, 1.0])), np.array([0.1, np.nan]))
    with pytest.raises(StageError) as told:
        read_watch({"on": "rmse", "part": "tune", "epochs": 3, "min_gain": 0.0}, LABEL, "net")
    assert told.value.code == "MLS209"
