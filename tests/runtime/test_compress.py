"""The `compress` stage: every family gets smaller, answers online as in a batch, and says what each step gave and lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlspec.runtime.compress import clock, graphs, magnitude, run
from mlspec.runtime.compress.distil import softened
from mlspec.runtime.compress.model import model_of
from mlspec.runtime.compress.rounds import ensemble_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import content_of
from mlspec.runtime.package import Package, load_package
from mlspec.runtime.train import run as fit
from tests.runtime.package_tables import HALF, ONEHOT, SCALE, feature, fit_config, stage_inputs
from tests.support.stages import run_stage_function

ROWS = 420
DESCRIPTORS = [
    {"name": "size", "type": "float", "range": [-10, 10]}, {"name": "weight", "type": "float"}, {"name": "noise", "type": "float"},
    {"name": "colour", "type": "category", "values": ["red", "green"]}, {"name": "yes", "type": "category", "values": ["no", "yes"]},
    {"name": "kind", "type": "category", "values": ["a", "b", "c"]}, {"name": "price", "type": "float"},
]  # fmt: skip
FEATURES = [
    feature("size", "float", SCALE), feature("weight", "float", SCALE), feature("noise", "float", SCALE), feature("colour", "category", ONEHOT),
]  # fmt: skip
LABELS: dict[str, dict[str, Any]] = {
    "binary": {"column": "yes", "task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "type": "category"},
    "multiclass": {"column": "kind", "task": "multiclass", "classes": ["a", "b", "c"], "positive": None, "favourable": None, "type": "category"},
    "regression": {"column": "price", "task": "regression", "classes": [], "positive": None, "favourable": None, "type": "float"},
}  # fmt: skip
MAGNITUDE = {"name": "magnitude", "sparsity": 0.5, "structured": False, "retrain_epochs": 0}
ROUNDS = {"name": "rounds", "keep": 0.5, "on": None, "part": None, "max_loss": 0.0}
STATIC = {"name": "static_int8", "part": "tune", "samples": 64}
DYNAMIC = {"name": "dynamic_int8"}
ONNX = {"name": "onnx", "opset": 18}


def student(estimator: str, **params: Any) -> dict[str, Any]:
    return {
        "name": "student",
        "estimator": estimator,
        "network": None,
        "epochs": None,
        "temperature": 1.0,
        "labels": 0.0,
        "params": params,
    }


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    random = np.random.default_rng(3)
    size, weight, noise = random.normal(size=ROWS) * 2, random.normal(size=ROWS) + 5, random.normal(size=ROWS)
    colour = random.choice(["red", "green"], size=ROWS)
    signal = np.clip(size, -10, 10) + (colour == "red") * 2 + (weight - 5) ** 2 - 2
    columns = {
        "size": np.clip(size, -10, 10), "weight": weight, "noise": noise, "colour": colour, "price": signal * 3 + 10,
        "yes": np.where(signal > 0, "yes", "no"), "kind": np.where(signal > 1, "a", np.where(signal > -1, "b", "c")),
    }  # fmt: skip
    parts = {"train": [row for row in range(ROWS) if row % 10 < 7], "tune": [row for row in range(ROWS) if row % 10 >= 7]}
    return stage_inputs(
        tmp_path_factory.mktemp("tables"), {name: pa.array(column) for name, column in columns.items()}, DESCRIPTORS, FEATURES, parts
    )  # fmt: skip


Fitted = Callable[..., Path]


@pytest.fixture(scope="module")
def fitted(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """The folder of a fitted package, each made once."""
    known: dict[str, Path] = {}

    def make(task: str, estimator: str, **params: Any) -> Path:
        key = json.dumps([task, estimator, params])
        if key not in known:
            config = fit_config(FEATURES, LABELS[task], estimator, params=params, threshold=HALF if task == "binary" else None)
            known[key] = (
                run_stage_function(fit, tmp_path_factory.mktemp("fit"), "fit", config, inputs, block="plain") / "package"
            )
        return known[key]

    return make


@pytest.fixture(autouse=True)
def no_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "SECONDS", 0.0)


def compress(
    tmp_path: Path, inputs: dict[str, Path], package: Path, task: str = "binary", **steps: Any
) -> tuple[Package, dict[str, Any]]:
    config = {
        "name": "edge", "model": "plain", "features": FEATURES, "label": LABELS[task], "part": "train", "judged": "tune", "group": None, "seed": 7,
        "unknown": "encode", "distil": None, "prune": None, "quantise": None, "export": None, **steps,
    }  # fmt: skip
    out = run_stage_function(run, tmp_path, "compress", config, {**inputs, "package": package}, block="edge")
    return load_package(out / "package"), json.loads((out / "steps" / "steps.json").read_bytes())


BOOST = {"n_estimators": 20}
MLP = {"hidden_layer_sizes": 24, "max_iter": 120, "solver": "lbfgs"}
LESS = [
    ("binary", "sklearn.LogisticRegression", {}, {"prune": MAGNITUDE | {"structured": True}, "quantise": STATIC}, "onnx"),
    ("multiclass", "sklearn.LogisticRegression", {}, {"prune": MAGNITUDE, "quantise": DYNAMIC}, "onnx"),
    ("regression", "sklearn.Ridge", {}, {"quantise": STATIC}, "onnx"),
    ("binary", "sklearn.MLPClassifier", MLP, {"prune": MAGNITUDE | {"structured": True}, "quantise": STATIC, "export": ONNX}, "onnx"),
    ("multiclass", "sklearn.MLPClassifier", MLP, {"prune": MAGNITUDE, "quantise": DYNAMIC}, "onnx"),
    ("regression", "sklearn.MLPRegressor", MLP, {"prune": MAGNITUDE | {"sparsity": 0.2}, "quantise": STATIC}, "onnx"),
    ("binary", "sklearn.RandomForestClassifier", {"n_estimators": 20}, {"prune": ROUNDS}, "onnx"),
    ("multiclass", "sklearn.HistGradientBoostingClassifier", {"max_iter": 20}, {"prune": ROUNDS}, "onnx"),
    ("regression", "sklearn.GradientBoostingRegressor", BOOST, {"prune": ROUNDS}, "onnx"),
    ("binary", "lightgbm.LGBMClassifier", BOOST, {"prune": ROUNDS, "export": ONNX}, "onnx"),
    ("multiclass", "lightgbm.LGBMClassifier", BOOST, {"prune": ROUNDS}, "lightgbm"),
    ("regression", "xgboost.XGBRegressor", BOOST, {"prune": ROUNDS, "export": ONNX | {"opset": 20}}, "onnx"),
    ("multiclass", "xgboost.XGBClassifier", BOOST, {"prune": ROUNDS}, "xgboost"),
    pytest.param("binary", "sklearn.KNeighborsClassifier", {}, {"distil": student("sklearn.LogisticRegression", C=2.0)}, "onnx", marks=pytest.mark.slow),
    ("multiclass", "sklearn.RandomForestClassifier", {"n_estimators": 20}, {"distil": student("sklearn.DecisionTreeClassifier", max_depth=4)}, "onnx"),
    ("regression", "sklearn.RandomForestRegressor", {"n_estimators": 20}, {"distil": student("sklearn.Ridge") | {"labels": 0.5}, "quantise": STATIC}, "onnx"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("task", "estimator", "params", "steps", "engine"), LESS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_family_gets_smaller(
    tmp_path: Path, inputs: dict[str, Path], fitted: Fitted, task: str, estimator: str, params: dict[str, Any], steps: dict[str, Any], engine: str
) -> None:  # fmt: skip
    package, found = compress(tmp_path, inputs, fitted(task, estimator, **params), task, **steps)
    assert (package.engine, package.name, package.task) == (engine, "edge", task)
    assert package.manifest.proof["rows"] == 126
    states = found["steps"]
    assert [each["step"] for each in states] == [
        "original",
        *(name for name in ("distil", "prune", "quantise", "export") if name in steps),
    ]
    assert states[-1]["bytes"] == sum((package.folder / name).stat().st_size for name in content_of(package.folder))
    first, last = states[0]["facts"], states[-1]["facts"]
    for name in ("rounds", "leaves"):
        if name in first and name in last:
            assert last[name] < first[name]
    if "quantise" in steps:
        assert last["format"] == "int8"
    if task != "regression":
        assert states[-1]["same"] > 0.7
    for each in states[1:]:
        for metric in found["metrics"]:
            loss, quality = each["loss"][metric], each["quality"][metric]
            assert loss["low"] <= loss["value"] <= loss["high"]
            assert loss["value"] == pytest.approx(quality["value"] - states[0]["quality"][metric]["value"])


def test_what_a_clock_says_is_in_no_digested_file(tmp_path: Path, inputs: dict[str, Path], fitted: Fitted) -> None:
    steps = {"prune": MAGNITUDE, "quantise": STATIC}
    package = fitted("binary", "sklearn.LogisticRegression")
    digests = []
    for run_of in ("one", "two"):
        (tmp_path / run_of).mkdir()
        compress(tmp_path / run_of, inputs, package, **steps)
        out = tmp_path / run_of / "out-edge-compress"
        digests.append({name: content_of(out / name) for name in ("package", "steps")})
        readings = json.loads((out / "measurements" / "measurements.json").read_bytes())["quantities"]
        page = (out / "measurements" / "index.html").read_text()
        assert f"{readings['original.request']['value'] * 1000:.3g} ms" in page and "as it was" in page
        assert set(readings) == {
            f"{step}.{what}" for step in ("original", "prune", "quantise") for what in ("rows_per_second", "request")
        }
        assert all(each["value"] > 0 and len(each["windows"]) == clock.WINDOWS for each in readings.values())
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "estimator",
    [
        "lightgbm.LGBMClassifier",
        pytest.param("xgboost.XGBClassifier", marks=pytest.mark.slow),
        "sklearn.RandomForestClassifier",
    ],
)
def test_rounds_stay_as_long_as_the_metric_asks(
    tmp_path: Path, inputs: dict[str, Path], fitted: Fitted, estimator: str
) -> None:
    package = fitted("binary", estimator, n_estimators=20)
    rounds = ROUNDS | {"keep": None, "on": "auc", "part": "tune", "max_loss": 0.02}
    kept = {}
    for name, allowed in (("none", -1.0), ("little", 0.02), ("all", 1.0)):
        (tmp_path / name).mkdir()
        _, found = compress(tmp_path / name, inputs, package, prune=rounds | {"max_loss": allowed})
        kept[name] = found["steps"][-1]["facts"]["rounds"]
        if name == "little":
            assert found["steps"][-1]["loss"]["auc"]["value"] >= -0.02
    assert kept["all"] == 1 <= kept["little"] < kept["none"] == 20


def test_the_first_rounds_of_a_graph_are_those_of_its_library(inputs: dict[str, Path], fitted: Fitted) -> None:
    """A booster that is cut and then written as a graph, and one that is written and then cut, are one."""
    from mlspec.runtime.compress.boosters import to_onnx

    matrix = np.random.default_rng(1).normal(size=(200, 5))
    for estimator in ("lightgbm.LGBMClassifier", "xgboost.XGBClassifier"):
        model = model_of(load_package(fitted("binary", estimator, **BOOST)))
        short = model.changed(data=ensemble_of(model).cut(7))
        graph = model.changed(engine="onnx", data=to_onnx(model, 5, ""))
        cut = graph.changed(data=ensemble_of(graph).cut(7))
        assert ensemble_of(cut).rounds == 7
        np.testing.assert_allclose(cut.scores(matrix), short.scores(matrix), atol=1e-6)
        assert np.abs(cut.scores(matrix) - model.scores(matrix)).max() > 0.01


def test_nulls_go_the_same_way_in_a_graph(fitted: Fitted) -> None:
    from mlspec.runtime.compress.boosters import to_onnx

    random = np.random.default_rng(2)
    matrix = random.normal(size=(300, 5))
    matrix[random.random(matrix.shape) < 0.3] = np.nan
    for estimator in ("lightgbm.LGBMClassifier", "xgboost.XGBClassifier"):
        model = model_of(load_package(fitted("multiclass", estimator, **BOOST)))
        graph = model.changed(engine="onnx", data=to_onnx(model, 5, ""))
        np.testing.assert_allclose(graph.scores(matrix), model.scores(matrix), atol=1e-6)


@pytest.mark.parametrize(
    ("estimator", "steps", "where"),
    [
        ("sklearn.RandomForestClassifier", {"quantise": STATIC}, "edge.quantise"),
        ("lightgbm.LGBMClassifier", {"prune": MAGNITUDE}, "edge.prune"),
        ("sklearn.LogisticRegression", {"prune": ROUNDS}, "edge.prune"),
        ("sklearn.KNeighborsClassifier", {"export": ONNX}, "edge.export"),
        ("sklearn.DummyClassifier", {"distil": student("sklearn.LogisticRegression")}, "edge.distil"),
        ("sklearn.LogisticRegression", {"distil": student("sklearn.KNeighborsClassifier")}, "edge.distil"),
        ("lightgbm.LGBMClassifier", {"prune": ROUNDS | {"keep": None, "on": "rmse", "part": "tune"}}, "edge.prune"),
    ],
)
def test_a_step_that_means_nothing_is_refused_at_its_place(
    tmp_path: Path, inputs: dict[str, Path], fitted: Fitted, estimator: str, steps: dict[str, Any], where: str
) -> None:
    params = {"n_estimators": 20} if "Forest" in estimator or "LGBM" in estimator else {}
    with pytest.raises(StageError) as raised:
        compress(tmp_path, inputs, fitted("binary", estimator, **params), **steps)
    assert (raised.value.code, raised.value.where) == ("MLS209", where)
    assert raised.value.expected
    assert raised.value.help


def test_what_goes_is_taken_over_by_what_stays() -> None:
    """A column that is twice another one loses nothing when it goes, and a constant one goes into the summand."""
    random = np.random.default_rng(0)
    one = random.normal(size=(500, 1))
    flow = np.concatenate([one, 2 * one + 3, random.normal(size=(500, 1))], axis=1)
    weight = np.array([[1.0, -1.0], [0.5, 2.0], [1.0, 1.0]])
    gone, kept = np.array([0]), np.array([1, 2])
    more, shift = magnitude.taken_over(flow, weight, gone, kept)
    np.testing.assert_allclose(flow[:, kept] @ (weight[kept] + more) + shift, flow @ weight, atol=0.02)


def test_the_least_go_and_ties_are_settled() -> None:
    importance = np.array([3.0, 1.0, 1.0, 2.0])
    assert sorted(magnitude.lowest(importance, 0.5).tolist()) == [1, 2]
    assert magnitude.lowest(importance, 0.25).tolist() == [2]


def test_structured_pruning_narrows_every_layer(tmp_path: Path, inputs: dict[str, Path], fitted: Fitted) -> None:
    source = fitted("binary", "sklearn.MLPClassifier", **MLP)
    package, found = compress(tmp_path, inputs, source, prune=MAGNITUDE | {"structured": True, "sparsity": 0.75})
    graph = graphs.read((package.folder / "model.onnx").read_bytes())
    shapes = [graphs.constant(graph, each.weight).shape for each in graphs.products(graph)]
    assert shapes == [(5, 6), (6, 1)]
    assert found["steps"][1]["facts"]["weights"] == 36


def test_a_temperature_makes_scores_softer_and_keeps_their_order() -> None:
    scores = np.array([0.01, 0.4, 0.9])
    assert softened(scores, 1.0)[:, 1].tolist() == scores.tolist()
    soft = softened(scores, 4.0)
    assert (np.argsort(soft[:, 1]) == np.argsort(scores)).all()
    assert (np.abs(soft[:, 1] - 0.5) < np.abs(scores - 0.5)).all()
    np.testing.assert_allclose(soft.sum(axis=1), 1.0)


def test_a_student_of_a_student_and_a_model_without_steps(tmp_path: Path, inputs: dict[str, Path], fitted: Fitted) -> None:
    teacher = fitted("binary", "sklearn.RandomForestClassifier", n_estimators=20)
    (tmp_path / "first").mkdir()
    first, _ = compress(
        tmp_path / "first", inputs, teacher, distil=student("sklearn.HistGradientBoostingClassifier", max_iter=20)
    )
    assert first.manifest.calibration is None
    second, found = compress(tmp_path, inputs, first.folder, distil=student("sklearn.LogisticRegression"))
    assert second.manifest.estimator["name"] == "sklearn.LogisticRegression"
    assert found["steps"][0]["facts"]["estimator"] == "sklearn.HistGradientBoostingClassifier"
    assert second.threshold == 0.5


def test_an_int8_model_keeps_its_zero_and_its_order(tmp_path: Path, inputs: dict[str, Path], fitted: Fitted) -> None:
    package, found = compress(tmp_path, inputs, fitted("binary", "sklearn.LogisticRegression"), quantise=STATIC)
    assert found["steps"][1]["loss"]["auc"]["value"] == pytest.approx(0.0, abs=0.01)
    assert package.manifest.rows in ("batch", "single")
    operators = {node.op_type for node in graphs.read((package.folder / "model.onnx").read_bytes()).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "MatMul"} <= operators
