"""Extraction by cases: a folder with a source and its files, and beside them the rows or the error that it must give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.extract import run
from tests.support.golden import compare
from tests.support.stages import run_stage_function

CASES = Path(__file__).parent / "cases" / "extract"


def outcome(case: Path, tmp_path: Path) -> Any:
    """What the stage gives: the rows as text, or the error without what is about the machine."""
    project = tmp_path / "project"
    shutil.copytree(case, project)
    config = json.loads((case / "source.json").read_text(encoding="utf-8"))
    try:
        out = run_stage_function(run, tmp_path, "extract", config, block="s", project_root=project)
    except StageError as error:
        return {"error": error.to_json()}
    table = pq.read_table(out / "rows" / "rows.parquet")
    head = json.loads((out / "rows" / "table.json").read_text(encoding="utf-8"))
    assert head["rows"] == table.num_rows
    assert head["columns"] == config["columns"]
    return {
        "types": {field.name: str(field.type) for field in table.schema},
        "rows": [[None if value is None else str(value) for value in row.values()] for row in table.to_pylist()],
        "files": [file["path"] for file in head["files"]],
    }


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_case(case: Path, tmp_path: Path) -> None:
    found = outcome(case, tmp_path)
    assert str(tmp_path) not in json.dumps(found)
    compare(case / "expected.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
