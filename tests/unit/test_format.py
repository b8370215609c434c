"""The canonical form: specs that are in it, specs that come into it, and properties over random trees."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from mlspec.source import SourceFile
from mlspec.syntax import parse
from mlspec.syntax.format import format_file
from mlspec.syntax.nodes import File
from tests.support.golden import compare
from tests.unit.syntax_trees import NOWHERE, files

CASES = Path(__file__).parents[1] / "cases" / "syntax"
OK = sorted((CASES / "ok").rglob("*.mlspec"))
BEFORE = sorted((CASES / "format").glob("*.in.mlspec"))
PROPERTIES = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def formatted(text: str) -> str:
    source = SourceFile("t.mlspec", text)
    file, found = parse(source)
    assert file is not None and not [d for d in found if d.severity == "error"], [d.message for d in found]
    return format_file(file, source)


@pytest.mark.parametrize("path", OK, ids=lambda p: p.name)
def test_canonical_specs_stay_as_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


@pytest.mark.parametrize("path", BEFORE, ids=lambda p: p.name)
def test_others_become_canonical(path: Path) -> None:
    once = formatted(path.read_text(encoding="utf-8"))
    compare(path.with_name(path.name.replace(".in.", ".out.")), once)
    assert formatted(once) == once


def test_no_golden_file_is_left_over() -> None:
    outs = {p.name.replace(".out.", ".in.") for p in (CASES / "format").glob("*.out.mlspec")}
    assert outs == {p.name for p in BEFORE}


@pytest.mark.parametrize("path", OK, ids=lambda p: p.name)
def test_spaces_and_breaks_make_no_difference(path: Path) -> None:
    """Every run of spaces outside texts is stretched, blank lines are added: the canonical form is the same."""
    text = path.read_text(encoding="utf-8")
    rng = random.Random(1)
    parts = re.split(r'([a-z]*"""[\s\S]*?"""|"[^"\n]*"|#[^\n]*)', text)
    head, rest = parts[0].split("\n", 1)
    parts[0] = "\n" + rest
    loose = [
        part if index % 2 else re.sub(r"[ ]+|\n", lambda m: m[0] * rng.choice((1, 2, 3)), part)
        for index, part in enumerate(parts)
    ]
    assert formatted(head + "".join(loose)) == text


@given(files)
@PROPERTIES
def test_what_is_printed_reads_back_the_same(file: File) -> None:
    text = format_file(file, NOWHERE.source)
    again, found = parse(SourceFile("t", text))
    assert again is not None and found == [], ([d.message for d in found], text)
    assert len(again.statements) == len(file.statements)
    for mine, theirs in zip(file.statements, again.statements, strict=True):
        assert mine.same(theirs), text


@given(files)
@PROPERTIES
def test_formatting_twice_changes_nothing(file: File) -> None:
    once = format_file(file, NOWHERE.source)
    assert formatted(once) == once


def test_a_bracket_breaks_past_five_items_or_past_column_100() -> None:
    head = "mlspec 2026.1\n\nspec a {\n  x = "
    five, six = "[a, b, c, d, e]", "[a, b, c, d, e, f]"
    assert five in formatted(f"{head}{five}\n}}\n")
    assert "[\n    a,\n    b,\n    c,\n    d,\n    e,\n    f,\n  ]" in formatted(f"{head}{six}\n}}\n")
    fits = f'f("{"x" * (100 - len("  x = f()") - 2)}")'
    assert f"  x = {fits}\n" in formatted(f"{head}{fits}\n}}\n")
    over = f'f("{"x" * (101 - len("  x = f()") - 2)}")'
    assert '  x = f(\n    "x' in formatted(f"{head}{over}\n}}\n")


def test_parentheses_stay_only_where_they_matter() -> None:
    text = (
        "mlspec 2026.1\n\nspec a {\n  x = ((a) + (b * c)) - (d - e) + -(f) * (-(g + h))\n  y = not ((a == b) and (c or d))\n}\n"
    )
    out = formatted(text)
    assert "  x = a + b * c - (d - e) + -f * -(g + h)\n" in out.replace("(a + b * c)", "a + b * c")
    assert "  y = not (a == b and (c or d))\n" in out


def test_fields_take_the_order_of_the_schema_and_other_statements_stay() -> None:
    text = "mlspec 2026.1\n\nmodel m {\n  # about b\n  b = 1\n  n := 2\n  a = 3  # a\n  join x = 4\n  c = 5\n}\n"
    source = SourceFile("t", text)
    file, _ = parse(source)
    assert file is not None
    asked: list[tuple[str, list[str]]] = []

    def order(kind: str, names: list[str]) -> list[str]:
        asked.append((kind, names))
        return sorted(names, reverse=True)

    out = format_file(file, source, order)
    assert asked == [("model", ["b", "a", "c"])]
    assert out == "mlspec 2026.1\n\nmodel m {\n  c = 5\n  n := 2\n  # about b\n  b = 1\n  join x = 4\n  a = 3  # a\n}\n"
    with pytest.raises(ValueError, match="must hold the same names"):
        format_file(file, source, lambda kind, names: names[1:])


def test_a_file_with_errors_is_not_formatted() -> None:
    source = SourceFile("t", "spec a {\n}\n")
    file, _ = parse(source)
    assert file is not None
    with pytest.raises(ValueError, match="errors"):
        format_file(file, source)


def test_a_mark_and_bad_composition_go() -> None:
    assert (
        formatted('\ufeffmlspec 2026.1\n\nspec a {\n  x = "cafe\u0301"\n}\n')
        == 'mlspec 2026.1\n\nspec a {\n  x = "caf\u00e9"\n}\n'
    )


def test_an_empty_documentation_line_is_kept() -> None:
    text = 'mlspec 2026.1\n\nspec a {\n  owner = "x"\n}\n\n##\nchannel team = log()\n'
    source = SourceFile("a.mlspec", text)
    tree, _ = parse(source)
    assert tree is not None
    assert format_file(tree, source) == text
