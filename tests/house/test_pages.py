"""The pages hold together: each is reachable, each decision and each command is listed, what is generated is fresh."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

import mlspec
from mlspec.cli import reference
from mlspec.cli.dispatch import COMMANDS
from mlspec.diagnostics.render import render

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
WRONG = sorted((ROOT / "tests" / "cases" / "errors").glob("*/bad.mlspec"))


def linked(page: Path) -> set[Path]:
    """The files of this repository that a page links to."""
    found = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    return {(page.parent / target).resolve() for target in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not [path for path in linked(page) if not path.exists()]


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            ahead += linked(page)
    assert not set(DOCS.rglob("*.md")) - reached


def test_every_decision_is_listed() -> None:
    assert DECISIONS
    assert not set(DECISIONS) - linked(DOCS / "decisions" / "README.md")


def test_the_page_of_commands_is_what_the_parsers_say() -> None:
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert page == reference.page(), "run `make docs`"
    assert all(f"## `{name}`" in page for name in COMMANDS)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.parent.name)
def test_the_findings_of_a_wrong_spec_fit_the_published_schema(path: Path) -> None:
    schema = json.loads((ROOT / "mlspec" / "diagnostics" / "render" / "schema.json").read_text(encoding="utf-8"))
    found = json.loads(render(mlspec.check(path), "json", files=[path.name]))
    assert found["diagnostics"]
    jsonschema.Draft202012Validator(schema).validate(found)
