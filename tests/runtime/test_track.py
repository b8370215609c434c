"""MLflow for real: a fitted package registered, loaded back through our loader, and equal; findings logged once."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from package_tables import FILL_TEXT, INCOME, ONEHOT, SCALE, census, feature, fit_config, stage_inputs

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.package import load_package
from mlspec.runtime.track import loader, registration, tracking
from mlspec.runtime.track.lineage import git_tags
from mlspec.runtime.track.mlflow_store import mlflow_at, store_uri
from mlspec.runtime.train import run as fit
from tests.support.stages import run_stage_function

# MLflow and what it imports warn of their own use of older interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")

NAME = {"name": "census_income", "aliases": ["candidate", "latest_good"], "uri": None}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tmp_path = tmp_path_factory.mktemp("track")
    inputs, features = census(tmp_path, limit=800)
    out = run_stage_function(
        fit, tmp_path, "fit", fit_config(features, INCOME, "sklearn.LogisticRegression"), inputs, block="plain"
    )
    package = out / "package"
    verdict = tmp_path / "verdict"
    verdict.mkdir()
    found = {"passed": True, "gates": [], "packages": {"plain": digest_of(files.sha256_files(package))}}
    files.write_json(verdict / "verdict.json", found)
    rows = pq.read_table(inputs["rows"] / "rows.parquet").slice(600, 100)
    return {"package": package, "verdict": verdict, "rows": rows, "tmp": tmp_path}


def registered(world: dict[str, Any], project: Path, **changes: Any) -> dict[str, Any]:
    inputs = {"package": world["package"], "verdict": changes.pop("verdict", world["verdict"])}
    out = run_stage_function(
        registration.run, project, "register", {**NAME, **changes}, inputs, block="run", project_root=project
    )
    return json.loads((out / "registration" / "registration.json").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project for the tests that add to a store: a new one takes seconds to make."""
    return tmp_path_factory.mktemp("project")


def test_a_registered_package_predicts_what_the_package_predicts(world: dict[str, Any], project: Path) -> None:
    record = registered(world, project)
    assert record["package"] == digest_of(files.sha256_files(world["package"]))
    with mlflow_at(project, None, "") as (mlflow, _):
        model = mlflow.pyfunc.load_model("models:/census_income@candidate")
        answer = model.predict(world["rows"].to_pandas().drop(columns=["__row", "income", "sex"]))
    package = load_package(world["package"])
    names = [column["name"] for column in package.columns]
    expected = package.score([{name: row[name] for name in names} for row in world["rows"].to_pylist()])
    assert np.array_equal(answer["score"].to_numpy(), expected.score)
    assert answer["decision"].tolist() == list(expected.decision)
    assert model.metadata.flavors["python_function"]["loader_module"] == "mlspec.runtime.track.loader"
    stored = {path.suffix for path in (project / ".mlspec" / "mlflow-artifacts").rglob("*") if path.is_file()}
    assert not stored & {".pkl", ".pickle", ".joblib", ".cloudpickle"}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_packages_of_every_task_predict_through_mlflow_what_they_predict(tmp_path: Path, project: Path, task: str) -> None:
    """Many classes have a score column each; a regression's score is its decision. The types of columns hold on the way."""
    import pyarrow as pa

    count = 300
    width = np.round(np.sin(np.arange(count) * 1.7) * 3 + 5, 3)
    seen = pa.array([date(2025, 1, 1) + timedelta(days=at % 90) for at in range(count)])
    kind = [None if at % 11 == 0 else ("round", "flat", "long")[at % 3] for at in range(count)]
    y: Any = (
        np.where(width > 6.5, "c", np.where(width > 4, "b", "a")).tolist() if task == "multiclass" else (width * 2 + 1).tolist()
    )
    label = {"column": "y", "task": task, "classes": ["a", "b", "c"] if task == "multiclass" else [], "positive": None,
             "favourable": None, "type": "category" if task == "multiclass" else "float"}  # fmt: skip
    columns = {
        "width": width,
        "kind": pa.array(kind),
        "seen": seen,
        "heavy": pa.array([at % 2 == 0 for at in range(count)]),
        "y": y,
    }
    descriptors = [
        {"name": "width", "type": "float", "optional": False, "range": [0, 9]}, {"name": "kind", "type": "category", "optional": True},
        {"name": "seen", "type": "date", "optional": False}, {"name": "heavy", "type": "bool", "optional": False},
        {"name": "y", "type": label["type"], "optional": False, "tags": ["outcome"]},
    ]  # fmt: skip
    features = [
        feature("width", "float", SCALE), feature("kind", "category?", FILL_TEXT, ONEHOT), feature("heavy", "bool"),
        feature("month", "int", value=["call", "month", [["col", "seen", "date"]], {}]),
    ]  # fmt: skip
    parts = {"train": range(200), "holdout": range(200, count)}
    inputs = stage_inputs(tmp_path, columns, descriptors, features, {name: list(rows) for name, rows in parts.items()})
    estimator = "sklearn.LogisticRegression" if task == "multiclass" else "sklearn.Ridge"
    package = (
        run_stage_function(fit, tmp_path, "fit", fit_config(features, label, estimator), inputs, block="plain") / "package"
    )
    verdict = tmp_path / "verdict"
    verdict.mkdir()
    passed = {"passed": True, "gates": [], "packages": {"plain": digest_of(files.sha256_files(package))}}
    files.write_json(verdict / "verdict.json", passed)
    registered({"package": package, "verdict": verdict}, project, name=f"of_{task}")
    rows = pq.read_table(inputs["rows"] / "rows.parquet").slice(200)
    with mlflow_at(project, None, "") as (mlflow, _):
        model = mlflow.pyfunc.load_model(f"models:/of_{task}@candidate")
        frame = rows.to_pandas().drop(columns=["__row", "y"]).assign(seen=[str(day) for day in rows["seen"].to_pylist()])
        answer = model.predict(frame)
        example = model.input_example
        assert list(model.predict(example).columns) == list(answer.columns)
    loaded = load_package(package)
    names = [column["name"] for column in loaded.columns]
    expected = loaded.score([{name: row[name] for name in names} for row in rows.to_pylist()])
    shown = [f"score.{value}" for value in loaded.classes] if task == "multiclass" else ["score"]
    assert np.array_equal(answer[shown].to_numpy().reshape(expected.score.shape), expected.score)
    assert answer["decision"].tolist() == list(expected.decision)
    assert {column["name"] for column in model.metadata.signature.inputs.to_dict()} == set(names)


def test_the_same_package_is_one_version(world: dict[str, Any], project: Path) -> None:
    assert registered(world, project) == registered(world, project)
    with mlflow_at(project, None, "") as (_, client):
        assert len(client.search_model_versions("name = 'census_income'")) == 1
        assert {int(client.get_model_version_by_alias("census_income", alias).version) for alias in NAME["aliases"]} == {1}


def test_a_package_that_the_gates_did_not_pass_is_not_registered(world: dict[str, Any], tmp_path: Path) -> None:
    for found in ({"passed": False, "packages": json.loads((world["verdict"] / "verdict.json").read_text())["packages"]},
                  {"passed": True, "packages": {"plain": "0" * 64}}):  # fmt: skip
        folder = tmp_path / f"verdict-{found['passed']}"
        folder.mkdir()
        files.write_json(folder / "verdict.json", found)
        with pytest.raises(StageError) as caught:
            registered(world, tmp_path, verdict=folder)
        assert caught.value.code == "MLS815"
    assert not (tmp_path / ".mlspec").exists()


def tracked(world: dict[str, Any], project: Path, auc: float = 0.9, uri: str | None = None) -> dict[str, Any]:
    folder = project / f"metrics-{auc}"
    folder.mkdir(exist_ok=True)
    entry = {"value": auc, "low": auc - 0.01, "high": auc + 0.01, "method": "DeLong", "problem": None}
    label = {"task": "binary", "classes": ["<=50K", ">50K"], "positive": ">50K"}
    files.write_json(folder / "metrics.json", {
        "part": "holdout", "candidate": "plain", "n": 100, "confidence": 0.95, "label": label, "models": {"plain": {"auc": entry}},
        "quantities": {"useful": {"value": auc - 0.01}, "lost": {"value": None}}, "slices": [], "curves": {"plain": {}},
    })  # fmt: skip
    study = project / "study"
    study.mkdir(exist_ok=True)
    trials = [{"number": at, "family": "f", "params": {}, "state": "complete", "value": 0.5 + at / 100} for at in range(1, 4)]
    files.write_json(
        study / "study.json",
        {"objective": {"metric": "auc", "direction": "maximize"}, "trials": trials, "best": trials[-1], "failed": 0},
    )
    checks = project / "checks"
    checks.mkdir(exist_ok=True)
    read = [{"path": "data/census.csv", "digest": "a" * 64, "bytes": 3}]
    files.write_json(checks / "metrics.json", {"checks": [], "files": read})
    inputs = {
        "checks.census": checks,
        "metrics.release": folder,
        "package.plain": world["package"],
        "study.tune": study,
        "verdict.release": world["verdict"],
    }
    config = {"spec": "census_income", "experiment": "income", "uri": uri}
    out = run_stage_function(
        tracking.run, project, "track", config, inputs, block="run", project_root=project, spec_digest="5" * 64
    )
    return json.loads((out / "tracking" / "tracking.json").read_text())


def test_findings_are_logged_once(world: dict[str, Any], project: Path) -> None:
    record = tracked(world, project)
    assert tracked(world, project) == record
    tracked(world, project, auc=0.8)
    with mlflow_at(project, None, "") as (mlflow, client):
        experiment = client.get_experiment_by_name("income")
        runs = [run for run in client.search_runs([experiment.experiment_id]) if record["tag"] in run.data.tags]
        assert len(runs) == 2
        (run,) = [run for run in runs if run.data.tags[record["tag"]] == record["findings"]]
        assert run.info.status == "FINISHED"
        assert run.data.metrics["release.plain.auc"] == 0.9
        assert run.data.metrics["release.plain.auc.low"] == pytest.approx(0.89)
        assert run.data.metrics["release.passed"] == 1.0
        assert "release.gate.lost" not in run.data.metrics
        assert run.data.params["plain.estimator"] == "sklearn.LogisticRegression"
        history = client.get_metric_history(run.info.run_id, "tune.objective")
        assert [(point.step, point.value) for point in history] == [(1, 0.51), (2, 0.52), (3, 0.53)]
        page = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/report/index.html")
        assert "<h1>census_income</h1>" in page
        logged = {item.path for item in client.list_artifacts(run.info.run_id)}
        assert logged == {"checks", "metrics", "report", "study", "verdict"}


def test_every_trial_is_a_run_below_its_own(world: dict[str, Any], project: Path) -> None:
    record = tracked(world, project)
    with mlflow_at(project, None, "") as (_, client):
        (experiment,) = [client.get_experiment_by_name("income").experiment_id]
        (parent,) = client.search_runs([experiment], f"tags.`{record['tag']}` = '{record['findings']}'")
        trials = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    by_number = {int(run.data.tags["mlspec.trial"]): run for run in trials}
    assert sorted(by_number) == [1, 2, 3]
    assert {number: run.data.metrics["objective"] for number, run in by_number.items()} == {1: 0.51, 2: 0.52, 3: 0.53}
    assert {run.data.params["family"] for run in trials} == {"f"}
    assert [number for number, run in by_number.items() if run.data.tags["mlspec.best"] == "true"] == [3]
    assert by_number[2].info.run_name == "tune 2"
    assert {run.info.status for run in trials} == {"FINISHED"}


def test_a_run_says_where_it_comes_from(world: dict[str, Any], project: Path) -> None:
    record = tracked(world, project)
    package = digest_of(files.sha256_files(world["package"]))
    with mlflow_at(project, None, "") as (_, client):
        experiment = client.get_experiment_by_name("income").experiment_id
        (run,) = client.search_runs([experiment], f"tags.`{record['tag']}` = '{record['findings']}'")
    tags = run.data.tags
    assert tags["mlspec.spec_digest"] == "5" * 64
    assert tags["mlspec.package.plain"] == package
    assert tags["mlspec.gates.release"] == "passed"
    assert tags["mlspec.data.census"] == digest_of({"data/census.csv": "a" * 64})
    assert "scikit-learn==" in tags["mlspec.libraries"] or "onnxruntime==" in tags["mlspec.libraries"]
    assert len(tags["mlspec.environment"]) == 64
    (kept,) = run.inputs.dataset_inputs
    assert (kept.dataset.name, json.loads(kept.dataset.source)) == ("census", {"files": {"data/census.csv": "a" * 64}})


def test_the_commit_and_whether_files_differ_from_it_are_tags(tmp_path: Path) -> None:
    assert git_tags(tmp_path) == {}
    for command in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "a"),
    ):
        (tmp_path / "a.txt").write_text("one")
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    found = git_tags(tmp_path)
    assert found["mlspec.git"] == "clean"
    assert len(found["mlflow.source.git.commit"]) == 40
    (tmp_path / "a.txt").write_text("two")
    assert git_tags(tmp_path)["mlspec.git"] == "changed"


def test_a_store_that_cannot_be_reached_is_an_error_without_its_password(world: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        tracked(world, tmp_path, uri="nonsense://user:hunter2@host/db")
    assert caught.value.code == "MLS809"
    assert "hunter2" not in json.dumps(caught.value.to_json())


MAKE_STORE = """
import os, signal, sys, threading, time
from pathlib import Path
from mlspec.runtime.track.mlflow_store import mlflow_at

def kill_while_it_is_made():
    while not any(path.stat().st_size for path in Path(sys.argv[1]).rglob("mlflow.db")):
        time.sleep(0.001)
    time.sleep(float(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=kill_while_it_is_made, daemon=True).start()
with mlflow_at(Path(sys.argv[1]), None, "spec.tracking") as (_, client):
    time.sleep(60)
"""


@pytest.mark.parametrize("moment", [0.0, 0.2])
def test_a_store_killed_while_it_is_made_harms_no_later_start(tmp_path: Path, moment: float) -> None:
    killed = subprocess.run([sys.executable, "-W", "ignore", "-c", MAKE_STORE, str(tmp_path), str(moment)], capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    with mlflow_at(tmp_path, None, "spec.tracking") as (_, client):
        assert client.get_experiment_by_name("Default") is not None
        client.create_experiment("after")


def test_the_store_lies_in_the_project_unless_the_spec_says_otherwise(tmp_path: Path) -> None:
    assert store_uri(tmp_path, None) == f"sqlite:///{tmp_path}/.mlspec/mlflow.db"
    assert store_uri(tmp_path, "sqlite:///tracking/all.db") == f"sqlite:///{tmp_path}/tracking/all.db"
    assert store_uri(tmp_path, "https://tracking.example") == "https://tracking.example"


def test_importing_the_loader_imports_nothing_heavy() -> None:
    program = "import sys, mlspec.runtime.track.loader; print([m for m in ('mlflow', 'pandas', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (float("nan"), "int", "None"), (3.0, "int", "3"), (np.True_, "bool", "True"), (0.1, "decimal", "Decimal('0.1')"),
        ("2025-01-02", "date", "datetime.date(2025, 1, 2)"), (None, "category", "None"), ("a", "category", "'a'"),
        ("2025-01-02T03:04:05Z", "timestamp", "datetime.datetime(2025, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)"),
    ],
)  # fmt: skip
def test_cells_become_request_values(value: Any, kind: str, expected: str) -> None:
    assert repr(loader.plain(value, kind)) == expected
