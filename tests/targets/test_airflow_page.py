"""The page of the Airflow target: its table is made from the capability data, its commands say what it says they do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlspec_airflow import backend

from mlspec.backend import NEEDS, capability
from tests.docs.markdown import Example, examples, looks_like
from tests.targets.airflow_world import airflow_command, returns

PAGE = Path(__file__).parents[2] / "docs" / "targets" / "airflow.md"
TABLE = re.compile(r"(<!-- capabilities -->\n).*?(<!-- end -->)", re.DOTALL)


def table() -> str:
    """What the target says of each need, as rows."""
    rows = ["| need | support | how |", "| --- | --- | --- |"]
    for need, words in NEEDS.items():
        has = capability(backend, need)
        rows.append(
            f"| `{need}`: {words} | {has.support} | {has.how}{f' (Airflow {has.since} and later)' if has.since else ''} |"
        )
    return "\n".join(rows) + "\n"


def test_the_table_is_that_of_the_capability_data(pytestconfig: pytest.Config) -> None:
    text = PAGE.read_text()
    wanted = TABLE.sub(lambda found: f"{found[1]}{table()}{found[2]}", text)
    if pytestconfig.getoption("--update-golden"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted


def follow(folder: Path, steps: list[Example], environment: dict[str, str]) -> None:
    """Run the commands in order; a text behind one is what it must say."""
    said = ""
    for step in steps:
        if step.language == "sh":
            done = subprocess.run(
                ["sh", "-c", step.text],
                cwd=folder,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            said = done.stdout
            assert done.returncode == 0, f"{step}\n{said}"
        elif step.language == "text":
            assert looks_like(step.text, said), f"{step}\nwanted\n{step.text}\nsaid\n{said}"


def steps_of(airflow: bool) -> list[Example]:
    """The commands that need Airflow, or the others, each with what it says."""
    found: list[Example] = []
    wanted = False
    for step in examples(PAGE):
        if step.language == "sh":
            wanted = ("airflow" in step.words) == airflow
        if wanted and step.language in ("sh", "text"):
            found.append(step)
    return found


def world(folder: Path) -> dict[str, str]:
    """The project of the page, and an environment in which it is followed."""
    shutil.rmtree(folder, ignore_errors=True)
    returns(folder)
    [spec] = [step for step in examples(PAGE) if step.language == "mlspec"]
    (folder / spec.words[0]).write_text(spec.text)
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    environment = world(tmp_path / "project")
    steps = steps_of(airflow=False)
    assert len(steps) >= 8
    follow(tmp_path / "project", steps, environment)


@pytest.mark.e2e
@pytest.mark.slow
def test_its_runs_under_airflow_say_so(tmp_path: Path) -> None:
    environment = world(tmp_path / "project") | {"AIRFLOW": airflow_command()}
    steps = steps_of(airflow=True)
    assert len(steps) == 4
    follow(tmp_path / "project", steps, environment)
