"""The files under Airflow itself: `dags test` in an environment of its own, against the local target and what a gate must do."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.targets.airflow_world import SALT, airflow_command, returns

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.e2e]


@pytest.fixture(scope="module")
def airflow() -> str:
    return airflow_command()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return returns(tmp_path_factory.mktemp("returns")).parent


def run(project: Path, target: str, *more: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "mlspec", "run", "returns.mlspec", "--target", target, "--format", "json", *more]
    environment = {**os.environ, "RETURNS_SALT": SALT}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def logged(project: Path, number: str) -> str:
    return (project / ".mlspec" / "airflow" / "runs" / number / "log.txt").read_text()


@pytest.fixture(scope="module")
def first(project: Path, airflow: str) -> dict[str, Any]:
    code, body = run(project, "airflow", "--option", f"airflow={airflow}")
    assert code == 0, body
    return body


def test_a_run_passes_and_every_stage_ran(first: dict[str, Any]) -> None:
    assert first["passed"] is True and first["errors"] == []
    assert set(first["stages"].values()) == {"ran"}


def test_its_artifacts_are_those_of_the_local_target(first: dict[str, Any], project: Path) -> None:
    code, local = run(project, "local")
    assert code == 0, local
    store = project / ".mlspec" / "store"
    wanted = {}
    for path in (store / "stages").glob("*.json"):
        manifest = json.loads(path.read_bytes())
        wanted |= {f"{manifest['stage']}/{name}": output["digest"] for name, output in manifest["outputs"].items()}
    compared = {name: digest for name, digest in first["artifacts"].items() if not name.startswith("run-register/")}
    assert len(compared) >= 12
    assert compared == {name: wanted[name] for name in compared}


@pytest.mark.slow
def test_a_second_run_reuses_every_stage(first: dict[str, Any], project: Path, airflow: str) -> None:
    code, again = run(project, "airflow", "--option", f"airflow={airflow}", "--only", "release-verdict")
    assert code == 0, again
    assert set(again["stages"].values()) == {"reused"}
    assert {name: first["artifacts"][name] for name in again["artifacts"]} == again["artifacts"]


def test_the_log_holds_no_secret(first: dict[str, Any], project: Path) -> None:
    assert "RETURNS_SALT" not in (project / "orders.csv").read_text()
    for path in (project / ".mlspec" / "airflow").rglob("*"):
        if path.is_file() and path.suffix in (".txt", ".log", ".json", ".db"):
            assert SALT.encode() not in path.read_bytes(), path


@pytest.mark.slow
def test_a_failing_gate_fails_its_task_and_what_waits_for_it_alone(first: dict[str, Any], project: Path, airflow: str) -> None:
    code, body = run(project, "airflow", "--option", f"airflow={airflow}", "-p", "floor=0.999")
    assert code == 1
    assert body["passed"] is False
    assert [(error["code"], error["where"].partition(".")[0]) for error in body["errors"]] == [("MLS815", "release")]
    states = body["stages"]
    assert states["release-enforce"] == "failed"
    assert states["run-register"] == "not-run"
    assert {states[name] for name in ("run-report", "run-card")} == {"ran"}
    assert states["tune-search"] == "reused"
    text = logged(project, body["run"])
    assert "DagRun failed" in text.replace("Finished", "failed") or "state=failed" in text
    assert text.count("starting task_id=release-enforce") == 1


def test_without_airflow_the_run_says_how_to_get_it(project: Path) -> None:
    code, body = run(project, "airflow", "--option", "airflow=/nowhere/airflow")
    assert code == 1
    assert [error["code"] for error in body["errors"]] == ["MLS812"]
    assert "constraints.txt" in body["errors"][0]["help"]


def test_another_version_is_refused(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "airflow"
    other.write_text("#!/bin/sh\necho 2.11.0\n")
    other.chmod(0o755)
    code, body = run(project, "airflow", "--option", f"airflow={other}")
    assert (code, [error["code"] for error in body["errors"]]) == (1, ["MLS703"])


LOAD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from markdown_it import MarkdownIt
bag = DagBag(sys.argv[1])
print("RESULT" + json.dumps({
    "errors": {path.split("/")[-2]: error for path, error in bag.import_errors.items()},
    "dags": {name: {
        "tasks": {task.task_id: {"upstream": sorted(task.upstream_task_ids), "retries": task.retries, "slots": task.pool_slots, "pool": task.pool,
                  "timeout": task.execution_timeout and task.execution_timeout.total_seconds(), "owner": task.owner, "doc": task.doc_md,
                  "fields": list(task.template_fields), "rule": task.trigger_rule.value,
                  "html": MarkdownIt("commonmark", {"html": True}).render(task.doc_md or "")} for task in dag.tasks},
        "cron": getattr(dag.timetable, "expression", None), "zone": str(getattr(dag.timetable, "timezone", "")),
        "catchup": dag.catchup, "active": dag.max_active_runs, "tags": sorted(dag.tags), "doc": dag.doc_md,
        "deadline": None if not dag.deadline else [alert.interval.total_seconds() for alert in dag.deadline],
        "told": dag.on_failure_callback is not None} for name, dag in bag.dags.items()}}))
"""


def loaded(airflow: str, folder: Path, home: Path) -> dict[str, Any]:
    """What Airflow's own loader makes of a folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "False",
    }
    python = Path(airflow).resolve().parent / "python" if Path(airflow).is_symlink() else Path(airflow).parent / "python"
    done = subprocess.run([str(python), "-c", LOAD, str(folder)], env=environment, capture_output=True, text=True, timeout=300)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("RESULT")] or [done.stderr]
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT"))
    return found


def compiled(project: Path, folder: Path, *more: str) -> Path:
    command = [
        sys.executable,
        "-m",
        "mlspec",
        "compile",
        "returns.mlspec",
        "--target",
        "airflow",
        "-o",
        str(folder),
        "-q",
        *more,
    ]
    subprocess.run(command, cwd=project, check=True)
    return folder


def test_airflow_reads_what_the_spec_says(airflow: str, project: Path, tmp_path: Path) -> None:
    found = loaded(airflow, compiled(project, tmp_path / "dags"), tmp_path / "home")
    assert found["errors"] == {}
    assert sorted(found["dags"]) == ["returns", "returns.nightly", "returns.orders"]
    whole, nightly = found["dags"]["returns"], found["dags"]["returns.nightly"]
    assert {(dag["catchup"], dag["active"]) for dag in found["dags"].values()} == {(False, 1)}
    assert nightly["deadline"] == [7200.0] and nightly["told"] and not whole["told"] and whole["deadline"] is None
    assert (nightly["cron"], nightly["zone"], whole["cron"]) == ("30 2 * * 1-5", "Europe/Berlin", None)
    assert whole["tags"] == ["mlspec", "returns"]
    task = whole["tasks"]["tune-search"]
    assert (task["retries"], task["owner"], task["pool"], task["fields"]) == (2, "team-returns", "mlspec", [])
    assert nightly["tasks"]["tune-search"]["retries"] == 3
    assert whole["tasks"]["release-enforce"]["retries"] == nightly["tasks"]["release-enforce"]["retries"] == 0
    assert whole["tasks"]["release-evaluate"]["timeout"] == 600
    assert whole["tasks"]["run-register"]["upstream"] == ["release-enforce"]
    assert {task["rule"] for task in whole["tasks"].values()} == {"all_success"}


BROKEN = {
    "no-json": ("airflow.json", None, "cannot be read"),
    "torn-json": ("airflow.json", "{", "is no JSON"),
    "other-format": ("airflow.json", '{"format": 7}', "is not of format 1"),
    "no-object": ("airflow.json", "[]", "is not of format 1"),
    "no-plan": ("plan.json", None, "cannot be read"),
    "other-plan": ("plan.json", "{}", "is not the plan"),
}


def test_a_missing_or_broken_file_is_an_import_error_that_says_so(airflow: str, project: Path, tmp_path: Path) -> None:
    whole = compiled(project, tmp_path / "whole")
    for case, (name, text, _) in BROKEN.items():
        folder = tmp_path / "dags" / case
        shutil.copytree(whole, folder)
        (folder / name).unlink() if text is None else (folder / name).write_text(text)
    found = loaded(airflow, tmp_path / "dags", tmp_path / "home")
    assert found["dags"] == {}
    assert set(found["errors"]) == set(BROKEN)
    for case, (name, _, said) in BROKEN.items():
        assert said in found["errors"][case] and name in found["errors"][case], case


def test_hostile_texts_stay_texts_in_airflow(airflow: str, project: Path, tmp_path: Path) -> None:
    """Neither Markdown nor HTML, no template, and no path: Airflow opens a description that ends in `.md`."""
    nasty = "<img src=x onerror=alert(1)> {{ var.value.x }} ![a](http://evil.example/a.png) [b](javascript:x) `c` $(id) mlspec_dag.md"
    shutil.copytree(project, tmp_path / "project", ignore=shutil.ignore_patterns(".mlspec"))
    spec = tmp_path / "project" / "returns.mlspec"
    text = (
        spec.read_text()
        .replace("Orders of the last months, one a row.", nasty)
        .replace("Which orders of a mail-order shop come back.", nasty)
    )
    spec.write_text(text.replace('"team-returns"', f'"{nasty}"'))
    folder = compiled(tmp_path / "project", tmp_path / "dags" / "returns")
    (folder / "mlspec_dag.md").write_text("what a description must not become")
    found = loaded(airflow, folder, tmp_path / "home")
    assert found["errors"] == {}
    task = found["dags"]["returns"]["tasks"]["orders-extract"]
    assert task["owner"] == nasty
    assert task["html"] == f"<p>{html.escape(nasty, quote=True)}</p>\n"
    assert "must not become" not in found["dags"]["returns"]["doc"]
