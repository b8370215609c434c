"""The table of meaning names code and tests that exist, and no sentence without either."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from mlspec.diagnostics import code

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "semantics-coverage.md"
LINES = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")] for line in LINES if not line.startswith(("| ---", "| sentence"))
]
NAMED = re.compile(r"`([^`]+)`")


@cache
def functions(path: Path) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.FunctionDef))


def test_the_table_covers_the_sections() -> None:
    assert len(ROWS) > 60
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:60])
def test_a_sentence_has_code_and_a_test(row: list[str]) -> None:
    _, done, shown = row
    files = NAMED.findall(done)
    if not files:
        assert done.startswith("MLS") and code(done), "code, or the code of what is not built"
    assert not [name for name in files if not (ROOT / name).is_file()]
    tests = NAMED.findall(shown)
    assert tests
    for name in tests:
        path, _, function = name.partition("::")
        assert function.startswith("test_")
        assert function in functions(ROOT / path), name
