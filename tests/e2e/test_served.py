"""What is released is served, logged, watched and scored with; what an env changed too far is not."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.project import MLSPEC, Project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("served")]

LOG = """  output = decision
  log seen {
    keep = 7d
    inputs := inputs
  }
}

monitor watch {
  of = species_api
  reference = by_chance.holdout
  every = 1h
  window = 1d
  input_drift := worst(psi(inputs)) <= 0.5 @notify(console)
}
"""
COLUMNS = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Penguins with a log, a monitor and an env that changes nothing but the machine, after a run in that env and one in `dev`."""
    made = Project(tmp_path_factory.mktemp("served") / "project", "penguins")
    made.edit("source penguins_seen", "channel console = log()\n\nsource penguins_seen")
    made.edit("  output = decision\n}\n", LOG)
    made.edit("  set tune.trials = 3\n}", "  set tune.trials = 3\n}\n\nenv small_machine {\n  set tune.cpu = 1\n}")
    said = made.run("--env", "small_machine")
    assert said.code == 0, said.text
    assert "serve it: mlspec serve" in said.err and "--env small_machine" in said.err
    assert made.summary["guarded"] is False
    said = made.run("--env", "dev")
    assert said.code == 0, said.text
    assert "its runs release nothing" in said.err
    assert made.summary["guarded"] is True
    return made


@contextmanager
def served(project: Project, *arguments: str) -> Iterator[str]:
    """The address of `mlspec serve` on a free port; it ends by SIGTERM, cleanly."""
    process = subprocess.Popen(
        [str(MLSPEC), "serve", str(project.spec), "--port", "0", *arguments], cwd=project.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line + process.stdout.read()
        yield found[0]
        process.terminate()
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0, rest
        assert "Traceback" not in rest
    finally:
        process.kill()
        process.wait()


def asked(address: str, body: Any = None, path: str = "/predict") -> tuple[int, Any]:
    """(status, reply) of a POST of JSON, or of a GET without a body."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(address + path, data, {"content-type": "application/json"})
    try:
        with urlopen(request, timeout=30) as reply:
            text, status = reply.read().decode(), reply.status
    except HTTPError as error:
        text, status = error.read().decode(), error.code
    return status, json.loads(text) if text.startswith("{") else text


def records(project: Project) -> list[dict[str, Any]]:
    """Every row of the data as a request brings it."""
    with (project.folder / "data/penguins.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = [{name: row[name] for name in COLUMNS} for row in rows]
    return [
        {name: None if text in ("", "NA") else text if name == "sex" else float(text) for name, text in row.items()}
        for row in found
    ]


def test_a_release_answers_is_logged_watched_and_scored_with(project: Project) -> None:
    rows = records(project)
    with served(project, "--env", "small_machine") as address:
        status, one = asked(address, rows[0])
        assert status == 200 and one["decision"] == "Adelie" and len(one["model"]) == 64
        status, many = asked(address, {"records": rows})
        assert status == 200 and len(many["records"]) == len(rows)
        assert asked(address, {**rows[0], "sex": "other"})[1]["errors"][0]["where"] == "sex"
        assert asked(address, {**rows[0], "flipper_length_mm": 9999})[0] == 422
        assert asked(address, {**rows[0], "island": "Mars"})[0] == 422
        status, lost = asked(address, path="/nowhere")
        assert status == 404 and "POST /predict" in lost["message"]
        assert asked(address)[0] == 405
        metrics = asked(address, path="/metrics")[1]
    assert f"mlspec_records_total {len(rows) + 1:.1f}" in metrics
    assert 'mlspec_requests_total{code="422",route="predict"} 3.0' in metrics

    (log,) = (project.folder / ".mlspec/logs/species_api").glob("*.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == len(rows) + 1
    assert {line["model"] for line in lines} == {one["model"]}
    assert "Mars" not in log.read_text(), "what was refused is not kept"

    watched = project.mlspec("monitor", project.spec, "--once", "--env", "small_machine")
    assert watched.code == 0, watched.text
    assert re.search(r"input_drift +ok", watched.out) and f"n {len(rows) + 1}" in watched.out
    assert ".mlspec/monitor/watch/report.html" in watched.err and str(project.folder) not in watched.text

    scored = project.mlspec("score", f"{project.spec}#survey", "--env", "small_machine")
    assert scored.code == 0 and scored.out.startswith("build/species.csv: 344 rows"), scored.text
    with (project.folder / "build/species.csv").open() as file:
        decisions = [row["decision"] for row in csv.DictReader(file)]
    assert decisions == [record["decision"] for record in many["records"]], "one model, two doors"


def test_what_an_env_changed_is_not_released(project: Project) -> None:
    for command in ("serve", "score", "monitor"):
        said = project.mlspec(command, project.spec, "--env", "dev")
        assert said.code == 1
        assert "[MLS813]" in said.text and "ran under env `dev`, which changes what models depend on" in said.text
    said = project.mlspec("serve", project.spec)
    assert said.code == 1 and "`--env` must name what it ran under" in said.text
