"""A source file that is replaced while a run is under way: no result is ever kept under the digest of other content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlspec_local import Event, Outcome, run_plan

from mlspec.backend import RunRequest
from mlspec.graph import Graph, Stage, write_plan
from mlspec.runtime import __main__ as command
from mlspec.runtime import table
from mlspec.runtime.store import Store

COLUMNS = [{"name": "age", "type": "int", "optional": False}]
OLD, NEW = "age\n30\n31\n", "age\n40\n41\n"


def graph() -> Graph:
    config: dict[str, Any] = {"source": "people", "format": "csv", "paths": ["people.csv"], "options": {}, "columns": COLUMNS}
    checks = {"source": "people", "columns": COLUMNS, "checks": [], "min_cell": 2}
    return Graph.of([
        Stage("people-extract", "extract", "people", config, {}, {"rows": "table"}),
        Stage("people-verify", "verify", "people", checks, {"rows": "people-extract/rows"}, {"checks": "metrics"}),
    ])  # fmt: skip


def run_replacing(root: Path, kind: str, stage: str) -> Outcome:
    """Run, and put other content in the file's place when this event comes."""

    def replace(event: Event) -> None:
        if (event.kind, event.stage) == (kind, stage):
            (root / "new.csv").write_text(NEW)
            (root / "new.csv").rename(root / "people.csv")

    return run_plan(RunRequest(graph(), root, jobs=1), replace)


def ages(root: Path, outcome: Outcome) -> list[int]:
    output = next(state for state in outcome.stages if state.id == "people-extract").outputs["rows"]
    return table.load(Store(root).artifact(output["digest"], output["files"]))["age"].to_pylist()  # type: ignore[no-any-return]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(OLD)
    return tmp_path


def test_replaced_before_it_is_read(root: Path) -> None:
    """Its digest was taken when the run began: rows of other content under it would be reused when the old file is back."""
    outcome = run_replacing(root, "planned", "")
    assert outcome.exit_code == 1 and outcome.names("failed") == ["people-extract"]
    (error,) = outcome.errors
    assert (error["code"], error["where"]) == ("MLS801", "people.from") and "replaced" in error["message"]
    assert ages(root, run_plan(RunRequest(graph(), root))) == [40, 41]
    (root / "people.csv").write_text(OLD)
    again = run_plan(RunRequest(graph(), root))
    assert again.names("ran") == ["people-extract", "people-verify"] and ages(root, again) == [30, 31]


def test_replaced_between_extract_and_verify(root: Path) -> None:
    """The run goes on with what it read; the next one sees the new content."""
    outcome = run_replacing(root, "finished", "people-extract")
    assert outcome.exit_code == 0 and ages(root, outcome) == [30, 31]
    after = run_plan(RunRequest(graph(), root))
    assert after.names("ran") == ["people-extract", "people-verify"] and ages(root, after) == [40, 41]


def test_replaced_before_a_command_without_a_store_reads_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `dvc repro` runs: rows of one content under the key of the other would release a model for data that nobody pinned."""
    (root / "plan.json").write_bytes(write_plan(graph()))
    arguments = ["people-extract", "--plan", str(root / "plan.json"), "--root", str(root), "--out", f"rows={root / 'rows'}"]
    run_stage = command.run_stage

    def late(*given: Any) -> dict[str, Path]:
        (root / "people.csv").write_text(NEW)
        return run_stage(*given)

    with monkeypatch.context() as patched:
        patched.setattr(command, "run_stage", late)
        assert command.main(arguments) == 1
    assert "error[MLS801] at people.from" in capsys.readouterr().err and not (root / "rows").exists()
    assert command.main(arguments) == 0
    assert table.load(root / "rows")["age"].to_pylist() == [40, 41]
