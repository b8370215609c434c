"""A deployed folder under `airflow dags test`: attempts that die or take too long, a secret from an Airflow variable, the environment of a stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.targets.airflow_world import SALT, airflow_command, returns

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("airflow"), pytest.mark.e2e]

# Stands in for the interpreter: notes what it was started with, and spoils the first attempt of two stages.
INTERPRETER = """#!{python}
import json, os, signal, sys, time
stage = sys.argv[3]
notes = {notes!r}
path = os.path.join(notes, stage + ".json")
attempts = json.load(open(path)) if os.path.exists(path) else []
attempts.append({{"argv": sys.argv[1:], "environment": sorted(os.environ), "pid": os.getpid()}})
json.dump(attempts, open(path, "w"))
if len(attempts) == 1 and stage == "parts-split":
    os.kill(os.getpid(), signal.SIGKILL)
if len(attempts) == 1 and stage == "orders-verify":
    time.sleep(600)
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of a schedule's DAG left: notes of every attempt, the log, the folder of the run."""
    airflow = airflow_command()
    home = tmp_path_factory.mktemp("deployed")
    spec = returns(home / "project")
    edits = {"  run = release\n": "  run = base\n", "  refresh = 6h\n": "  time_limit = 25s\n", "  deadline = 2h\n": ""}
    text = spec.read_text()
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    spec.write_text(text)
    (home / "notes").mkdir()
    interpreter = home / "python"
    interpreter.write_text(INTERPRETER.format(python=sys.executable, notes=str(home / "notes")))
    interpreter.chmod(0o755)
    options = {"python": interpreter, "project": spec.parent, "state": "shared", "retry_delay": 0}
    flags = [word for name, value in options.items() for word in ("--option", f"{name}={value}")]
    folder = home / "dags" / "returns"
    subprocess.run(
        [sys.executable, "-m", "mlspec", "compile", str(spec), "--target", "airflow", "-q", "-o", str(folder), *flags],
        check=True,
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "RETURNS"))}
    environment |= {
        "AIRFLOW_HOME": str(home / "airflow"), "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300", "AIRFLOW_VAR_RETURNS_SALT": SALT, "NO_COLOR": "1", "LEFT_ALONE": "yes",
    }  # fmt: skip
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    done = subprocess.run(
        [airflow, "dags", "test", "returns.nightly"], env=environment, capture_output=True, text=True, timeout=900
    )
    [run] = (spec.parent / "shared" / "runs" / "returns.nightly").iterdir()
    attempts = {path.stem: json.loads(path.read_bytes()) for path in (home / "notes").iterdir()}
    return {"code": done.returncode, "log": done.stdout + done.stderr, "run": run, "attempts": attempts, "spec": spec}


def test_the_run_ends_well_after_second_attempts(deployed: dict[str, Any]) -> None:
    assert deployed["code"] == 0, deployed["log"][-4000:]
    counts = {name: len(attempts) for name, attempts in deployed["attempts"].items()}
    assert counts == {"orders-extract": 1, "orders-verify": 2, "parts-split": 2, "inputs-features": 1, "base-fit": 1}
    assert "AirflowTaskTimeout" in deployed["log"]
    assert "parts-split ended with -9" in deployed["log"]


def test_nothing_is_left_of_a_stage_that_took_too_long(deployed: dict[str, Any]) -> None:
    assert not Path(f"/proc/{deployed['attempts']['orders-verify'][0]['pid']}").exists()


def test_a_stage_gets_the_worker_environment_without_airflows(deployed: dict[str, Any]) -> None:
    for attempts in deployed["attempts"].values():
        names = attempts[0]["environment"]
        assert not [name for name in names if name.lstrip("_").startswith("AIRFLOW")]
        assert {"LEFT_ALONE", "PATH", "MLSPEC_STAGE_REPORTS"} <= set(names)


def test_a_secret_comes_from_an_airflow_variable_for_its_stage_alone(deployed: dict[str, Any]) -> None:
    having = {name for name, attempts in deployed["attempts"].items() if "RETURNS_SALT" in attempts[0]["environment"]}
    assert having == {"inputs-features"}
    assert SALT not in deployed["log"]


def test_its_artifacts_are_those_of_the_local_target(deployed: dict[str, Any]) -> None:
    project = deployed["spec"].parent
    command = [sys.executable, "-m", "mlspec", "run", str(deployed["spec"]), "--only", "base-fit", "-q"]
    subprocess.run(command, check=True, env={**os.environ, "RETURNS_SALT": SALT}, cwd=project)
    store = {path.name for path in (project / ".mlspec" / "store" / "artifacts").iterdir()}
    manifests = sorted((deployed["run"] / "artifacts").glob("*/*/manifest.json"))
    assert len(manifests) == 5
    assert {json.loads(path.read_bytes())["digest"] for path in manifests} <= store
