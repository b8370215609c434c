"""Pathological input: each gives its code, nothing raises, and the work grows with the text alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from mlspec.diagnostics import Collector
from mlspec.diagnostics.render import render
from mlspec.source import SourceFile
from mlspec.syntax import parse
from tests.support.deadline import cpu_deadline

TraceFunction = Callable[[FrameType, str, Any], Any]
HEAD = "mlspec 2026.1\n"


def field(value: str) -> str:
    return f"{HEAD}spec a {{\n  x = {value}\n}}\n"


TABLE = {
    "empty": ("", "MLS004"),
    "blank": ("\n \n", "MLS004"),
    "comments": ("# a\n" * 50, "MLS004"),
    "no edition": ("spec a {\n}\n", "MLS004"),
    "edition on line 2": ("\n" + HEAD, "MLS004"),
    "300 KB": (HEAD + "#" + "x" * 300_000, "MLS005"),
    "string of 8193": (field('"' + "x" * 8_193 + '"'), "MLS005"),
    "square brackets": (field("[" * 100_000), "MLS006"),
    "round brackets": (field("(" * 100_000), "MLS006"),
    "blocks": (HEAD + "a {\n" * 60_000, "MLS006"),
    "minus": (field("-" * 200_000 + "1"), "MLS006"),
    "not": (field("not " * 60_000 + "x"), "MLS006"),
    "else if": (field("if a then b else " * 14_000 + "c"), "MLS006"),
    "sum": (field("1" + "+1" * 120_000), "MLS006"),
    "dots": (field("a" + ".a" * 120_000), "MLS006"),
    "attributes": (HEAD + "spec a {\n  x := 1" + " @k" * 80_000 + "\n}\n", "MLS006"),
    "10,001 items": (field("[" + ",".join(["1"] * 10_001) + "]"), "MLS006"),
    "commas": (field("," * 200_000), "MLS006"),
    "string without end": (field('"' + "x" * 200_000), "MLS003"),
    "text without end": (field('sql"""' + "x\n" * 100_000), "MLS003"),
    "digits": (field("1" * 250_000), "MLS014"),
    "underscores": (field("1_" * 100_000), "MLS014"),
    "dates": (field("2026-01-01T" * 20_000), "MLS013"),
    "escapes": (field('"' + "\\u{" * 2_000 + '"'), "MLS001"),
    "quotes": (field('"' * 100_001), "MLS001"),
    "closers": (HEAD + "}" * 200_000, "MLS001"),
    "equals": (HEAD + "=" * 200_000, "MLS001"),
    "empty blocks": (HEAD + "a {}\n" * 40_000, "MLS001"),
    "blocks on one line": (HEAD + "a { x = 1 }\n" * 15_000, "MLS001"),
    "calls never closed": (HEAD + "a = f(\nb = 1\n" * 15_000, "MLS002"),
    "10,000 errors": (HEAD + "5\n" * 10_000, "MLS001"),
    "NUL": (field('"a\0b"'), "MLS008"),
    "lone CR": (HEAD + "# note\rk = 2\n", "MLS008"),
    "vertical tab": (field("1\x0b"), "MLS008"),
    "NBSP": (field("1\u00a0"), "MLS008"),
    "line separator": (field("1\u2028"), "MLS008"),
    "next line": (field("1\u0085"), "MLS008"),
    "surrogate": (field('"\ud800"'), "MLS008"),
    "escape sequence": (HEAD + "spec \x1b[2J {\n}\n", "MLS008"),
    "tag character": (field('"\U000e0041"'), "MLS009"),
    "variation selector": (field('"\ufe0f"'), "MLS009"),
    "zero width": (HEAD + "# a\u200bb\n", "MLS009"),
    "homoglyph": (HEAD + "sp\u0435c a {\n}\n", "MLS010"),
    "65 letters": (HEAD + "spec " + "x" * 65 + " {\n}\n", "MLS010"),
    "__proto__": (HEAD + "spec __proto__ {\n}\n", "MLS010"),
    "device": (HEAD + "spec con {\n}\n", "MLS010"),
    "byte order mark": ("\ufeff" + HEAD + "spec a {\n}\n", "MLS015"),
    **{
        f"bidi {point:04X}": (HEAD + f"# {chr(point)}\n", "MLS009")
        for point in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
    },
}


@pytest.mark.parametrize("name", TABLE)
def test_pathological_input(name: str) -> None:
    text, code = TABLE[name]
    with cpu_deadline(60):
        tree, found = parse(SourceFile("p.mlspec", text))
    assert found and found[0].code.id == code
    assert tree is not None or any(d.code.id in {"MLS005", "MLS006"} for d in found)
    shown = render(Collector(found).sorted())
    assert shown.count("\n") < 1_500
    assert not any(ord(char) < 0x20 and char != "\n" for char in shown)


GOOD = {
    "250 KB of comment": HEAD + "#" + "x" * 250_000 + "\n",
    "32 blocks": HEAD + "a b {\n" * 32 + "}\n" * 32,
    "32 brackets": HEAD + "spec a {\n  x = " + "(" * 31 + "1" + ")" * 31 + "\n}\n",
    "10,000 items": field("[" + ",".join(["1"] * 10_000) + ",]"),
    "40 nots in a row": field(" and ".join(["not (a)"] * 40)),
    "string of 8192": field('"' + "x" * 8_192 + '"'),
    "64 letters": HEAD + "spec " + "x" * 64 + " {\n}\n",
    "a sum of 9,000": field("1" + " + 1" * 9_000),
    "no newline at the end": HEAD + "param a: int = 1",
}


@pytest.mark.parametrize("name", GOOD)
def test_just_inside_the_limits(name: str) -> None:
    tree, found = parse(SourceFile("p.mlspec", GOOD[name]))
    assert tree is not None and found == []


@pytest.mark.parametrize(
    "piece", ["[", "a ", "1+", '"a" ', "a.", "@", "#x\n", "a = 1\n", "1_000 ", "2026-01-01 ", "a {\n}\n", 'x"""', "\\", "é"]
)
def test_work_grows_no_faster_than_the_text(piece: str) -> None:
    """Twice the text executes at most about twice the lines, whatever the text: counted, so that no other program matters."""
    small, large = (lines_executed(SourceFile("p", HEAD + piece * (size // len(piece)))) for size in (6_000, 12_000))
    assert large < 2.2 * small + 2_000


def lines_executed(source: SourceFile) -> int:
    """How many lines of Python a parse of `source` executes."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> TraceFunction:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        parse(source)
    finally:
        sys.settrace(before)
    return count
