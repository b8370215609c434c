"""The six ways to print findings, over the same findings; golden files beside them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import pytest

from mlspec.diagnostics import Diagnostic, Edit, Note, code
from mlspec.diagnostics.escape import escape
from mlspec.diagnostics.render import FORMATS, render, summary
from mlspec.diagnostics.render.json import schema
from mlspec.diagnostics.render.sarif import fingerprint
from mlspec.source import SourceFile, Span
from tests.support.golden import compare

CASES = Path(__file__).parents[1] / "cases" / "syntax" / "render"
SUFFIX = {"text": "txt", "json": "json", "sarif": "sarif", "github": "github", "gitlab": "gitlab", "junit": "xml"}


def findings() -> list[Diagnostic]:
    """One of each sort: with an edit, a note elsewhere, a warning, no place, wide letters, and hostile text."""
    source = SourceFile(
        "specs/demo.mlspec", 'mlspec 2026.1\nsource rows {\n\tfron = csv("数据.csv") # 日\n  age: int\n  age: text\n}\n'
    )
    text = source.text

    def span(word: str, nth: int = 0) -> Span:
        start = -1
        for _ in range(nth + 1):
            start = text.index(word, start + 1)
        return Span(source, start, start + len(word))

    return [
        Diagnostic(code("MLS114"), None, {"name": "a\x1b[2Jb.mlspec", "why": "does not exist"}),
        Diagnostic(code("MLS107"), span("rows"), {"kind": "source", "name": "rows"}),
        Diagnostic(
            code("MLS105"),
            span("fron"),
            {"kind": "source", "noun": "field", "name": "fron", "known": "`from`, `refresh`", "nearest": "from"},
            edits=[Edit(span("fron"), "from")],
        ),
        Diagnostic(
            code("MLS201"), span('csv("数据.csv")'), {"what": "`fron`", "wanted": "100% a, b: c", "got": "\u202ehidden\nline"}
        ),
        Diagnostic(
            code("MLS102"), span("age", 1), {"kind": "column", "name": "age"}, notes=[Note("first declared here", span("age"))]
        ),
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_format(format: str) -> None:
    compare(CASES / f"findings.{SUFFIX[format]}", render(findings(), format, files=["specs/demo.mlspec", "specs/clean.mlspec"]))


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in CASES.iterdir()} == {f"findings.{suffix}" for suffix in SUFFIX.values()}


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_hostile_reaches_a_terminal(format: str) -> None:
    shown = render(findings(), format)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)


def test_colour_is_only_colour() -> None:
    plain, colored = render(findings()), render(findings(), color=True)
    assert plain != colored and re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


def test_the_marks_stand_under_what_they_mark() -> None:
    lines = render(findings()[2:3]).split("\n")
    line = next(line for line in lines if "fron = csv" in line)
    marks = next(line for line in lines if "^" in line)
    assert marks.index("^") == line.index("fron") and marks.count("^") == 4


def test_a_long_line_is_cut_around_its_place() -> None:
    text = "x" * 1_000 + "BAD" + "y" * 1_000
    found = Diagnostic(code("MLS101"), Span(SourceFile("a", text), 1_000, 1_003), {"kind": "name", "name": "BAD"})
    shown = render([found]).split("\n")
    line = next(line for line in shown if "BAD" in line and "|" in line)
    assert len(line) < 180 and "…" in line
    assert next(line for line in shown if "^" in line).index("^^^") == line.index("BAD")


def test_a_place_at_the_end_of_the_file_has_a_mark() -> None:
    for text in ("", "a", "a\n", "a\n\n"):
        shown = render([Diagnostic(code("MLS004"), Span(SourceFile("a", text), len(text), len(text)), {"what": "it is empty"})])
        assert shown.count("^") == 1


def test_json_fits_its_published_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    document = json.loads(render(findings(), "json", files=["a"]))
    validator.validate(document)
    assert (document["errors"], document["warnings"]) == (4, 1)
    document["diagnostics"][0]["extra"] = 1
    assert not validator.is_valid(document)


def test_json_places_edits_where_they_apply() -> None:
    text = findings()[2].span.source.text  # type: ignore[union-attr]
    edit = json.loads(render(findings(), "json"))["diagnostics"][2]["edits"][0]
    start, end = edit["place"]["start"]["offset"], edit["place"]["end"]["offset"]
    assert (text[:start] + edit["text"] + text[end:]).split("\n")[2].startswith("\tfrom = ")


def test_a_fingerprint_survives_moved_lines_and_tells_equal_findings_apart() -> None:
    def found(text: str) -> Diagnostic:
        start = text.index("bad")
        return Diagnostic(code("MLS101"), Span(SourceFile("a", text), start, start + 3), {"kind": "name", "name": "bad"})

    assert fingerprint(found("bad")) == fingerprint(found("\n\n  bad"))
    twice = json.loads(render([found("bad bad"), found("x\nbad")], "sarif"))["runs"][0]["results"]
    assert len({result["partialFingerprints"]["mlspec/v1"] for result in twice}) == 2


def test_junit_is_xml_with_a_case_for_every_file() -> None:
    root = ElementTree.fromstring(render(findings(), "junit", files=["specs/demo.mlspec", "specs/clean.mlspec"]))
    cases = root.findall("./testsuite/testcase")
    assert [case.get("name") for case in cases] == ["specs/demo.mlspec", "specs/clean.mlspec", "a\\u{1b}[2Jb.mlspec"]
    assert [len(case.findall("failure")) for case in cases] == [3, 0, 1]


def test_the_rest_is_counted() -> None:
    many = [
        Diagnostic(code("MLS101"), Span(SourceFile("a", "x" * 300), i, i + 1), {"kind": "name", "name": "x"})
        for i in range(250)
    ]
    assert render(many).endswith("\n… and 150 more\n") and render(many).count("error[") == 100
    assert render(many, "github").endswith("and 150 more\n")
    assert len(json.loads(render(many, "json"))["diagnostics"]) == 250
    assert summary(many) == "250 errors" and summary(findings()) == "4 errors, 1 warning" and summary([]) == ""


def test_escape_shows_what_hides() -> None:
    assert escape("a\x1b\r\n\u202e\u00a0é日") == "a\\u{1b}\\u{d}\\u{a}\\u{202e}\\u{a0}é日"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="one of text, json, sarif, github, gitlab, junit"):
        render([], "yaml")
