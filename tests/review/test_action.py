"""The GitHub action that needs no secret: its lines run as its runner runs them, in a real git repository with a real merge."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.repository import NEW, branched, git

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "review/github/check"
ACTION = YAML(typ="safe").load(FOLDER / "action.yml")
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    """What `actions/checkout` leaves of a pull request: its merge into main, with one commit before on either side."""
    folder = tmp_path / "repository"
    branched(folder, "specs/churn.mlspec")
    git(folder, "checkout", "-q", "main")
    (folder / "other").write_text("meanwhile")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "meanwhile")
    git(folder, "merge", "-q", "--no-ff", "--no-edit", "work")
    git(folder, "clone", "-q", "--depth=2", f"file://{folder}", str(tmp_path / "checkout"))
    return tmp_path / "checkout"


def change(folder: Path, text: str) -> None:
    """Another commit on top."""
    (folder / "specs/churn.mlspec").write_text(text)
    git(folder, "commit", "-qam", "more")


def step(name: str, folder: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Exit code, what was said, and the outputs of a step of the action."""
    runner = folder.parent / "runner"
    (runner / "mlspec/bin").mkdir(parents=True, exist_ok=True)
    program = runner / "mlspec/bin/mlspec"
    if not program.exists():
        program.symlink_to(Path(sys.executable).with_name("mlspec"))
    outputs = runner / "outputs"
    outputs.write_text("")
    given = {"path": ".", "fail-on": "loosening", **inputs}
    environment = {
        name: text.replace("${{ inputs.", "").replace(" }}", "") for name, text in STEPS[name].get("env", {}).items()
    }
    environment = {name: given[text] for name, text in environment.items()}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "GITHUB_ACTION_PATH": str(FOLDER), "RUNNER_TEMP": str(runner), "GITHUB_OUTPUT": str(outputs),
             "GITHUB_STEP_SUMMARY": str(runner / "summary"), **environment},
    )  # fmt: skip
    found = dict(line.partition("=")[::2] for line in outputs.read_text().splitlines())
    return done.returncode, done.stdout, found


def review(folder: Path, **inputs: str) -> tuple[str, dict[str, str]]:
    code, said, outputs = step("Check and compare", folder, **inputs)
    assert code == 0, said
    return said, outputs


def report(outputs: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(outputs["report"]).read_text())
    return found


def test_a_loosening_is_annotated_kept_and_fails(merged: Path) -> None:
    said, outputs = review(merged)
    assert said.startswith("::error file=specs/churn.mlspec,line=66,title=loosening%3A gates.release.useful::0.88 → 0.84")
    assert outputs["code"] == "1"
    (file,) = report(outputs)["files"]
    assert [item["where"] for item in file["changes"]] == ["gates.release.useful"]
    assert json.loads(Path(outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert "`gates.release.useful`" in (merged.parent / "runner/summary").read_text()


def test_what_is_let_through_passes(merged: Path) -> None:
    assert review(merged, **{"fail-on": "breaking"})[1]["code"] == "0"
    assert review(merged, **{"fail-on": "never"})[1]["code"] == "0"
    assert review(merged, path="specs/churn.mlspec")[1]["code"] == "1"


def test_a_spec_with_errors_is_annotated_at_its_lines(merged: Path) -> None:
    change(merged, NEW.replace("trials = 20", "trials == 20"))
    said, outputs = review(merged)
    assert "::error file=specs/churn.mlspec,line=54," in said
    assert outputs["code"] == "3"
    assert report(outputs)["files"][0]["status"] == "failed"


def test_a_path_that_is_none_is_told_and_is_no_flag(merged: Path) -> None:
    said, outputs = review(merged, path="--output=x\n::error::gone")
    assert outputs["code"] != "0"
    assert [file["status"] for file in report(outputs)["files"]] == ["failed"]
    assert not any(line.startswith("::error::gone") for line in commands(said))


def commands(said: str) -> list[str]:
    """The lines that the runner reads as workflow commands: none between `::stop-commands::WORD` and `::WORD::`."""
    found, word = [], ""
    for line in said.splitlines():
        if word:
            word = "" if line == f"::{word}::" else word
        elif line.startswith("::stop-commands::"):
            word = line.removeprefix("::stop-commands::")
        elif line.startswith("::") or "##[" in line:
            found.append(line)
    return found


@pytest.mark.parametrize(
    "hostile", ["::set-output name=a::b", "##[error]x", "%0A::error::x", "$(touch owned)", "`touch owned`", "; touch owned"]
)
def test_text_of_a_spec_is_no_command(hostile: str, merged: Path) -> None:
    change(merged, NEW.replace("city: category", f'city: category @named("{hostile}")').replace('"team-a"', f'"{hostile}"'))
    git(merged, "mv", "specs/churn.mlspec", f"specs/{hostile.replace('/', '')}.mlspec")
    git(merged, "commit", "-qm", "named so")
    said, outputs = review(merged)
    for line in commands(said):
        assert line.startswith(("::error ", "::warning ", "::notice ")), line
        properties = line.split(" ", 1)[1].partition("::")[0]
        assert re.fullmatch(r"(file=[^,:]+,line=\d+,(endLine=\d+,)?(col=\d+,endColumn=\d+,)?)?title=[^,:]+", properties), line
    assert outputs["report"]
    assert not [*merged.rglob("owned"), *merged.parent.glob("owned")]


def test_the_result_is_that_of_the_review(merged: Path) -> None:
    for code in (0, 1, 3):
        done = subprocess.run(["bash", "-c", STEPS["Result"]["run"]], env={**os.environ, "MLSPEC_CODE": str(code)})
        assert done.returncode == code
