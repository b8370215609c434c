"""Numbers at the edge: every one has a defined result, or an error with a code; none becomes NaN or infinity on the way."""

from __future__ import annotations

import math
import sys

import numpy as np
import pyarrow as pa
import pytest
from package_tables import HALF, ONEHOT, SCALE, feature, fit_config, stage_inputs

from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.outcomes import UndefinedMetric
from mlspec.runtime.package import load_package
from mlspec.runtime.search.fold_data import FoldData
from mlspec.runtime.search.judge import Measures, judge_fold
from mlspec.runtime.search.space import Family
from mlspec.runtime.train import run
from mlspec.runtime.transform import Matrix, Target, column_of, fit_transform
from tests.support.stages import run_stage_function

HUGE = sys.float_info.max
METHODS = ("standard", "minmax", "robust")
LABEL = {"column": "y", "task": "binary", "classes": ["a", "b"], "positive": "b", "favourable": "b", "type": "category"}


def fitted(kind, values, *steps):
    item = feature("x", kind, *steps)
    target = Target("binary", np.arange(len(values)) % 2 * 1.0, seed=1)
    found, matrix = fit_transform([item], {"x": column_of(item, values)}, target)
    return lambda given: found.apply({"x": column_of(item, given)}).numbers[:, 0].tolist(), matrix.numbers[:, 0].tolist()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-300, 1e300, HUGE])
def test_a_constant_column_is_centred_and_not_blown_up(method, value):
    # The rounded mean of three 0.1 is not 0.1: a spread of 1e-17 would make 0.2 a ten-billion-fold outlier.
    apply, own = fitted("float", [value] * 3, {"op": "scale", "method": method})
    assert own == [0.0, 0.0, 0.0]
    assert apply([value]) == [0.0]
    near = value + 1.0
    assert apply([near]) == [near - value]


@pytest.mark.parametrize(
    ("steps", "values"),
    [
        ([{"op": "scale", "method": "standard"}], [HUGE, HUGE / 2, 1.0]),
        ([{"op": "scale", "method": "standard"}], [1e200, -1e200, 1.0]),
        ([{"op": "scale", "method": "minmax"}], [HUGE, -HUGE, 1.0]),
        ([{"op": "fill", "with": "mean"}], [HUGE, HUGE, None]),
    ],
)
def test_what_a_double_cannot_hold_is_refused(steps, values):
    with pytest.raises(StageError) as caught:
        fitted("float?", values, *steps)
    assert (caught.value.code, caught.value.where) == ("MLS209", "features.x")
    assert "clip" in caught.value.help


def test_the_middle_of_huge_numbers_has_room():
    _, own = fitted("float?", [HUGE, -HUGE, None], {"op": "fill", "with": "median"})
    assert own[2] == 0.0
    _, own = fitted("float", [HUGE, HUGE / 2, 1.0, 2.0], {"op": "quantile_bucket", "bins": 2})
    assert own == [1.0, 1.0, 0.0, 0.0]


def test_a_request_that_becomes_infinite_is_refused_and_not_scored():
    apply, _ = fitted("float", [1e-200, 2e-200, 3e-200], {"op": "scale", "method": "minmax"})
    with pytest.raises(StageError, match="infinite") as caught:
        apply([1e200])
    assert (caught.value.code, caught.value.where) == ("MLS209", "features.x")
    assert apply([2e-200]) == [0.5]


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("float?", {"op": "fill", "with": "mean"}), ("float?", SCALE), ("float?", {"op": "quantile_bucket", "bins": 3}),
        ("category?", ONEHOT), ("text?", {"op": "tfidf", "max_features": 4}),
    ],
)  # fmt: skip
def test_a_column_without_a_value_teaches_nothing(kind, step):
    with pytest.raises(StageError) as caught:
        fitted(kind, [None, None, None], step)
    assert (caught.value.code, caught.value.where) == ("MLS204", "features.x")


def test_a_column_without_a_value_is_unknown_where_unknown_has_a_place():
    rate = {"op": "target_rate", "smoothing": 2.0, "folds": 2}
    apply, _ = fitted("category?", [None, None, None, None], rate)
    assert apply([None, "new"]) == [0.5, 0.5]
    apply, own = fitted("category?", [None, None], {"op": "fill", "with": {"value": "none"}}, ONEHOT)
    assert (own, apply(["x"])) == ([1.0, 1.0], [0.0])


def test_one_category_is_one_column():
    apply, own = fitted("category", ["a", "a", "a"], ONEHOT)
    assert (own, apply(["a", "b"])) == ([1.0, 1.0, 1.0], [1.0, 0.0])


def test_no_rows_have_a_matrix_of_no_rows():
    apply, _ = fitted("float?", [1.0, 2.0, None], {"op": "fill", "with": "mean"}, SCALE)
    assert apply([]) == []


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        ("sklearn.LogisticRegression", {}),
        ("sklearn.HistGradientBoostingClassifier", {"max_iter": 3}),
        ("lightgbm.LGBMClassifier", {"n_estimators": 3}),
        ("xgboost.XGBClassifier", {"n_estimators": 3}),
        ("sklearn.RandomForestClassifier", {"n_estimators": 3}),
    ],
)
def test_a_fold_of_one_class_fails_its_trial_with_a_reason(estimator, params):
    matrix = Matrix(("x",), np.linspace(0, 1, 20)[:, None])
    mixed, one = Target("binary", np.arange(20) % 2 * 1.0), Target("binary", np.zeros(20))
    measures = Measures((("auc", {}),), LABEL)
    for fold, words in ((FoldData(matrix, mixed, matrix, one), "same label"), (FoldData(matrix, one, matrix, mixed), "")):
        try:
            value = judge_fold(Family("only", estimator, params, ()), {}, fold, measures, 0, "tune")
        except StageError as error:  # the worker makes this a failed trial
            assert (error.code, not words) == ("MLS814", True)
        except UndefinedMetric as error:  # and this
            assert words
            assert words in str(error)
        else:
            assert (value, not words) == ([0.5], True)


def test_scores_that_are_no_numbers_fail_the_trial(monkeypatch):
    matrix = Matrix(("x",), np.linspace(0, 1, 20)[:, None])
    target = Target("binary", np.arange(20) % 2 * 1.0)
    monkeypatch.setattr("mlspec.runtime.search.judge.predict", lambda *given: np.where(np.arange(20) == 3, np.nan, 0.5))
    family, fold = Family("only", "sklearn.LogisticRegression", {}, ()), FoldData(matrix, target, matrix, target)
    with pytest.raises(UndefinedMetric, match="1 of 20 scores"):
        judge_fold(family, {}, fold, Measures((("auc", {}),), LABEL), 0, "tune")


def test_a_feature_that_divides_by_zero_is_null_and_one_that_overflows_is_named(tmp_path):
    columns = {
        "a": pa.array([float(at % 9) for at in range(40)]),
        "b": pa.array([float(at % 4) for at in range(40)]),
        "y": pa.array(["a", "b"] * 20),
    }
    descriptors = [{"name": name, "type": "float", "optional": False} for name in ("a", "b")]
    descriptors.append({"name": "y", "type": "category", "optional": False})
    ratio = ["call", "/", [["col", "a", "float"], ["col", "b", "float"]], {}]
    features = [feature("share", "float?", {"op": "fill", "with": "median", "flag": True}, value=ratio)]
    inputs = stage_inputs(tmp_path, columns, descriptors, features, {"train": range(30), "holdout": range(30, 40)})
    config = fit_config(features, LABEL, "sklearn.LogisticRegression", threshold=HALF)
    package = load_package(run_stage_function(run, tmp_path, "fit", config, inputs, block="plain") / "package")
    found = package.score([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0}]).score
    assert np.isfinite(found).all()
    assert found[0] == found[1]
    power = [feature("big", "float", value=["call", "exp", [["col", "a", "float"]], {}])]
    with pytest.raises(StageError) as caught:
        stage_inputs(tmp_path / "big", {**columns, "a": pa.array([1000.0] * 40)}, descriptors, power, {"train": range(40)})
    assert (caught.value.code, caught.value.where) == ("MLS805", "inputs.big")


def test_a_column_of_nulls_has_a_defined_end_for_every_family_that_takes_nulls():
    matrix = Matrix(("gone", "x"), np.column_stack([np.full(60, math.nan), np.arange(60) % 7 * 1.0]))
    target = Target("binary", (np.arange(60) % 7 > 3) * 1.0)
    fold = FoldData(matrix, target, matrix, target)

    def tried(estimator):
        family = Family("only", estimator, {}, ())
        return judge_fold(family, {}, fold, Measures((("auc", {}),), LABEL), 0, "tune")

    for estimator in ("lightgbm.LGBMClassifier", "xgboost.XGBClassifier"):
        assert tried(estimator) == [1.0]
    with pytest.raises(StageError, match="`gone` is null in every row") as caught:
        tried("sklearn.HistGradientBoostingClassifier")
    assert caught.value.code == "MLS204"
