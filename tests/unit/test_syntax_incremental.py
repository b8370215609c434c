"""After any edit the incremental reading says what a full parse says: tree, spans, comments and diagnostics."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.diagnostics import Diagnostic
from mlspec.source import SourceFile, Span
from mlspec.syntax import parse
from mlspec.syntax.incremental import Reading, spans_of
from tests.fuzz.mutate import corpus

ROOT = Path(__file__).parents[2]
CENSUS = (ROOT / "specs/census_income.mlspec").read_text()
FRAGMENTS = (
    "{", "}", "(", ")", "[", "]", '"', '"""', "#", "##", "## doc\n", "\n", "\n\n", " ", "=", ":=", ":", "use ", 'use "./a.mlspec" as a\n',
    "mlspec 2026.1\n", "a := 1\n", "spec x {\n}\n", "  b = 2\n", "set a.b = 1\n", "\r", "\u202e", "\ufeff", "😀", "é", "'x'", "8 %", ".5",
    "if a then b else c", "-- x", "kind name\n{\n}\n", "x:\n  y = 1\n", "null", "@was(a)", "\U0001d11e", "   }\n", "{\n{\n", "join a = b(\n",
)  # fmt: skip


def told(found: list[Diagnostic]) -> list[Any]:
    return [
        (one.code.id, one.span, one.data, one.severity, [(note.message, note.span) for note in one.notes],
         [(edit.span, edit.text, edit.guess) for edit in one.edits])
        for one in found
    ]  # fmt: skip


def same(reading: Reading, text: str) -> None:
    source = SourceFile("demo.mlspec", text)
    tree, found = parse(source)
    assert reading.tree == tree
    assert told(reading.found) == told(found)
    assert len(reading.found) == len(found)
    if reading.tree is not None:
        assert tree is not None and reading.tree.edition == tree.edition
        sources = {id(span.source) for span in spans_of([reading.tree])}
        assert len(sources) == 1, "every span is of the newest text"


def edited(reading: Reading, text: str, start: int, end: int, new: str) -> str:
    text = text[:start] + new + text[end:]
    reading.edit(SourceFile("demo.mlspec", text), start, end, len(new))
    return text


def random_edit(rng: random.Random, text: str) -> tuple[int, int, str]:
    start = rng.randint(0, len(text))
    if rng.random() < 0.3:
        start = text.find("\n", start) + 1
    length = rng.choice((0, 0, 0, 1, 1, 3, 20, 200))
    new = rng.choice((*FRAGMENTS, "", "", "a", text[start : start + rng.randint(0, 60)], "q" * rng.randint(1, 3)))
    return start, min(len(text), start + length), new


@pytest.mark.parametrize("seed", range(12))
def test_random_edits_read_as_a_fresh_parse(seed: int) -> None:
    rng = random.Random(seed)
    seeds = [text for text in corpus() if len(text) < 4_000]
    for _ in range(8):
        text = CENSUS if rng.random() < 0.5 else rng.choice(seeds)
        reading = Reading(SourceFile("demo.mlspec", text))
        same(reading, text)
        back: list[str] = []
        for _ in range(15):
            text = edited(reading, text, *random_edit(rng, text))
            same(reading, text)
            back.append(text)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(FRAGMENTS) | st.text(max_size=8)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_hypothesis_edits_read_as_a_fresh_parse(edits: list[tuple[float, int, str]]) -> None:
    text = CENSUS
    reading = Reading(SourceFile("demo.mlspec", text))
    for place, length, new in edits:
        start = int(place * len(text))
        text = edited(reading, text, start, min(len(text), start + length), new)
        same(reading, text)


def test_only_the_changed_statement_is_read() -> None:
    reading = Reading(SourceFile("demo.mlspec", CENSUS))
    start = CENSUS.index("0.88") + 4
    text = edited(reading, CENSUS, start, start, "5")
    gates = text[text.index("gates release") : text.index("serve income_api")]
    assert reading.read <= len(gates) + 2
    same(reading, text)


def test_a_fault_is_read_again_and_no_more() -> None:
    start = CENSUS.index("0.88")
    reading = Reading(SourceFile("demo.mlspec", CENSUS))
    broken = edited(reading, CENSUS, start, start + 4, "")
    assert reading.found
    after = edited(reading, broken, broken.index("seed = 7") + 8, broken.index("seed = 7") + 8, "1")
    assert 0 < reading.read < len(after) / 3
    same(reading, after)
    whole = edited(reading, after, start + 1, start + 1, "0.88")
    assert not reading.found
    same(reading, whole)


def test_a_bracket_that_is_open_reads_the_whole_text_until_it_is_closed() -> None:
    at = CENSUS.index("channel console")
    reading = Reading(SourceFile("demo.mlspec", CENSUS))
    text = edited(reading, CENSUS, at, at, "model x {\n")
    assert reading.read == len(text)
    same(reading, text)
    text = edited(reading, text, at + 10, at + 10, "}\n")
    same(reading, text)
    text = edited(reading, text, len(text) - 3, len(text) - 3, " ")
    assert reading.read < 200
    same(reading, text)


def test_documentation_above_a_deleted_statement_goes_to_the_next() -> None:
    text = CENSUS.replace("channel console = log()\n\n", "## One.\nchannel console = log()\n")
    reading = Reading(SourceFile("demo.mlspec", text))
    start = text.index("channel console")
    text = edited(reading, text, start, start + len("channel console = log()\n"), "")
    same(reading, text)
    assert reading.tree is not None and reading.tree.statements[1].doc == "One."


def test_spans_of_names_every_span_once() -> None:
    tree, _ = parse(SourceFile("demo", CENSUS))
    assert tree is not None
    found = spans_of([tree])
    assert len({id(span) for span in found}) == len(found) and all(type(span) is Span for span in found)
