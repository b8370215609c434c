"""Studies and packages of every library are equal whatever the workers, the hash seed, the time zone and the threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from package_tables import HALF, INCOME, ROOT, census

FAMILIES = {
    "lightgbm.LGBMClassifier": {"n_estimators": {"dist": "int", "low": 5, "high": 20}, "subsample": {"dist": "uniform", "low": 0.5, "high": 1.0}},
    "xgboost.XGBClassifier": {"n_estimators": {"dist": "int", "low": 5, "high": 20}, "subsample": {"dist": "uniform", "low": 0.5, "high": 1.0}},
    "sklearn.HistGradientBoostingClassifier": {"max_iter": {"dist": "int", "low": 5, "high": 20}},
    "sklearn.LogisticRegression": {"C": {"dist": "loguniform", "low": 1e-2, "high": 1e2}},
    "sklearn.RandomForestClassifier": {"n_estimators": {"dist": "int", "low": 5, "high": 20}},
}  # fmt: skip
PARAMS = {"lightgbm.LGBMClassifier": {"subsample_freq": 1}}

SCRIPT = """
import json, sys
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[1])
from mlspec.runtime import files
from mlspec.runtime.search import run
from tests.support.stages import run_stage_function
inputs = {name: Path(path) for name, path in json.loads(sys.argv[3]).items()}
found = {}
for name, config in json.loads(sys.argv[2]).items():
    out = run_stage_function(run, Path(sys.argv[4]) / name, "search", config, inputs, block="tune", workers=int(sys.argv[5]))
    found[name] = files.sha256_files(out)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def two_places(tmp_path_factory) -> list[dict[str, dict[str, str]]]:
    """Digests of every family's study and package, made with 1 worker here and with 3 elsewhere."""
    folder = tmp_path_factory.mktemp("places")
    inputs, features = census(folder, 900)
    configs = {name: config_of(name, space, features) for name, space in FAMILIES.items()}
    paths = json.dumps([str(Path(__file__).parent), str(ROOT)])
    given = json.dumps({name: str(path) for name, path in inputs.items()})
    places = (
        ("1", {"PYTHONHASHSEED": "1", "TZ": "UTC", "OMP_NUM_THREADS": "1", "LC_ALL": "C"}),
        ("3", {"PYTHONHASHSEED": "987", "TZ": "Asia/Kathmandu", "OMP_NUM_THREADS": "4", "LC_ALL": "C.UTF-8"}),
    )
    found = []
    for workers, variables in places:
        command = [sys.executable, "-c", SCRIPT, paths, json.dumps(configs), given, str(folder / workers), workers]
        done = subprocess.run(command, env={**os.environ, **variables}, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    return found


def config_of(name: str, space: dict, features: list) -> dict:
    return {
        "name": "tune", "features": features, "label": INCOME, "part": "train", "group": None, "seed": 3,
        "calibrate": {"method": "sigmoid"}, "threshold": HALF, "unknown": "encode",
        "cv": {"method": "folds", "folds": 2, "stratify": "income"}, "engine": {"name": "hyperopt", "algorithm": "tpe"},
        "objective": {"metric": "auc", "direction": "maximize"}, "trials": 4, "parallel": 3, "time_limit": None, "pruner": None,
        "families": [{"name": "only", "estimator": name, "params": PARAMS.get(name, {}), "space": space}],
    }  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_a_study_and_its_package_are_equal_everywhere(two_places, name):
    one, other = two_places
    assert any(path.startswith("package/") for path in one[name])
    assert one[name] == other[name]
