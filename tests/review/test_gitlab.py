"""The GitLab template: its lines run as a runner runs them, in a real git repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.repository import NEW, branched, git

ROOT = Path(__file__).parents[2]
TEMPLATE = YAML(typ="safe").load(ROOT / "review/gitlab.yml")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A merge request that lowers a threshold and forgets what a block needs."""
    branched(tmp_path)
    return tmp_path


def job(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script of the job `mlspec`, line after line, the first that fails ends it."""
    lines = "\n".join(TEMPLATE["mlspec"]["script"])
    environment = {**os.environ, **{name: str(value) for name, value in TEMPLATE["variables"].items()}, **variables,
                   "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(folder, "rev-parse", "main").strip(),
                   "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # fmt: skip
    return subprocess.run(["bash", "-eo", "pipefail", "-c", lines], cwd=folder, env=environment, capture_output=True, text=True)


def test_it_fails_with_a_report_of_lines_and_one_for_the_note(checkout: Path) -> None:
    done = job(checkout)
    assert done.returncode == 1, done.stderr
    issues = json.loads((checkout / "gl-code-quality-report.json").read_text())
    assert [(item["check_name"], item["severity"], item["location"]) for item in issues] == [
        ("diff/condition-changed", "critical", {"path": "churn.mlspec", "lines": {"begin": 66}})
    ]
    assert len({item["fingerprint"] for item in issues}) == len(issues)
    assert json.loads((checkout / "mlspec-diff.json").read_text())["format"] == 1


def test_what_is_let_through_passes(checkout: Path) -> None:
    assert job(checkout, MLSPEC_FAIL_ON="breaking").returncode == 0


def test_a_broken_spec_is_reported_at_its_line(checkout: Path) -> None:
    (checkout / "churn.mlspec").write_text(NEW.replace("trials = 20", "trials == 20"))
    git(checkout, "commit", "-qam", "three")
    assert job(checkout).returncode == 3
    issues = json.loads((checkout / "gl-code-quality-report.json").read_text())
    assert {item["check_name"] for item in issues} == {"MLS001"}
    assert all(item["location"]["lines"] == {"begin": 54} for item in issues)


def test_a_path_that_looks_like_code_is_a_path(checkout: Path) -> None:
    assert job(checkout, MLSPEC_PATH="$(touch owned)").returncode == 3
    assert not (checkout / "owned").exists()
