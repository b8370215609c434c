"""`mlspec run --target dvc` where nothing can run, and why it says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlspec.backend import RunRequest
from mlspec.graph import Graph, Resources, Stage
from mlspec.registry import load_backend
from tests.targets.dvc_world import IGNORED, Repository

pytest.importorskip("dvc", reason="pip install 'mlspec-lang[dvc]'")
pytestmark = pytest.mark.e2e

TWO = [
    Stage("a-write", "write", "a", {"text": "x"}, {}, {"file": "json"}, resources=Resources(time_limit=100.0)),
    Stage("b-write", "write", "b", {"text": "y"}, {"a": "a-write/file"}, {"file": "json"}, after=("c-write",)),
    Stage("c-write", "write", "c", {"text": "z"}, {}, {"file": "json"}),
]


def run(root: Path, stages: list[Stage] = TWO, **more: Any) -> Any:
    backend = load_backend("dvc")
    assert backend.run is not None
    options = backend.read_options(more.pop("options", {}))
    request = RunRequest(Graph.of(stages, spec="shop"), root, progress="none", options=options, spec_path="shop.mlspec", **more)
    return backend.run(request)


def prepared(root: Path) -> Path:
    """A project as `mlspec parity` makes one."""
    backend = load_backend("dvc")
    assert backend.prepare is not None
    backend.prepare(root)
    return root


def test_no_repository_is_made_silently(tmp_path: Path) -> None:
    result = run(tmp_path)
    (error,) = result.errors
    assert error["code"] == "MLS704" and "git init && dvc init" in error["help"] and not result.passed
    assert list(tmp_path.iterdir()) == []


def test_a_run_its_reuse_and_a_part_of_it(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    part = run(root, only=["c-write"])
    assert (part.executed, part.reused, set(part.artifacts)) == (["c-write"], [], {"c-write/file"})
    whole = run(root)
    assert set(whole.executed) == {"a-write", "b-write"} and whole.reused == ["c-write"] and whole.passed
    again = run(root)
    assert again.executed == [] and again.artifacts == whole.artifacts and "3 unchanged" in again.text
    other = [TWO[0], TWO[1], Stage("c-write", "write", "c", {"text": "new"}, {}, {"file": "json"})]
    assert run(root, other).executed == ["c-write"], "order alone carries no change on"


def test_what_git_ignores_is_said(tmp_path: Path) -> None:
    made = Repository(tmp_path)
    made.call("git", "init", "-q")
    made.dvc("init", "-q")
    for ignored in ("build/\n", "build/*\n!build/dvc/\n"):
        (tmp_path / ".gitignore").write_text(ignored)
        (error,) = run(tmp_path).errors
        assert error["code"] == "MLS704" and "`build/?*` and `!build/dvc/`" in error["help"]
    (tmp_path / ".gitignore").write_text(IGNORED)
    assert run(tmp_path).passed


def test_a_stage_that_fails_leaves_the_others(tmp_path: Path) -> None:
    bad = Stage(
        "a-extract",
        "extract",
        "src",
        {"source": "src", "format": "csv", "paths": ["no.csv"], "columns": []},
        {},
        {"rows": "table"},
    )
    (tmp_path / "no.csv").write_text("")
    result = run(prepared(tmp_path), [bad, Stage("c-write", "write", "c", {}, {}, {"file": "json"})])
    (error,) = result.errors
    assert error["stage"] == "a-extract" and error["code"].startswith("MLS")
    assert result.executed == ["c-write"] and not result.passed
    assert result.summary["stages"]["a-extract"]["state"] == "failed"


def test_a_file_edited_by_hand_is_kept(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    run(root, only=["c-write"])
    path = root / "build/dvc/shop/plan.json"
    path.write_text(path.read_text().replace('"z"', '"by hand"'))
    (error,) = run(root).errors
    assert "not as `mlspec compile` wrote it" in error["message"] and "by hand" in path.read_text()


HOLDER = """\
import sys, time
from dvc.repo import Repo
with Repo(sys.argv[1]).lock:
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held(root: Path, seconds: float) -> Iterator[None]:
    """DVC's lock in the hands of another process."""
    command = [sys.executable, "-W", "ignore", "-c", HOLDER, str(root), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.kill()


def test_another_command_at_work_is_said_and_can_be_waited_for(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    with held(root, 60):
        (error,) = run(root).errors
    assert error["code"] == "MLS811" and "--wait" in error["help"]
    with held(root, 6):
        assert run(root, options={"wait": "true"}).passed


def test_the_map_leads_back_to_the_spec(tmp_path: Path) -> None:
    run(prepared(tmp_path), only=["c-write"])
    written = json.loads((tmp_path / "build/dvc/shop/mlspec-map.json").read_text())
    assert (written["target"], written["spec"]) == ("dvc", "shop.mlspec")
