"""The table of codes: complete, unique, well worded; the collector and the filling of wordings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlspec
from mlspec.diagnostics import Code, Collector, Diagnostic, Edit, Note, all_codes, code
from mlspec.diagnostics.table import FAMILIES, family
from mlspec.source import SourceFile, Span

# The codes that the language defines, by family: first and last number, and the holes.
DEFINED = {
    "0": range(1, 16),
    "1": range(101, 119),
    "2": range(201, 215),
    "3": range(301, 319),
    "4": range(401, 411),
    "5": range(501, 518),
    "6": range(601, 615),
    "7": range(701, 710),
    "8": [*range(801, 830), 835, 836, 837],
    "9": range(901, 902),
}
# Every name that a wording may take its data from: few, so that whoever reports a code need not look them up.
FIELDS = {
    "name",
    "kind",
    "wanted",
    "got",
    "nearest",
    "hint",
    "known",
    "why",
    "what",
    "where",
    "other",
    "block",
    "limit",
    "column",
    "fix",
    "count",
    "source",
    "model",
    "candidate",
    "target",
    "char",
    "escape",
    "unit",
    "meaning",
    "mark",
    "since",
    "chain",
    "function",
    "as_of",
    "estimator",
    "env",
    "log",
    "how",
    "extra",
    "type",
    "noun",
}


def test_every_defined_code_is_there_and_no_other() -> None:
    for digit in FAMILIES:
        assert list(family(digit)) == [f"MLS{number:03}" for number in DEFINED[digit]]


def test_slugs_are_unique() -> None:
    slugs = [row.slug for row in all_codes()]
    assert len(set(slugs)) == len(slugs)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", slug) for slug in slugs)


@pytest.mark.parametrize("row", all_codes(), ids=lambda row: row.id)
def test_wording(row: Code) -> None:
    assert row.severity in {"error", "warning"}
    assert row.message and not row.message.endswith(".") and row.message[0] in "`{" + "abcdefghijklmnopqrstuvwxyz"
    assert row.expected or row.found or row.help, "a message without a way out"
    assert set(row.fields) <= FIELDS
    for wording in (row.message, row.expected, row.found, row.help):
        assert wording.count("`") % 2 == 0
        assert not re.search(r"\b(utils?|TODO|FIXME)\b", wording)


def test_an_unknown_code_is_a_key_error() -> None:
    for id in ("MLS000", "MLS999", "101", "MLSX01", "MLS1010"):
        with pytest.raises(KeyError):
            code(id)


def test_a_line_without_its_data_is_left_out() -> None:
    row = code("MLS105")
    full = Diagnostic(
        row,
        None,
        {"name": "fron", "kind": "source", "noun": "field", "known": "`from`", "nearest": "from", "hint": "see the page"},
    )
    assert (full.message, full.expected, full.help) == (
        "source has no field `fron`",
        "`from`",
        "did you mean `from`?\nsee the page",
    )
    bare = Diagnostic(row, None, {"name": "fron", "kind": "source", "noun": "field"})
    assert (bare.message, bare.expected, bare.help) == ("source has no field `fron`", "", "")


def test_braces_in_the_data_stay_as_they_are() -> None:
    found = Diagnostic(code("MLS101"), None, {"kind": "name", "name": "{x}{0}{name}"})
    assert found.message == "unknown name `{x}{0}{name}`"


def at(start: int, id: str = "MLS101", name: str = "x", source: SourceFile | None = None) -> Diagnostic:
    return Diagnostic(code(id), Span(source or SourceFile("a", "x" * 500), start, start + 1), {"kind": "name", "name": name})


def test_the_collector_sorts_and_keeps_each_once() -> None:
    collector = Collector([at(5), at(1)])
    collector.add(at(5))
    collector.extend([at(3, "MLS107"), at(5, name="y")])
    assert [(d.span.start, d.code.id) for d in collector.sorted() if d.span] == [
        (1, "MLS101"),
        (3, "MLS107"),
        (5, "MLS101"),
        (5, "MLS101"),
    ]
    assert (len(collector), collector.errors, collector.warnings) == (5, 3, 1)


def test_the_collector_shows_errors_before_warnings_when_there_are_too_many() -> None:
    collector = Collector([at(i, "MLS107") for i in range(150)] + [at(i) for i in range(200, 210)])
    shown, more = collector.shown()
    assert len(shown) == 100 and more == 60
    assert sum(d.severity == "error" for d in shown) == 10
    assert [d.span.start for d in shown if d.span] == sorted(d.span.start for d in shown if d.span)


def test_notes_and_edits_are_kept_in_order() -> None:
    span = Span(SourceFile("a", "abc"), 0, 1)
    found = Diagnostic(code("MLS101"), span, {}, [Note("one"), Note("two", span)], [Edit(span, "b")])
    assert [note.message for note in found.notes] == ["one", "two"] and found.edits[0].text == "b"


def test_a_clean_check_loads_no_family_and_no_heavy_module() -> None:
    script = (
        "import sys, types\npackage = types.ModuleType('mlspec')\npackage.__path__ = [sys.argv[1]]\nsys.modules['mlspec'] = package\n"
        "from mlspec.source import SourceFile\nfrom mlspec.syntax import parse\n"
        "assert parse(SourceFile('a', 'mlspec 2026.1\\nspec a {\\n  x = 5%\\n}\\n'))[1] == []\n"
        "heavy = {'dataclasses', 'inspect', 'typing', 'pathlib', 'lark', 'pydantic', 'unicodedata', 'difflib', 'datetime'}\n"
        "print(sorted(heavy & set(sys.modules)), sorted(name for name in sys.modules if '.codes.' in name))"
    )
    shown = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(Path(mlspec.__file__).parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "[] []\n"
