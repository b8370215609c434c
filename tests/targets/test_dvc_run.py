"""`mlspec run --target dvc` where nothing can run, and why it says so."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
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
        assert run(root, wait=True).passed


def test_the_map_leads_back_to_the_spec(tmp_path: Path) -> None:
    run(prepared(tmp_path), only=["c-write"])
    written = json.loads((tmp_path / "build/dvc/shop/mlspec-map.json").read_text())
    assert (written["target"], written["spec"]) == ("dvc", "shop.mlspec")


@pytest.mark.parametrize("place", [pytest.param("data/shop.db", marks=pytest.mark.slow), "shop.db"])
def test_rows_in_the_log_of_a_database_are_seen(tmp_path: Path, place: str) -> None:
    """A commit to the log beside the file changes no byte of the file."""
    root = prepared(tmp_path)
    path = root / place
    path.parent.mkdir(exist_ok=True)
    columns = [{"name": "n", "type": "int", "optional": False}]
    config = {"source": "src", "format": "sqlite", "paths": [place], "options": {}, "table": "t", "columns": columns}
    stages = [
        Stage("src-extract", "extract", "src", config, {}, {"rows": "table"}),
        Stage("b-write", "write", "b", {}, {"rows": "src-extract/rows"}, {"file": "json"}),
    ]
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=wal")
        database.execute("CREATE TABLE t (n INTEGER)")
        database.execute("INSERT INTO t VALUES (1)")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before, first = path.read_bytes(), run(root, stages)
        assert first.passed and set(first.executed) == {"src-extract", "b-write"}, first.errors
        database.execute("INSERT INTO t VALUES (2)")
        database.commit()
        assert path.read_bytes() == before
        second = run(root, stages)
        assert set(second.executed) == {"src-extract", "b-write"}
        assert second.artifacts["src-extract/rows"] != first.artifacts["src-extract/rows"]
        assert "b-write" in run(root, stages).reused


def test_a_pattern_finds_a_file_that_is_new(tmp_path: Path) -> None:
    root = prepared(tmp_path)
    (root / "data").mkdir()
    columns = [{"name": "n", "type": "int", "optional": False}]
    config = {"source": "src", "format": "csv", "paths": ["data/*.csv"], "options": {}, "columns": columns}
    stages = [Stage("src-extract", "extract", "src", config, {}, {"rows": "table"})]
    (root / "data/1.csv").write_text("n\n1\n")
    first = run(root, stages)
    assert first.executed == ["src-extract"], first.errors
    (root / "data/2.csv").write_text("n\n2\n")
    assert run(root, stages).executed == ["src-extract"]
    assert run(root, stages).executed == []


def test_a_stage_without_its_gpu_says_so(tmp_path: Path) -> None:
    asked = Stage("net-write", "write", "net", {}, {}, {"file": "json"}, resources=Resources(gpu="no-such-gpu", retry=2))
    (error,) = run(prepared(tmp_path), [asked]).errors
    assert (error["code"], error["where"]) == ("MLS704", "net.gpu")
