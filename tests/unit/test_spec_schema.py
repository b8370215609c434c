"""The schema table is well formed, and the example specs stand in its order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlspec.diff.table import DIRECTIONS as DIRECTION_ROWS
from mlspec.spec import schema
from mlspec.spec.constructors import default_item
from mlspec.spec.fields import wanted
from mlspec.spec.reference import render
from mlspec.spec.schema.body import ATTRIBUTES, ROLES
from mlspec.spec.schema.constructors import CONSTRUCTORS
from mlspec.spec.values import Made
from mlspec.syntax.nodes import Block, Setting
from tests.support.specs import parse_path

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "tests/cases/ok").rglob("*.mlspec"))
DIRECTIONS = set(DIRECTION_ROWS)
KINDS = [
    "spec",
    "param",
    "secret",
    "channel",
    "entity",
    "source",
    "schedule",
    "explore",
    "frame",
    "split",
    "features",
    "publish",
    "model",
    "search",
    "compress",
    "train",
    "evaluate",
    "gates",
    "card",
    "prompt",
    "serve",
    "score",
    "monitor",
    "extern",
    "test",
    "env",
    "waive",
]


def rows() -> list[tuple[str, Any]]:
    return [(name, schema.kind(name)) for name in schema.kinds()]


def test_every_kind_of_the_language_has_a_row() -> None:
    assert set(KINDS) == set(schema.top_kinds())


@pytest.mark.parametrize("name", schema.kinds())
def test_rows_are_well_formed(name: str) -> None:
    kind = schema.kind(name)
    assert kind is not None
    assert kind.doc.endswith(".")
    assert set(kind.forms) <= {"block", "short", "declare"}
    for field in kind.fields.values():
        assert field.override in {"open", "guarded", "locked"}, field
        assert field.direction in DIRECTIONS, field
        assert re.fullmatch(r"[A-Z`].*\.", field.doc), field
        assert wanted(field.form)
    assert kind.role is None or schema.role(kind.role).noun
    for nested in kind.blocks:
        row = schema.kind(nested)
        assert row is not None
        assert name in row.inside


@pytest.mark.parametrize("name", schema.kinds())
def test_defaults_are_values_of_their_form(name: str) -> None:
    kind = schema.kind(name)
    assert kind is not None
    for field in kind.fields.values():
        if field.required or field.default is None:
            continue
        item = default_item(field.default, field.form)
        if isinstance(item, Made):
            row = schema.constructor(item.group, item.name)
            assert row is not None
            assert set(item.args) == {parameter.name for parameter in row.parameters}
            assert all(item.args[parameter.name].item is not ... for parameter in row.parameters)
        elif field.form[0] == "enum":
            assert item in field.form[1:]


def test_constructors_and_attributes_are_documented() -> None:
    for group, lines in CONSTRUCTORS.items():
        for name, parameters, built, doc in lines:
            assert doc.endswith("."), (group, name)
            assert isinstance(built, bool)
            assert all(row[3].endswith(".") and wanted(row[1]) for row in parameters), (group, name)
    known = {row[0] for row in ROLES} | {"column", "entity", "param"}
    for name, roles, parameters, direction, doc in ATTRIBUTES:
        assert set(roles) <= known, name
        assert direction in DIRECTIONS
        assert doc.endswith(".")
        assert all(row[3].endswith(".") for row in parameters)


def settings(block: Block) -> list[tuple[str, list[str]]]:
    own = [(block.kind.text, [each.name.text for each in block.body if isinstance(each, Setting) and each.label is None])]
    return own + [pair for each in block.body if isinstance(each, Block) for pair in settings(each)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_stand_in_schema_order(path: Path) -> None:
    file, found = parse_path(path)
    assert not found
    assert file is not None
    for statement in file.statements:
        if isinstance(statement, Block):
            for kind, names in settings(statement):
                assert schema.order(kind, names) == names, (kind, names)


def test_order_keeps_what_the_schema_does_not_know() -> None:
    assert schema.order("search", ["zeta", "trials", "alpha", "features"]) == ["features", "trials", "zeta", "alpha"]


def test_the_reference_page_is_up_to_date() -> None:
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    assert render(page) == page, "run `python -m mlspec.spec.reference docs/language.md`"
