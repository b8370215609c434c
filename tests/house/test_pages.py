"""A page that is drawn in another way is drawn again: the versions of `report`, `card` and `explore` go with their code.

`python -m tests.house.test_pages` writes pages.json again, once the versions are raised.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlspec.graph import KINDS

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("pages.json")
TEMPLATES = ROOT / "mlspec/runtime/report/templates"
DRAWN = ("mlspec.runtime.report", "mlspec.runtime.profile")
PAGES = {
    "report": (
        "mlspec.runtime.report.run",
        (
            "page.html.j2",
            "page.css",
            "evaluation.html.j2",
            "evaluation.css",
            "analysis.html.j2",
            "comparisons.html.j2",
            "training.html.j2",
            "texts.html.j2",
            "compression.html.j2",
        ),
    ),
    "card": ("mlspec.runtime.report.card", ()),
    "explore": ("mlspec.runtime.profile.stage", ("page.html.j2", "page.css", "explore.html.j2")),
}


def path_of(module: str) -> Path:
    whole = ROOT / module.replace(".", "/")
    return whole / "__init__.py" if whole.is_dir() else whole.with_suffix(".py")


def drawing_modules(entry: str) -> dict[str, ast.Module]:
    """The module and all that it imports of the packages that draw pages, parsed."""
    found: dict[str, ast.Module] = {}
    pending = [entry]
    while pending:
        module = pending.pop()
        if module in found or not module.startswith(DRAWN) or not path_of(module).is_file():
            continue
        found[module] = ast.parse(path_of(module).read_text())
        for node in ast.walk(found[module]):
            if isinstance(node, ast.ImportFrom) and node.module:
                pending += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def meaning(node: Any) -> Iterator[str]:
    """A tree as words, without places, comments, docstrings and fields that are empty: the same for every Python and layout."""
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if name == "body" and isinstance(value, list) and value and _is_text(value[0]):
                value = value[1:]
            if value not in (None, []):
                yield name
                yield from meaning(value)
    elif isinstance(node, list):
        for item in node:
            yield from meaning(item)
    else:
        yield repr(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def digest_of_page(kind: str) -> str:
    entry, templates = PAGES[kind]
    words = [word for _, tree in sorted(drawing_modules(entry).items()) for word in meaning(tree)]
    texts = [(TEMPLATES / name).read_text() for name in templates]
    return hashlib.sha256("\x1f".join([*words, *texts]).encode()).hexdigest()


def golden() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(GOLDEN.read_text())
    return known


@pytest.mark.parametrize("kind", PAGES)
def test_the_version_goes_with_what_draws_the_page(kind: str) -> None:
    known, version, digest = golden()[kind], KINDS[kind].version, digest_of_page(kind)
    assert digest == known["digest"] or version > known["version"], (
        f"what draws the `{kind}` page changed: raise the version of kind `{kind}` in mlspec/graph/kinds.py, "
        "else complete runs keep the old page; then `python -m tests.house.test_pages`"
    )
    assert (version, digest) == (known["version"], known["digest"]), "write it down: `python -m tests.house.test_pages`"


def test_layout_and_comments_are_no_meaning_and_words_are() -> None:
    one = 'def f(x: int) -> str:\n    """Says."""\n    return f"{x}"  # so\n'
    same = 'def f(\n    x: int,\n) -> str:\n    """Says it."""\n    return f"{x}"\n'
    assert [*meaning(ast.parse(one))] == [*meaning(ast.parse(same))]
    assert [*meaning(ast.parse(one))] != [*meaning(ast.parse(one.replace("{x}", "{x}!")))]


def test_each_page_is_watched_with_all_that_it_imports() -> None:
    assert {"mlspec.runtime.report.charts.bars", "mlspec.runtime.report.page", "mlspec.runtime.profile.view"} <= {
        *drawing_modules(PAGES["explore"][0])
    }
    assert "mlspec.runtime.report.gates_part" in drawing_modules(PAGES["card"][0])
    drawn = {name for _, templates in PAGES.values() for name in templates}
    assert {path.name for path in TEMPLATES.iterdir()} - drawn == {"monitor.html.j2", "readings.html.j2"}, (
        "those pages are covered by no digest"
    )


def main() -> None:
    """Write pages.json again; a page that changed under its old version is refused."""
    now = {kind: {"version": KINDS[kind].version, "digest": digest_of_page(kind)} for kind in PAGES}
    for kind, known in golden().items():
        if now[kind]["digest"] != known["digest"] and KINDS[kind].version <= known["version"]:
            raise SystemExit(f"raise the version of kind `{kind}` in mlspec/graph/kinds.py first")
    GOLDEN.write_text(json.dumps(now, indent=2) + "\n")


if __name__ == "__main__":
    main()
