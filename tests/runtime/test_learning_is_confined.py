"""What a model learns comes from its part alone, in a fold from the fold's fitting rows alone, whoever runs it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from package_tables import FILL_TEXT, HALF, ONEHOT, SCALE, feature, fit_config, stage_inputs

from mlspec.runtime import search, train
from mlspec.runtime.context import StageContext, derive_seed
from mlspec.runtime.estimators import build_estimator, fit_estimator, predict
from mlspec.runtime.monitor.reference import run as run_reference
from mlspec.runtime.package import load_package
from mlspec.runtime.search.fold_data import fold_data
from mlspec.runtime.search.folds import cv_folds
from mlspec.runtime.train.data import PartReader
from mlspec.runtime.train.model import Recipe, predict_fold
from mlspec.runtime.transform import fit_transform
from tests.support.stages import run_stage_function

N = 240
LABEL = {"column": "y", "task": "binary", "classes": ["no", "yes"], "positive": "yes", "favourable": "yes", "type": "category"}
RATE = {"op": "target_rate", "smoothing": 1.0, "folds": 5}
FEATURES = [
    feature("x", "float?", {"op": "fill", "with": "median", "flag": True}, SCALE),
    feature("kind", "category?", FILL_TEXT, ONEHOT),
    feature("risk", "category", RATE, value=["col", "team", "category"]),
    feature(
        "bucket", "float?", {"op": "fill", "with": "mean"}, {"op": "quantile_bucket", "bins": 4}, value=["col", "x", "float?"]
    ),
]
PARTS = {"train": range(120), "extra": range(120, 180), "holdout": range(180, N)}
COST = {"method": "cost_ratio", "false_pos": 1.0, "false_neg": 3.0}
LINEAR = {
    "name": "linear", "estimator": "sklearn.LogisticRegression", "params": {},
    "space": {"C": {"dist": "loguniform", "low": 1e-2, "high": 1e2}},
}  # fmt: skip


def columns() -> dict[str, list]:
    generator = np.random.default_rng(5)
    x = generator.normal(size=N)
    y = x + generator.normal(size=N) > 0
    return {
        "x": [None if row % 11 == 0 else float(value) for row, value in enumerate(x)],
        "kind": [None if row % 13 == 0 else "abc"[row % 3] for row in range(N)],
        "team": [f"t{row % 30}" for row in range(N)],
        "y": ["yes" if value else "no" for value in y],
    }


def inputs_of(folder: Path, given: dict[str, list]) -> dict[str, Path]:
    kinds = {"x": "float", "kind": "category", "team": "category", "y": "category"}
    descriptors = [{"name": name, "type": kind, "optional": name in ("x", "kind")} for name, kind in kinds.items()]
    arrays = {name: pa.array(values, pa.float64() if name == "x" else pa.string()) for name, values in given.items()}
    return stage_inputs(folder, arrays, descriptors, FEATURES, PARTS)


def poisoned(rows: range, *names: str) -> dict[str, list]:
    """The same table with other values in these rows: flipped labels, huge numbers, new categories."""
    found = columns()
    other = {"x": 1e6, "kind": "new", "team": "t-new"}
    for name in names:
        for row in rows:
            found[name][row] = {"yes": "no", "no": "yes"}[found["y"][row]] if name == "y" else other[name]
    return found


def learned(folder: Path, inputs: dict[str, Path], kind: str, **changes) -> tuple[dict[str, str], dict]:
    """Digests of what the model learned, and package.json."""
    config = fit_config(FEATURES, LABEL, "sklearn.LogisticRegression", threshold=HALF)
    if kind == "search":
        config |= {
            "cv": {"method": "folds", "folds": 3, "stratify": "y"}, "engine": {"name": "random"}, "trials": 4, "parallel": 4,
            "objective": {"metric": "auc", "direction": "maximize"}, "time_limit": None, "pruner": None, "families": [LINEAR],
        }  # fmt: skip
    run = train.run if kind == "fit" else search.run
    out = run_stage_function(run, folder, kind, config | changes, inputs, block="plain") / "package"
    document = json.loads((out / "package.json").read_bytes())
    parts = {name: (out / name).read_bytes() for name in ("model.onnx", "transform.json")}
    parts |= {key: json.dumps(document[key]).encode() for key in ("threshold", "calibration", "estimator", "classes")}
    return {key: hashlib.sha256(data).hexdigest() for key, data in parts.items()}, document


@pytest.mark.parametrize("kind", ["fit", "search"])
@pytest.mark.parametrize("calibrate", [None, {"method": "sigmoid"}, {"method": "isotonic", "part": "extra"}])
def test_the_holdout_teaches_nothing(tmp_path, kind, calibrate):
    changes = {"calibrate": calibrate, "threshold": {"method": "maximize", "metric": "f1"}}
    true, document = learned(tmp_path / "true", inputs_of(tmp_path / "a", columns()), kind, **changes)
    poison = poisoned(range(180, N), "x", "kind", "team", "y")
    assert learned(tmp_path / "poisoned", inputs_of(tmp_path / "b", poison), kind, **changes)[0] == true
    labels = inputs_of(tmp_path / "c", poisoned(range(180, N), "y"))
    assert learned(tmp_path / "labels", labels, kind, **changes)[1] == document
    # and the test can fail: the part itself teaches
    own = inputs_of(tmp_path / "d", poisoned(range(60), "x", "y"))
    assert learned(tmp_path / "own", own, kind, **changes)[0]["model.onnx"] != true["model.onnx"]


@pytest.mark.parametrize("kind", ["fit", "search"])
def test_a_calibration_part_teaches_the_calibration_alone(tmp_path, kind):
    changes = {"calibrate": {"method": "sigmoid", "part": "extra"}, "threshold": COST}
    true, document = learned(tmp_path / "true", inputs_of(tmp_path / "a", columns()), kind, **changes)
    flipped = inputs_of(tmp_path / "b", poisoned(range(120, 180), "y"))
    other, _ = learned(tmp_path / "other", flipped, kind, **changes)
    assert {key for key in true if other[key] != true[key]} == {"calibration"}
    assert document["threshold"] == 0.25


def context_of(folder: Path, inputs: dict[str, Path], config: dict) -> StageContext:
    return StageContext("plain-search", "search", "plain", config, folder, inputs, folder / "out", folder / "resume")


def test_a_fold_learns_nothing_from_the_rows_that_it_is_judged_on(tmp_path):
    config = fit_config(FEATURES, LABEL, "sklearn.LogisticRegression")
    context = context_of(tmp_path, inputs_of(tmp_path / "a", columns()), config)
    reader = PartReader(context)
    learning = reader.learning("train")
    folds = cv_folds(reader, learning, "train", {"method": "folds", "folds": 3, "stratify": "y"}, 1)
    plain = fold_data(reader, learning, folds, tmp_path)
    for number, (_, judging) in enumerate(folds):
        rows = [int(row) for row in judging]  # the part begins at row 0
        other = PartReader(context_of(tmp_path, inputs_of(tmp_path / f"p{number}", poisoned(rows, "x", "team", "y")), config))
        found = fold_data(other, other.learning("train"), [folds[number]], tmp_path)[0]
        assert found.fitting.numbers.tobytes() == plain[number].fitting.numbers.tobytes()
        labels = PartReader(context_of(tmp_path, inputs_of(tmp_path / f"l{number}", poisoned(rows, "y")), config))
        found = fold_data(labels, labels.learning("train"), [folds[number]], tmp_path)[0]
        assert found.judging.numbers.tobytes() == plain[number].judging.numbers.tobytes()


def test_out_of_fold_scores_come_from_models_that_did_not_see_the_row(tmp_path):
    config = fit_config(FEATURES, LABEL, "sklearn.DecisionTreeClassifier")
    noise = columns() | {"y": ["yes" if value else "no" for value in np.random.default_rng(8).random(N) < 0.5]}
    context = context_of(tmp_path, inputs_of(tmp_path / "a", noise), config)
    reader = PartReader(context)
    learning = reader.learning("train")
    recipe = Recipe("sklearn.DecisionTreeClassifier", {}, FEATURES, "encode", lambda fold: 0, "plain")
    right = []
    for number, fold in enumerate(train.stage._folds(context, learning)):
        scores = predict_fold(recipe, learning, fold, number)
        right += ((scores >= 0.5) == (learning.target.y[fold[1]] == 1)).tolist()
    assert len(right) == 120
    assert 0.3 < np.mean(right) < 0.7  # a tree knows every row that it has seen
    # calibrated on what it had seen it would be certain; out of fold it learns that it knows nothing
    _, document = learned_tree(tmp_path, config, context.inputs())
    assert all(0.2 < value < 0.8 for value in document["calibration"]["curves"][0]["y"][1:-1] or [0.5])


@pytest.mark.parametrize("kind", ["fit", "search"])
def test_a_threshold_without_calibration_is_chosen_out_of_fold(tmp_path, kind):
    noise = columns() | {"y": ["yes" if value else "no" for value in np.random.default_rng(8).random(N) < 0.5]}
    inputs = inputs_of(tmp_path / "a", noise)
    tree = {"name": "tree", "estimator": "sklearn.DecisionTreeClassifier", "params": {}, "space": {}}
    config = {"threshold": {"method": "cost_ratio", "false_pos": 1.0, "false_neg": 20.0}, "families": [tree]}
    changes = config | ({"estimator": "sklearn.DecisionTreeClassifier"} if kind == "fit" else {"trials": 2})
    _, document = learned(tmp_path / "t", inputs, kind, **changes)
    # on rows that it has seen the tree errs nowhere and 1 costs nothing; on others it knows nothing, and a miss costs most
    assert document["threshold"] == 0.0


def learned_tree(folder: Path, config: dict, inputs) -> tuple[Path, dict]:
    out = run_stage_function(train.run, folder, "fit", config | {"calibrate": {"method": "isotonic"}}, inputs, block="plain")
    return out, json.loads((out / "package" / "package.json").read_bytes())


def test_target_rate_leaves_out_the_rows_own_fold_and_its_group(tmp_path):
    inputs = inputs_of(tmp_path / "a", columns())
    config = fit_config(FEATURES, LABEL, "sklearn.LogisticRegression", group="team")
    learning = PartReader(context_of(tmp_path, inputs, config)).learning("train")
    _, matrix = fit_transform(FEATURES, learning.columns, learning.target)
    place = matrix.names.index("risk")
    fold_of = learning.target.folds(5)
    y = learning.target.y
    # the group is the category, so no row of it lies outside its fold: each row gets the prior of the other folds
    for row in range(len(learning)):
        assert matrix.numbers[row, place] == pytest.approx(y[fold_of != fold_of[row]].mean(), abs=1e-12)


def test_best_is_refitted_on_the_whole_part(tmp_path):
    inputs = inputs_of(tmp_path / "a", columns())
    _, document = learned(tmp_path / "s", inputs, "search", calibrate={"method": "sigmoid"}, threshold=COST)
    package = load_package(tmp_path / "s" / "out-plain-search" / "package")
    reader = PartReader(context_of(tmp_path, inputs, fit_config(FEATURES, LABEL, "sklearn.LogisticRegression")))
    learning = reader.learning("train")
    transform, matrix = fit_transform(FEATURES, learning.columns, learning.target)
    assert package.transform.to_json()["features"] == json.loads(json.dumps(transform.to_json()["features"]))
    estimator = build_estimator("sklearn.LogisticRegression", document["estimator"]["params"], 0)
    fit_estimator(estimator, matrix.numbers, learning.target)
    expected = predict(estimator, matrix.numbers, learning.target)
    np.testing.assert_allclose(package.raw_scores(matrix.numbers), expected, rtol=1e-9)
    assert package.threshold == 0.25  # on calibrated scores: c_fp / (c_fp + c_fn)
    assert document["calibration"]["method"] == "sigmoid"


def test_a_seed_is_what_it_is_for(tmp_path, monkeypatch):
    text = "\x1f".join(("7", "plain", "fit", "3", "1", "None"))
    wanted = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    assert derive_seed(7, "plain", "fit", trial=3, fold=1) == wanted
    marks = tmp_path / "marks"
    marks.mkdir()
    whole = search.stage.judge_fold

    def noted(family, params, fold, objective, seed, where):
        (marks / str(seed)).touch()
        return whole(family, params, fold, objective, seed, where)

    monkeypatch.setattr(search.stage, "judge_fold", noted)
    inputs = inputs_of(tmp_path / "a", columns())
    learned(tmp_path / "s", inputs, "search")
    wanted = {str(derive_seed(7, "plain", "fit", trial=trial, fold=fold)) for trial in range(1, 5) for fold in range(3)}
    assert {mark.name for mark in marks.iterdir()} == wanted


def test_a_reference_is_the_part_that_it_names(tmp_path):
    inputs = inputs_of(tmp_path / "a", columns())
    learned(tmp_path / "m", inputs, "fit")
    given = {**inputs, "package": tmp_path / "m" / "out-plain-fit" / "package"}
    config = {"part": "extra", "features": FEATURES, "label": {**LABEL, "classes": []}, "min_cell": 10}
    out = run_stage_function(run_reference, tmp_path / "r", "reference", config, given, block="watch")
    document = json.loads((out / "reference" / "reference.json").read_bytes())
    assert (document["part"], document["rows"]) == ("extra", 60)
    assert document["label"]["classes"] == ["no", "yes"]  # left open by the spec, learned by the package
    # before fill: the nulls of the part are still nulls
    nulls = sum(value is None for value in columns()["x"][120:180])
    assert nulls > 0
    assert sum(document["features"]["x"]["counts"]) == 60 - nulls
