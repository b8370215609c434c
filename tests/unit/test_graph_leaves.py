"""Leaves: which files, which digests, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mlspec.graph import GraphError, Stage
from mlspec.graph.leaves import stage_leaves


def extract(*paths: str) -> Stage:
    return Stage("s-extract", "extract", "s", {"paths": list(paths)}, {}, {"rows": "table"})


def test_patterns_give_sorted_relative_paths(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / "data" / name).write_text(name)
    found = stage_leaves(extract("data/*.csv", "data/a.csv"), tmp_path)
    assert list(found) == ["data/a.csv", "data/b.csv"]
    assert found["data/a.csv"] == hashlib.sha256(b"a.csv").hexdigest()


def test_other_kinds_have_no_leaves(tmp_path: Path) -> None:
    assert stage_leaves(Stage("w", "write", "w", {"paths": ["x"]}, {}, {"file": "json"}), tmp_path) == {}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("no.csv", "does not exist"), ("*.csv", "no file matches"), ("../up.csv", "leaves the project"), ("data", "no plain file"),
     ("link.csv", "leaves the project")],
)  # fmt: skip
def test_what_is_refused(pattern: str, words: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (tmp_path / "up.csv").write_text("x")
    if pattern == "link.csv":
        (root / "link.csv").symlink_to(tmp_path / "up.csv")
    with pytest.raises(GraphError, match=words) as caught:
        stage_leaves(extract(pattern), root)
    assert caught.value.where == "s.from"


@pytest.mark.parametrize(("kind", "beside"), [("duckdb", "a.db.wal"), ("sqlite", "a.db-wal"), ("sqlite", "a.db-journal")])
def test_a_log_beside_a_database_is_part_of_it(kind: str, beside: str, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("x")
    stage = Stage("s-extract", "extract", "s", {"paths": ["a.db"], "format": kind}, {}, {"rows": "table"})
    (tmp_path / beside).write_bytes(b"")
    assert list(stage_leaves(stage, tmp_path)) == ["a.db"], "an empty log says nothing"
    (tmp_path / beside).write_bytes(b"rows")
    before = stage_leaves(stage, tmp_path)
    assert list(before) == ["a.db", beside]
    (tmp_path / beside).write_bytes(b"ROWS")
    assert stage_leaves(stage, tmp_path) != before
    assert list(stage_leaves(extract("a.db"), tmp_path)) == ["a.db"]
