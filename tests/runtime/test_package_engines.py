"""Exported models answer as their estimators do, and a row's bits do not depend on the rows beside it."""

from __future__ import annotations

import zipfile
from io import BytesIO

import numpy as np
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import build_estimator, fit_estimator, predict
from mlspec.runtime.package.engines import constant_engine, lightgbm_engine, onnx_engine, skops_engine, xgboost_engine
from mlspec.runtime.package.proof import rows_agree
from mlspec.runtime.package.write import Fitted, export_model
from mlspec.runtime.transform import Target

WIDTH = 12
FOREST = {"n_estimators": 8}
STEPS = {"max_iter": 12}
CLASSIFIERS = [
    ("sklearn.LogisticRegression", {}, False),
    ("sklearn.LinearDiscriminantAnalysis", {}, False),
    ("sklearn.HistGradientBoostingClassifier", STEPS, True),
    ("sklearn.GradientBoostingClassifier", FOREST, False),
    ("sklearn.RandomForestClassifier", FOREST, True),
    ("sklearn.ExtraTreesClassifier", FOREST, True),
    ("sklearn.DecisionTreeClassifier", {"max_depth": 5}, True),
    ("sklearn.DecisionTreeClassifier", {"max_leaf_nodes": 2, "min_samples_leaf": 200}, True),
]
REGRESSORS = [
    ("sklearn.Ridge", {}, False),
    ("sklearn.PoissonRegressor", {}, False),
    ("sklearn.HistGradientBoostingRegressor", STEPS, True),
    ("sklearn.HistGradientBoostingRegressor", {**STEPS, "loss": "poisson"}, True),
    ("sklearn.GradientBoostingRegressor", FOREST, False),
    ("sklearn.RandomForestRegressor", FOREST, True),
]


def rows(task: str, nulls: bool):
    generator = np.random.default_rng(5)
    matrix = generator.normal(size=(900, WIDTH))
    matrix[:, 6:] = matrix[:, 6:] > 0.3
    signal = matrix[:, 0] + matrix[:, 1] * matrix[:, 6] + generator.normal(size=len(matrix)) * 0.4
    if nulls:
        matrix[generator.random(matrix.shape) < 0.04] = np.nan
    y = {"binary": signal > 0, "multiclass": np.digitize(signal, [-0.6, 0.6]), "regression": np.exp(signal / 2)}[task]
    return matrix, Target(task, y.astype(np.float64), 3 if task == "multiclass" else 2)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_onnx_graphs_equal_their_estimators_row_by_row(task):
    for name, params, nulls in REGRESSORS if task == "regression" else CLASSIFIERS:
        matrix, target = rows(task, nulls)
        estimator = build_estimator(name, params, 3)
        fit_estimator(estimator, matrix[:600], target.take(np.arange(600)))
        data = onnx_engine.write(estimator, WIDTH, target)
        assert data is not None, name
        assert data == onnx_engine.write(estimator, WIDTH, target)
        engine = onnx_engine.load(data, task, target.classes)
        np.testing.assert_allclose(
            engine.scores(matrix), predict(estimator, matrix, target), rtol=1e-12, atol=1e-13, err_msg=name
        )
        assert rows_agree(engine, matrix), name


def test_trees_split_on_doubles_as_the_estimator_does():
    # A float32 export would round these apart from their thresholds.
    matrix = np.repeat(np.nextafter(0.1, np.array([0.0, 1.0])), 40)[:, None]
    target = Target("binary", np.repeat([0.0, 1.0], 40))
    estimator = build_estimator("sklearn.HistGradientBoostingClassifier", {"max_iter": 3, "min_samples_leaf": 5}, 0)
    fit_estimator(estimator, matrix, target)
    engine = onnx_engine.load(onnx_engine.write(estimator, 1, target), "binary", 2)
    assert (engine.scores(matrix) > 0.5).tolist() == target.y.astype(bool).tolist()


def test_skops_archives_are_canonical_and_pinned():
    matrix, target = rows("binary", False)
    archives = []
    for _ in range(2):
        estimator = build_estimator("sklearn.KNeighborsClassifier", {}, 0)
        fit_estimator(estimator, matrix, target)
        archives.append(skops_engine.write(estimator, WIDTH, target))
    assert archives[0] == archives[1]
    with zipfile.ZipFile(BytesIO(archives[0])) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {item.date_time for item in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_STORED}
    loaded = skops_engine.load(archives[0], "binary", 2)
    np.testing.assert_array_equal(loaded.scores(matrix), predict(estimator, matrix, target))


def test_a_type_outside_the_pinned_list_is_refused():
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    data = skops.io.dumps(FunctionTransformer(np.linalg.solve))
    with pytest.raises(StageError, match="outside the pinned list") as caught:
        skops_engine.load(data, "binary", 2)
    assert caught.value.code == "MLS808"


def test_an_estimator_that_no_engine_reads_back_is_refused_as_itself(monkeypatch):
    matrix, target = rows("binary", False)
    estimator = build_estimator("sklearn.KNeighborsClassifier", {}, 0)
    fit_estimator(estimator, matrix, target)
    fitted = Fitted("near", "sklearn.KNeighborsClassifier", {}, estimator, None, target, matrix[:20], {})
    assert export_model(fitted)[0] == "skops"
    monkeypatch.setattr(skops_engine, "TRUSTED", ())
    with pytest.raises(StageError) as caught:
        export_model(fitted)
    assert (caught.value.code, caught.value.where) == ("MLS807", "near")
    assert "outside the pinned list" in caught.value.found


CONVERTED = [
    ("sklearn.GaussianNB", {}, "binary", "onnx"),
    ("sklearn.GaussianNB", {}, "multiclass", "onnx"),
    ("sklearn.BernoulliNB", {}, "binary", "onnx"),
    ("sklearn.BernoulliNB", {"binarize": 0.3}, "multiclass", "onnx"),
    ("sklearn.MLPClassifier", {"max_iter": 15, "activation": "tanh"}, "binary", "onnx"),
    ("sklearn.MLPClassifier", {"max_iter": 15}, "multiclass", "onnx"),
    ("sklearn.MLPRegressor", {"max_iter": 15, "activation": "logistic"}, "regression", "onnx"),
    ("sklearn.MLPRegressor", {"max_iter": 15, "loss": "poisson"}, "regression", "skops"),  # no converter of its output
    ("sklearn.KNeighborsRegressor", {}, "regression", "skops"),
]


def converted(name, params, task):
    matrix, target = rows(task, False)
    estimator = build_estimator(name, params, 3)
    fit_estimator(estimator, matrix[:300], target.take(np.arange(300)))
    return Fitted("model", name, params, estimator, None, target, matrix[300:360], {})


@pytest.mark.parametrize(("name", "params", "task", "engine"), CONVERTED)
def test_an_estimator_without_a_converter_is_packaged_another_way(name, params, task, engine):
    assert export_model(converted(name, params, task))[0] == engine


def test_what_a_converter_raises_is_not_taken_for_a_missing_converter(monkeypatch):
    import skl2onnx

    def broken(*_, **__):
        raise TypeError("a fault of the converter")

    monkeypatch.setattr(skl2onnx, "to_onnx", broken)
    with pytest.raises(TypeError, match="a fault of the converter"):
        export_model(converted("sklearn.GaussianNB", {}, "binary"))
    assert export_model(converted("sklearn.KNeighborsRegressor", {}, "regression"))[0] == "skops"


def test_a_gaussian_process_is_packaged():
    matrix, target = rows("binary", False)
    estimator = build_estimator("sklearn.GaussianProcessClassifier", {}, 0)
    fit_estimator(estimator, matrix[:60], target.take(np.arange(60)))
    loaded = skops_engine.load(skops_engine.write(estimator, WIDTH, target), "binary", 2)
    np.testing.assert_array_equal(loaded.scores(matrix), predict(estimator, matrix, target))


def test_bytes_that_are_no_model_are_refused():
    for load in (onnx_engine.load, skops_engine.load, lightgbm_engine.load, xgboost_engine.load, constant_engine.load):
        with pytest.raises(StageError) as caught:
            load(b"no model", "binary", 2)
        assert caught.value.code == "MLS808"
