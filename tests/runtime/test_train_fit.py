"""The `fit` stage on real data, end to end into a loaded package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from package_tables import FILL_TEXT, HALF, INCOME, ONEHOT, ROOT, SCALE, census, feature, fit_config, stage_inputs

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.metrics import score
from mlspec.runtime.package import load_package
from mlspec.runtime.train import run
from tests.support.stages import run_stage_function

FILL = {"op": "fill", "with": "median", "flag": True}


@pytest.mark.parametrize(
    ("estimator", "engine", "least"),
    [
        ("sklearn.LogisticRegression", "onnx", 0.87),
        ("sklearn.HistGradientBoostingClassifier", "onnx", 0.87),
        ("sklearn.RandomForestClassifier", "onnx", 0.85),
        ("sklearn.KNeighborsClassifier", "skops", 0.80),
        ("lightgbm.LGBMClassifier", "lightgbm", 0.87),
        ("xgboost.XGBClassifier", "xgboost", 0.87),
        ("sklearn.DummyClassifier", "constant", 0.5),
    ],
)
def test_every_engine_scores_held_out_rows(tmp_path, estimator, engine, least):
    inputs, features = census(tmp_path)
    params = {"n_estimators": 20} if "Forest" in estimator else {}
    out = run_stage_function(
        run, tmp_path, "fit", fit_config(features, INCOME, estimator, params=params), inputs, block="plain"
    )
    package = load_package(out / "package")
    assert package.engine == engine
    rows = pq.read_table(inputs["rows"] / "rows.parquet").to_pylist()
    held = [row for row in rows if row["__row"] % 10 >= 7]
    scores = package.score(held)
    y = np.array([row["income"] == ">50K" for row in held], dtype=np.int64)
    auc = score("auc", y, scores.score)
    assert auc == 0.5 if engine == "constant" else auc > least
    assert set(scores.decision) <= {"<=50K", ">50K"}
    example = json.loads((out / "package" / "example.json").read_bytes())
    assert package.score([example]).score.shape == (1,)


def fitted(tmp_path, inputs, config):
    return load_package(run_stage_function(run, tmp_path, "fit", config, inputs, block="plain") / "package")


def held_out(inputs, keep):
    return [row for row in pq.read_table(inputs["rows"] / "rows.parquet").to_pylist() if keep(row["__row"])]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return census(tmp_path_factory.mktemp("census"))


def test_a_request_a_batch_and_a_single_row_give_the_same_bits(tmp_path, people):
    inputs, features = people
    package = fitted(tmp_path, inputs, fit_config(features, INCOME, "sklearn.HistGradientBoostingClassifier"))
    assert package.manifest.rows == "batch"
    assert package.manifest.proof["rows"] == 900
    rows = held_out(inputs, lambda row: row % 10 >= 7)
    values = pq.read_table(inputs["values"] / "rows.parquet").filter(pa.array([row % 10 >= 7 for row in range(3000)]))
    arrays = {name[2:]: values[name].to_numpy(zero_copy_only=False) for name in values.column_names if name.startswith("f.")}
    batch = package.score_values(arrays).score
    assert package.score(rows).score.tobytes() == batch.tobytes()
    assert b"".join(package.score([row]).score.tobytes() for row in rows[:50]) == batch[:50].tobytes()


def test_penguins_have_a_score_for_each_species(tmp_path):
    data = pa.csv.read_csv(ROOT / "specs/data/penguins.csv", convert_options=pa.csv.ConvertOptions(strings_can_be_null=True))
    names = ["species", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "sex"]
    kinds = dict(zip(names, ["category", "float?", "float?", "float?", "category?"], strict=True))
    columns = {name: data[name].combine_chunks() for name in names}
    columns |= {name: columns[name].cast(pa.float64()) for name in names[1:4]}
    descriptors = [{"name": name, "type": kind.strip("?"), "optional": kind.endswith("?")} for name, kind in kinds.items()]
    features = [feature(name, kinds[name], FILL, SCALE) for name in names[1:4]] + [
        feature("sex", "category?", FILL_TEXT, ONEHOT)
    ]
    parts = {"train": [row for row in range(344) if row % 5 < 3], "holdout": [row for row in range(344) if row % 5 >= 3]}
    inputs = stage_inputs(tmp_path, columns, descriptors, features, parts)
    label = {"column": "species", "task": "multiclass", "classes": ["Adelie", "Chinstrap", "Gentoo"], "positive": None,
             "favourable": None, "type": "category"}  # fmt: skip
    for estimator in (
        "sklearn.LogisticRegression",
        "sklearn.RandomForestClassifier",
        "lightgbm.LGBMClassifier",
        "xgboost.XGBClassifier",
    ):
        config = fit_config(features, label, estimator, calibrate={"method": "isotonic"})
        package = fitted(tmp_path / estimator, inputs, config)
        rows = held_out(inputs, lambda row: row % 5 >= 3)
        found = package.score(rows)
        assert found.score.shape == (len(rows), 3)
        np.testing.assert_allclose(found.score.sum(axis=1), 1.0)
        right = sum(decision == row["species"] for decision, row in zip(found.decision, rows, strict=True))
        assert right / len(rows) > 0.94, estimator


def test_flights_are_a_number_with_nulls_and_target_rates(tmp_path):
    data = pq.read_table(ROOT / "specs/data/flights.parquet").slice(0, 2500)
    kinds = {"dep_delay": "int", "dest": "category", "seats": "float?", "sched_dep_hour": "int", "arr_delay": "int"}
    columns = {name: data[name].combine_chunks() for name in kinds}
    descriptors = [{"name": name, "type": kind.strip("?"), "optional": kind.endswith("?")} for name, kind in kinds.items()]
    rate = {"op": "target_rate", "smoothing": 50.0, "folds": 5}
    features = [feature("dep_delay", "int", SCALE), feature("dest", "category", rate), feature("seats", "float?", FILL, SCALE)]
    circle = ["call", "cyclic", [["col", "sched_dep_hour", "int"]], {"period": ["lit", 24.0, "float"]}]
    features.append(feature("hour", "vector", value=circle))
    inputs = stage_inputs(tmp_path, columns, descriptors, features, {"train": range(1800), "holdout": range(1800, 2500)})
    label = {"column": "arr_delay", "task": "regression", "classes": [], "positive": None, "favourable": None, "type": "int"}
    rows = held_out(inputs, lambda row: row >= 1800)
    y = np.array([row["arr_delay"] for row in rows], dtype=float)
    for estimator in (
        "sklearn.Ridge",
        "sklearn.HistGradientBoostingRegressor",
        "lightgbm.LGBMRegressor",
        "xgboost.XGBRegressor",
    ):
        package = fitted(tmp_path / estimator, inputs, fit_config(features, label, estimator))
        found = package.score(rows)
        assert (package.threshold, package.positive, package.classes) == (None, None, ())
        assert found.decision == found.score.tolist()
        assert score("r2", y, found.score, task="regression") > 0.6, estimator


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
@pytest.mark.parametrize("part", [None, "extra"])
def test_calibration_and_cost_ratio(tmp_path, people, method, part):
    inputs, features = people
    parts = pq.read_table(inputs["parts"] / "rows.parquet").to_pydict()
    named = ["extra" if row % 10 == 9 else name for row, name in zip(parts["__row"], parts["part"], strict=True)]
    (tmp_path / "parts").mkdir()
    pq.write_table(pa.table({"__row": parts["__row"], "part": named}), tmp_path / "parts" / "rows.parquet")
    threshold = {"method": "cost_ratio", "false_pos": 1.0, "false_neg": 4.0}
    calibrate = {"method": method} | ({"part": part} if part else {})
    raw = fit_config(features, INCOME, "sklearn.GaussianNB")
    crooked = fitted(tmp_path / "raw", inputs | {"parts": tmp_path / "parts"}, raw)
    package = fitted(
        tmp_path / "calibrated", inputs | {"parts": tmp_path / "parts"}, raw | {"calibrate": calibrate, "threshold": threshold}
    )
    assert package.threshold == 0.2
    rows = held_out(inputs, lambda row: row % 10 in (7, 8))
    y = np.array([row["income"] == ">50K" for row in rows], dtype=np.int64)
    before, after = (score("calibration_error", y, loaded.score(rows).score) for loaded in (crooked, package))
    assert after < before / 2
    assert score("log_loss", y, package.score(rows).score) < score("log_loss", y, crooked.score(rows).score)


def test_a_threshold_that_maximises_a_metric_beats_one_half(tmp_path, people):
    inputs, features = people
    base = fit_config(features, INCOME, "sklearn.LogisticRegression")
    package = fitted(tmp_path / "best", inputs, base | {"threshold": {"method": "maximize", "metric": "balanced_accuracy"}})
    half = fitted(tmp_path / "half", inputs, base)
    rows = held_out(inputs, lambda row: row % 10 >= 7)
    y = np.array([row["income"] == ">50K" for row in rows], dtype=np.int64)

    def balanced(loaded):
        found = loaded.score(rows)
        decision = np.array([value == ">50K" for value in found.decision], dtype=np.int64)
        return score("balanced_accuracy", y, found.score, decision)

    assert package.threshold < 0.5
    assert balanced(package) > balanced(half) + 0.02


SCRIPT = """
import json, sys
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[1])
from mlspec.runtime import files
from mlspec.runtime.train import run
from tests.support.stages import run_stage_function
inputs = {name: Path(path) for name, path in json.loads(sys.argv[3]).items()}
out = run_stage_function(run, Path(sys.argv[4]), "fit", json.loads(sys.argv[2]), inputs, block="plain")
print(json.dumps(files.sha256_files(out)))
"""


@pytest.mark.parametrize(
    "estimator",
    [
        "sklearn.LogisticRegression",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("sklearn.KNeighborsClassifier", "lightgbm.LGBMClassifier")),
    ],
)
def test_a_fresh_process_writes_the_same_bytes(tmp_path, people, estimator):
    inputs, features = people
    paths = json.dumps([str(Path(__file__).parent), str(ROOT)])
    given = json.dumps({name: str(folder) for name, folder in inputs.items()})
    found = []
    for seed in ("1", "2"):
        command = [
            sys.executable,
            "-c",
            SCRIPT,
            paths,
            json.dumps(fit_config(features, INCOME, estimator)),
            given,
            str(tmp_path / seed),
        ]
        variables = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": "Asia/Tokyo" if seed == "2" else "UTC",
            "OMP_NUM_THREADS": seed,
        }
        found.append(subprocess.run(command, env=variables, check=True, capture_output=True, text=True).stdout)
    assert json.loads(found[0]) == json.loads(found[1])


def test_an_onnx_package_loads_without_pandas_and_scikit_learn(tmp_path, people):
    inputs, features = people
    fitted(tmp_path, inputs, fit_config(features, INCOME, "sklearn.LogisticRegression"))
    folder = next(tmp_path.rglob("package.json")).parent
    script = """
import json, sys
from pathlib import Path
from mlspec.runtime.package import load_package
package = load_package(Path(sys.argv[1]))
package.score([json.loads((Path(sys.argv[1]) / "example.json").read_text())])
print(sorted({"pandas", "sklearn", "duckdb", "pyarrow", "scipy", "skl2onnx"} & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"part": "nowhere"}, "MLS816"),
        ({"estimator": "sklearn.NoSuchThing"}, "MLS101"),
        ({"params": {"C": -1.0}}, "MLS814"),
        ({"params": {"depth": 3}}, "MLS208"),
        ({"estimator": "sklearn.RidgeClassifier"}, "MLS212"),
        ({"label": {**INCOME, "classes": ["<=50K", ">50K", ">1M"]}}, "MLS816"),
        (
            {
                "features": [feature("workclass", "category?", ONEHOT), feature("age", "int")],
                "label": {**INCOME, "column": "agee"},
            },
            "MLS105",
        ),
        ({"estimator": "sklearn.DummyClassifier", "params": {"strategy": "stratified"}}, "MLS208"),
        ({"threshold": {"method": "maximize", "metric": "auc"}}, "MLS209"),
    ],
)
def test_a_fit_that_cannot_be_says_so(tmp_path, people, change, code):
    inputs, features = people
    with pytest.raises(StageError) as caught:
        fitted(tmp_path, inputs, fit_config(features, INCOME, "sklearn.LogisticRegression") | change)
    assert caught.value.code == code
    assert caught.value.message


def test_null_that_reaches_an_estimator_without_a_place_for_it(tmp_path):
    columns = {"x": pa.array([1.0, None, 3.0, 4.0] * 10), "y": pa.array(["a", "b"] * 20)}
    descriptors = [{"name": "x", "type": "float", "optional": True}, {"name": "y", "type": "category", "optional": False}]
    features = [feature("x", "float?")]
    inputs = stage_inputs(tmp_path, columns, descriptors, features, {"train": range(30), "holdout": range(30, 40)})
    label = {"column": "y", "task": "binary", "classes": [], "positive": "b", "favourable": "b", "type": "category"}
    with pytest.raises(StageError) as caught:
        fitted(tmp_path / "a", inputs, fit_config(features, label, "sklearn.LogisticRegression", threshold=HALF))
    assert caught.value.code == "MLS204"
    assert "`x`" in caught.value.found
    package = fitted(tmp_path / "b", inputs, fit_config(features, label, "sklearn.HistGradientBoostingClassifier"))
    assert package.classes == ("a", "b")
    assert package.score([{"x": None}]).score.shape == (1,)
    assert files.sha256_files(package.folder)


def test_a_classifier_of_distances_becomes_one_of_probabilities_by_calibration(tmp_path, people):
    inputs, features = people
    config = fit_config(features, INCOME, "sklearn.LinearSVC", calibrate={"method": "sigmoid"})
    package = fitted(tmp_path, inputs, config)
    rows = held_out(inputs, lambda row: row % 10 >= 7)
    y = np.array([row["income"] == ">50K" for row in rows], dtype=np.int64)
    found = package.score(rows).score
    assert package.engine == "skops"
    assert score("auc", y, found) > 0.87
    assert score("calibration_error", y, found) < 0.05
    with pytest.raises(StageError) as caught:
        fitted(tmp_path / "raw", inputs, config | {"calibrate": None})
    assert caught.value.code == "MLS212"
    assert "calibrate" in caught.value.help
