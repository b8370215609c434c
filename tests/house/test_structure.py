"""The house rules that can be read off the tree: sizes, names, and no place of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("mlspec", "backends", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
MODULE_LINES = 500
FUNCTION_LINES = 60
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MODULE_LINES, "the design wants a new name"
    too_long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in functions(ast.parse(text))
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    }
    assert not too_long


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are(path: Path) -> None:
    assert path.stem not in VAGUE
    assert ast.get_docstring(ast.parse(path.read_text())), "a module's docstring says what it is for"


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_place_of_one_machine() -> None:
    place = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")
    found = []
    for path in tracked():
        if path.suffix in {".parquet", ".png", ".gz", ".whl"} or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if place.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found


def test_nothing_reads_or_writes_pickles() -> None:
    banned = {"pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal"}
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import)
                else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            )  # fmt: skip
            calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}
            if calls or any(name.split(".")[0] in banned for name in names):
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert not found


def test_every_file_of_tests_has_a_name_of_its_own() -> None:
    """pytest imports what lies in no package by its bare name, and collects one file of that name alone."""
    bare = [path.name for path in (ROOT / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").exists()]
    assert sorted(name for name in set(bare) if bare.count(name) > 1) == []
