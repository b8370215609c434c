"""Specs in folders: those that parse, and those that do not with everything they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.diagnostics import code
from mlspec.diagnostics.render import render
from mlspec.source import SourceFile
from mlspec.syntax import parse
from mlspec.syntax.nodes import Block, Chain, Declare, Extern, File, Literal, Node, Setting
from tests.support.golden import compare

CASES = Path(__file__).parents[1] / "cases" / "syntax"
OK = sorted((CASES / "ok").rglob("*.mlspec"))
ERRORS = sorted((CASES / "errors").glob("*.mlspec"))


def read(path: Path) -> SourceFile:
    return SourceFile(path.name, path.read_text(encoding="utf-8"))


def tree(text: str) -> File:
    file, found = parse(SourceFile("t.mlspec", "mlspec 2026.1\n" + text))
    assert file is not None and not found, [d.message for d in found]
    return file


@pytest.mark.parametrize("path", OK, ids=lambda p: p.name)
def test_good_specs_parse_without_a_word(path: Path) -> None:
    file, found = parse(read(path))
    assert found == []
    assert file is not None and file.edition == "2026.1" and file.statements


@pytest.mark.parametrize("path", ERRORS, ids=lambda p: p.name)
def test_bad_specs_say_all_that_is_wrong(path: Path) -> None:
    _, found = parse(read(path))
    assert any(d.severity == "error" for d in found)
    compare(path.with_suffix(".txt"), render(found))


def test_no_golden_file_is_left_over() -> None:
    assert {p.stem for p in (CASES / "errors").glob("*.txt")} == {p.stem for p in ERRORS}


def nodes(value: object) -> list[Node]:
    """Every node under `value`."""
    if isinstance(value, tuple):
        return [node for item in value for node in nodes(item)]
    if not isinstance(value, Node):
        return []
    fields = [getattr(value, name) for name in value.__match_args__]
    return [value, *(node for field in fields for node in nodes(field))]


@pytest.mark.parametrize("path", OK, ids=lambda p: p.name)
def test_every_node_has_a_span_that_holds_its_children(path: Path) -> None:
    file, _ = parse(read(path))
    assert file is not None
    for node in nodes(file):
        assert 0 <= node.span.start <= node.span.end <= len(node.span.source.text)
        assert node.span.text.strip() == node.span.text or isinstance(node, File)
        for child in nodes(tuple(getattr(node, name) for name in node.__match_args__ if name not in {"span", "comments"})):
            assert node.span.start <= child.span.start and child.span.end <= node.span.end


def test_spans_cut_out_what_was_written() -> None:
    file = tree("spec demo {\n  x = (a + b) * f(c: 2)\n}\n")
    block = file.statements[0]
    assert isinstance(block, Block) and block.head.text == "spec demo"
    setting = block.body[0]
    assert isinstance(setting, Setting) and setting.span.text == "x = (a + b) * f(c: 2)"
    assert isinstance(setting.value, Chain) and setting.value.span.text == "(a + b) * f(c: 2)"
    assert setting.value.rest[0][1].span.text == "f(c: 2)"


def test_documentation_goes_to_the_next_statement() -> None:
    file = tree("## One\n##\n## two\nspec demo {\n  ## the seed\n  seed = 1\n}\n")
    block = file.statements[0]
    assert isinstance(block, Block) and block.doc == "One\n\ntwo"
    assert block.body[0].doc == "the seed"  # type: ignore[union-attr]


def test_soft_words_are_names_elsewhere() -> None:
    file = tree("source s {\n  set: int\n  use: int?\n  as: float\n  extern: bool\n  mlspec: text\n  ok := set + use\n}\n")
    block = file.statements[0]
    assert isinstance(block, Block)
    assert [s.name.text for s in block.body if isinstance(s, Declare)] == ["set", "use", "as", "extern", "mlspec"]


def test_chains_are_flat_and_comparisons_are_not_chained() -> None:
    file = tree("spec d {\n  x = a - b + c * d\n}\n")
    chain = file.statements[0].body[0].value  # type: ignore[union-attr]
    assert isinstance(chain, Chain) and [op for op, _ in chain.rest] == ["-", "+"]
    _, found = parse(SourceFile("t", "mlspec 2026.1\nspec d {\n  x = a < b < c\n}\n"))
    assert [d.code.id for d in found] == ["MLS001"] and "comparisons do not chain" in found[0].help


def test_an_extern_has_typed_parameters_and_result() -> None:
    file = tree('extern metric m(reply: text, n: list(int)) -> float? {\n  code = "a.py:f"\n}\n')
    extern = file.statements[0]
    assert isinstance(extern, Extern) and [p.name.text for p in extern.params] == ["reply", "n"] and extern.result.optional


def test_a_broken_statement_leaves_its_neighbours() -> None:
    file, found = parse(SourceFile("t", "mlspec 2026.1\nspec d {\n  a = 1\n  b = = 2\n  c = 3\n}\nspec e {\n  d = )\n}\n"))
    assert [d.span.position for d in found if d.span] == [(4, 7), (8, 7)]
    assert file is not None
    assert [[s.name.text for s in b.body] for b in file.statements] == [["a", "c"], []]  # type: ignore[union-attr]


def test_fixes_turn_the_text_into_what_was_meant() -> None:
    text = "spec d {\n  a = 5m\n  b = 2026-1-1\n  c = 2M\n  d = 1_0\n}\n"
    _, found = parse(SourceFile("t", text))
    edits = sorted(((e.span.start, e.span.end, e.text) for d in found for e in d.edits), reverse=True)
    for start, end, new in edits:
        text = text[:start] + new + text[end:]
    assert text == "mlspec 2026.1\n\nspec d {\n  a = 5min\n  b = 2026-01-01\n  c = 2_000_000\n  d = 10\n}\n"
    assert parse(SourceFile("t", text))[1] == []


def test_a_literal_that_was_reported_is_marked() -> None:
    file, found = parse(SourceFile("t", "mlspec 2026.1\nspec d {\n  a = 5furlong\n}\n"))
    assert [d.code for d in found] == [code("MLS011")] and file is not None
    value = file.statements[0].body[0].value  # type: ignore[union-attr]
    assert isinstance(value, Literal) and value.kind == "bad"


def test_a_default_before_the_attributes_is_told_by_what_would_be_right() -> None:
    text = "mlspec 2026.1\n\nparam floor: float = 0.8 @was(old)  # kept\n"
    _, found = parse(SourceFile("t", text))
    ((edit,),) = [one.edits for one in found]
    assert (
        text[: edit.span.start] + edit.text + text[edit.span.end :]
        == "mlspec 2026.1\n\nparam floor: float @was(old) = 0.8  # kept\n"
    )
    _, found = parse(SourceFile("t", "mlspec 2026.1\n\nsource people {\n  age: int = 3 @range(0..10)\n}\n"))
    ((help_, edits),) = [(one.help, one.edits) for one in found]
    assert (
        not edits
        and help_ == "a column has no value of its own: `age: int @range(0..10)`, and `?? 3` where it is used and may be null"
    )
