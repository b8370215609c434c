"""The hooks that other projects use, run by pre-commit itself in a real repository.

They run with the mlspec that is tested: `language: python` would build it from the package index. `python -m tests.packaging.smoke` shows
that it can be built and that the wheel has the command.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.repository import NEW, OLD, git

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"
PROGRAM = Path(sys.executable).with_name("pre-commit")
needs_pre_commit = pytest.mark.skipif(not PROGRAM.exists(), reason="pip install pre-commit")


def test_each_hook_names_a_command_and_a_license_to_change_files() -> None:
    hooks = YAML(typ="safe").load(HOOKS)
    assert [hook["id"] for hook in hooks] == ["mlspec-fmt", "mlspec-check", "mlspec-diff"]
    for hook in hooks:
        assert hook["entry"].split()[:2] == ["mlspec", hook["id"].removeprefix("mlspec-")]
        assert hook["language"] == "python"
        assert hook["require_serial"], "one process for all files: they may import each other"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that uses the hooks, of a repository of its own."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / HOOKS.name).write_text(HOOKS.read_text().replace("language: python", "language: system"))
    git(hooks, "init", "-q")
    git(hooks, "add", ".")
    git(hooks, "commit", "-qm", "hooks")
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {hooks}\n    rev: {git(hooks, 'rev-parse', 'HEAD').strip()}\n"
        "    hooks: [{id: mlspec-fmt}, {id: mlspec-check}, {id: mlspec-diff}]\n"
    )
    (folder / "churn.mlspec").write_text(OLD)
    git(folder, "add", ".")
    return folder


def hooks(folder: Path) -> dict[str, str]:
    """What each hook came to, and what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    done = subprocess.run(
        [PROGRAM, "run", "--color", "never"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**kept, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}", "PRE_COMMIT_HOME": str(folder.parent / "cache")},
    )  # fmt: skip
    found, name = {"": str(done.returncode)}, ""
    for line in done.stdout.splitlines():
        if line.startswith("mlspec ") and "..." in line:
            name = line.partition(".")[0]
            found[name] = line.rpartition(".")[2]
        elif name:
            found[name] += f"\n{line}"
    return found


@needs_pre_commit
def test_the_first_commit_passes_and_a_loosening_is_stopped(project: Path) -> None:
    found = hooks(project)
    assert found == {"": "0", "mlspec fmt": "Passed", "mlspec check": "Passed", "mlspec diff": "Passed"}
    git(project, "commit", "-qm", "one")
    (project / "churn.mlspec").write_text(NEW)
    git(project, "add", ".")
    found = hooks(project)
    assert found[""] == "1"
    assert found["mlspec check"] == "Passed"
    assert "! loosening    gates.release.useful  0.88 → 0.84" in found["mlspec diff"]


@needs_pre_commit
def test_what_is_not_staged_does_not_count(project: Path) -> None:
    git(project, "commit", "-qm", "one")
    (project / "churn.mlspec").write_text(OLD + "\n# a comment\n")
    git(project, "add", ".")
    (project / "churn.mlspec").write_text(NEW)
    assert hooks(project)[""] == "0"


@needs_pre_commit
def test_layout_is_mended_and_an_error_stops(project: Path) -> None:
    git(project, "commit", "-qm", "one")
    (project / "churn.mlspec").write_text(
        OLD.replace("  trials = 20", "   trials  =  20").replace("= tune.best\n  part", "= tune.bset\n  part")
    )
    git(project, "add", ".")
    found = hooks(project)
    assert "files were modified by this hook" in found["mlspec fmt"]
    assert "  trials = 20\n" in (project / "churn.mlspec").read_text()
    assert "MLS101" in found["mlspec check"]
