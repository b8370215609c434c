"""A champion from registration to rollback, by the command line: on the SQLite store of a project, and on a real `mlflow server`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec.conformance import data
from mlspec.runtime.track.mlflow_store import mlflow_at
from tests.support.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("mlflow")]
pytest.importorskip("mlflow", reason="pip install 'mlspec-lang[track]'")

SUITE = Path(__file__).parents[2] / "mlspec/conformance/suite"
LIVE = 'model live = registry("shop", alias: "champion", if_absent: skip)\n\ngates release {'
EDITS = (
    ("spec gates_pass {", "spec shop {"),
    ("gates release {", LIVE),
    ("  useful := ", "  no_regression := auc(candidate) - auc(live) >= -5pp\n  useful := "),
)
ENVIRONMENT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tracking server with a registry and its own artifacts, in the lightest shape that it has."""
    folder = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
               "--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "artifacts")]  # fmt: skip
    quiet = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log.txt").open("wb") as told:
        process = subprocess.Popen(command, env=quiet, cwd=folder, stdout=told, stderr=told, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder / "log.txt")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes], told: Path) -> None:
    end = time.monotonic() + 240
    while time.monotonic() < end:
        assert process.poll() is None, told.read_text()
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"no server after 240 s: {told.read_text()}")


def shop(folder: Path, uri: str | None = None) -> Project:
    """The visits of the suite, with a gate that compares with the champion."""
    project = object.__new__(Project)
    (folder / "data").mkdir(parents=True)
    (folder / "data/visits.csv").write_text(data.as_csv())
    (folder / "mlspec.toml").write_text("")
    project.folder, project.spec = folder, folder / "shop.mlspec"
    project.spec.write_text((SUITE / "gates_pass.mlspec").read_text())
    for old, new in EDITS:
        project.edit(old, new)
    if uri is not None:
        project.edit("  seed = 1\n", f'  seed = 1\n  tracking = mlflow(uri: "{uri}", experiment: "visits")\n')
    return project


def said(project: Project, *arguments: str, code: int = 0) -> str:
    done = project.mlspec(*arguments, env=ENVIRONMENT)
    assert done.code == code, done.text
    return done.out


def gate(project: Project, name: str = "no_regression") -> dict[str, object]:
    (found,) = [gate for gate in project.summary["verdicts"]["release"]["gates"] if gate["name"] == name]
    return dict(found)


@pytest.mark.parametrize("where", ["sqlite", "server"])
def test_a_champion_from_registration_to_rollback(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    uri = request.getfixturevalue("server") if where == "server" else None
    project = shop(tmp_path / "shop", uri)
    assert "MLS813" in project.mlspec("promote", "shop.mlspec", env=ENVIRONMENT).text, "nothing is released yet"

    said(project, "run", "shop.mlspec")
    assert (gate(project)["status"], project.summary["leaves"]["live-fetch"]) == ("skipped", {"shop@champion": "absent"})
    first = project.summary["verdicts"]["release"]["packages"]["line"]
    moved = json.loads(said(project, "promote", "shop.mlspec", "--reason", "the first one", "--format", "json"))
    assert (moved["alias"], moved["before"], moved["after"], moved["package"]) == ("champion", None, "1", first)

    # Other features: the champion is scored by its own.
    project.edit("  amount := scale(visits.amount)\n", "  money := scale(visits.amount)\n  minutes := scale(visits.minutes)\n")
    plan = json.loads(said(project, "plan", "shop.mlspec", "--format", "json"))
    (fetch,) = [step for step in plan["steps"] if step["stage"] == "live-fetch"]
    assert (fetch["action"], fetch["reasons"][0]["where"], fetch["reasons"][0]["new"]) == ("run", "shop@champion", first[:12])
    said(project, "run", "shop.mlspec")
    assert (gate(project)["status"], gate(project)["method"]) == ("passed", "DeLong paired")
    assert project.summary["leaves"]["live-fetch"] == {"shop@champion": first}
    assert project.summary["verdicts"]["release"]["packages"]["live"] == first
    second = project.summary["verdicts"]["release"]["packages"]["line"]
    assert second != first
    assert json.loads(said(project, "promote", "shop.mlspec", "--format", "json"))["after"] == "2"

    # A moved alias judges again, and trains nothing.
    said(project, "run", "shop.mlspec")
    assert {name for name, state in project.states().items() if state == "ran"} >= {"live-fetch", "release-evaluate"}
    assert {state for name, state in project.states().items() if name.endswith(("-fit", "-extract", "-features"))} == {"reused"}

    # A gate that fails releases nothing, so nothing of it is promoted.
    project.edit(">= -5pp", ">= 90pp")
    said(project, "run", "shop.mlspec", code=1)
    refused = project.mlspec("promote", "shop.mlspec", env=ENVIRONMENT)
    assert refused.code == 1 and "MLS813" in refused.text and "no_regression" in refused.text

    back = json.loads(said(project, "rollback", "shop.mlspec", "--format", "json"))
    assert (back["before"], back["after"], back["package"]) == ("2", "1", first)
    assert "MLS836" in project.mlspec("rollback", "shop.mlspec", env=ENVIRONMENT).text
    events = [record["event"] for record in json.loads(said(project, "audit", "--format", "json"))["records"]]
    assert [event for event in events if event != "run"] == ["promote", "promote", "rollback"]
    assert "unbroken" in said(project, "audit", "verify")
    listed = json.loads(said(project, "show", "--format", "json"))["runs"]
    assert [run["passed"] for run in listed] == [False, True, True, True]
    compared = json.loads(said(project, "show", "--compare", "1", "2", "--format", "json"))
    assert {"stage": "live-fetch", "name": "shop@champion", "old": "absent", "new": first} in compared["data"]
    _look(project, uri, first)


def _look(project: Project, uri: str | None, first: str) -> None:
    """What MLflow's own client sees: the version in the run that tracked it, with lineage; and the model loads."""
    with mlflow_at(project.folder, uri, "spec.tracking") as (mlflow, client):
        version = client.get_model_version_by_alias("shop", "champion")
        assert (version.version, version.tags["mlspec.package"]) in ((1, first), ("1", first))
        run = client.get_run(version.run_id)
        assert run.data.tags["mlspec.package.line"] == first
        assert run.data.tags["mlspec.gates.release"] == "passed"
        assert run.data.tags["mlspec.spec_digest"] == version.tags["mlspec.spec_digest"]
        model = mlflow.pyfunc.load_model("models:/shop@champion")
        answer = model.predict(model.input_example)
        assert list(answer.columns) == ["score", "decision"]


AGAIN = """model live = registry("shop", alias: "champion")

gates release {
  candidate = live
  firm := robustness(live, noise: 5%) >= 50%"""
ANSWERS = """
score batch {
  model = live
  gate = release
  input = csv("data/visits.csv")
  keys = [visits.visit]
  output = csv("scores.csv")
}
"""


def test_a_spec_that_makes_nothing_of_it_releases_and_answers_with_the_champion(tmp_path: Path) -> None:
    """It is locked by the run: an alias that moves later changes no answer."""
    project = shop(tmp_path / "shop")
    said(project, "run", "shop.mlspec")
    said(project, "promote", "shop.mlspec")
    first = project.summary["verdicts"]["release"]["packages"]["line"]
    text = (SUITE / "gates_pass.mlspec").read_text().replace("gates release {\n  candidate = line", AGAIN)
    start, end = text.index("model line {"), text.index("model live =")
    other = project.folder / "again.mlspec"
    other.write_text((text[:start] + text[end:]).replace("(line", "(live").replace("spec gates_pass", "spec again") + ANSWERS)
    said(project, "run", "again.mlspec")
    assert project.summary["verdicts"]["release"]["packages"]["live"] == first
    assert gate(project, "firm")["status"] == "passed"
    said(project, "score", "again.mlspec")
    answers = (project.folder / "scores.csv").read_text()

    project.edit("  amount := scale(visits.amount)\n", "  money := scale(visits.amount)\n  minutes := scale(visits.minutes)\n")
    said(project, "run", "shop.mlspec")
    said(project, "promote", "shop.mlspec")
    said(project, "score", "again.mlspec")
    assert (project.folder / "scores.csv").read_text() == answers, "the alias moved, and what was released answers"
    said(project, "run", "again.mlspec")
    assert project.summary["verdicts"]["release"]["packages"]["live"] != first
    said(project, "score", "again.mlspec")
    assert (project.folder / "scores.csv").read_text() != answers


def test_a_server_that_is_down_loses_nothing(tmp_path: Path) -> None:
    """Without a gate that reads the registry the run goes to its end: models, verdict and report are there, and can be served."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uri = f"http://127.0.0.1:{listener.getsockname()[1]}"
    project = shop(tmp_path / "shop", uri)
    stopped = project.mlspec("run", "shop.mlspec", env=ENVIRONMENT)
    assert stopped.code == 74 and "MLS809" in stopped.text and uri in stopped.text, "a gate reads it: known before anything ran"
    assert not (tmp_path / "shop/.mlspec/runs").exists()

    project.edit(EDITS[2][1], EDITS[2][0])
    project.edit(LIVE, "gates release {")
    begin = time.monotonic()
    ended = project.mlspec("run", "shop.mlspec", env=ENVIRONMENT)
    assert time.monotonic() - begin < 120
    assert ended.code == 74 and "the MLflow server does not answer" in ended.text and "run again" in ended.text
    states = project.states()
    assert {name for name, state in states.items() if state == "failed"} == {"run-track"}
    assert {name for name, state in states.items() if state == "not-run"} == {"run-register"}
    assert project.summary["verdicts"]["release"]["passed"]
    assert states["run-report"] == "ran"
    project.edit(f'  tracking = mlflow(uri: "{uri}", experiment: "visits")\n', "")
    said(project, "run", "shop.mlspec")
    assert {name for name, state in project.states().items() if state == "ran"} == {"run-track", "run-register"}
