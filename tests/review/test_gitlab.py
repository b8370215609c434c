"""The GitLab template: its lines run as a runner runs them, in a real git repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.repository import NEW, branched, commit, git

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
    if not git(folder, "remote"):
        git(folder, "remote", "add", "origin", str(folder))
    environment = {**os.environ, **{name: str(value) for name, value in TEMPLATE["variables"].items()},
                   "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "3", "CI_MERGE_REQUEST_PROJECT_ID": "3",
                   "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", **variables,
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


def test_the_policy_is_that_of_the_target_as_it_stands(checkout: Path) -> None:
    """Of a branch that left before the rule came, also from a fork, where `origin` is the stranger's."""
    assert job(checkout, MLSPEC_FAIL_ON="breaking").returncode == 0
    git(checkout, "clone", "-q", "--bare", str(checkout), f"{checkout}.target.git")
    git(checkout, "clone", "-q", "-b", "main", f"{checkout}.target.git", f"{checkout}.main")
    (Path(f"{checkout}.main") / "mlspec.toml").write_text("[policy]\ntighten_only = true\n")
    commit(Path(f"{checkout}.main"), "rule")
    git(Path(f"{checkout}.main"), "push", "-q")
    fork = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "4", "CI_MERGE_REQUEST_PROJECT_URL": f"file://{checkout}.target"}
    done = job(checkout, MLSPEC_FAIL_ON="breaking", **fork)
    assert done.returncode == 1, done.stderr
    assert job(checkout, **{**fork, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "--upload-pack=touch owned"}).returncode not in (
        0,
        1,
    )
    assert not (checkout / "owned").exists()


def test_a_path_that_looks_like_code_is_a_path(checkout: Path) -> None:
    assert job(checkout, MLSPEC_PATH="$(touch owned)").returncode == 3
    assert not (checkout / "owned").exists()
