"""Every file of the cases is a case, its data, or a golden file that a test reads; a case lost leaves no golden behind."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = sorted(path for folder in ("cases", "runtime/cases") for path in (TESTS / folder).rglob("*") if path.is_file())
GOLDEN = {".txt", ".found", ".github", ".gitlab", ".sarif", ".xml", ".json", ".page"}


def reader_of(path: Path) -> bool:
    """Whether a test reads this golden file: it stands beside its case, or the renderers' test makes it."""
    if path.parent.name == "render":
        return path.stem == "findings"
    if path.stem == "expected" and path.parent.parent.name == "diff":
        return any((path.parent / old).exists() for old in ("old.mlspec", "old"))
    if path.parent.parent.name in ("policy", "review"):
        return path.name == "expected.txt" and any((path.parent / name).exists() for name in ("demo.mlspec", "old"))
    if path.parent.parent.name == "doc":
        return path.name in ("expected.txt", "expected_run.txt", "findings.json") and path.with_name("spec.mlspec").is_file()
    if path.name == "expected.json":
        return (path.parent / "source.json").is_file()
    table = path.with_name("cases.toml")
    if table.is_file():
        return path.stem in tomllib.loads(table.read_text(encoding="utf-8"))
    return path.name == "source.json" or path.with_suffix(".mlspec").is_file()


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.suffix in GOLDEN], ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_a_golden_file_has_its_case(path: Path) -> None:
    assert reader_of(path), "no test reads this file"


def test_formatted_files_have_what_was_formatted() -> None:
    outputs = [path for path in FILES if ".out." in path.name]
    assert outputs
    assert all(path.with_name(path.name.replace(".out.", ".in.")).is_file() for path in outputs)
