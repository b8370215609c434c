"""The `fit` stage on real data, end to end into a loaded package."""

from __future__ import annotations

import json

import numpy as np
import pytest
from package_tables import INCOME, census, fit_config

from mlspec.runtime.evaluate.metrics import score
from mlspec.runtime.package import load_package
from mlspec.runtime.train import run
from tests.support.stages import run_stage_function


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
    out = run_stage_function(run, tmp_path, "fit", fit_config(features, INCOME, estimator, params=params), inputs, block="plain")
    package = load_package(out / "package")
    assert package.engine == engine
    import pyarrow.parquet as pq

    rows = pq.read_table(inputs["rows"] / "rows.parquet").to_pylist()
    held = [row for row in rows if row["__row"] % 10 >= 7]
    scores = package.score(held)
    y = np.array([row["income"] == ">50K" for row in held], dtype=np.int64)
    auc = score("auc", y, scores.score)
    assert auc == 0.5 if engine == "constant" else auc > least
    assert set(scores.decision) <= {"<=50K", ">50K"}
    example = json.loads((out / "package" / "example.json").read_bytes())
    assert package.score([example]).score.shape == (1,)
