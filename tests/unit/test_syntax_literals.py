"""What literals mean, and what is said about the ones that mean nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mlspec.source import SourceFile
from mlspec.syntax import parse
from mlspec.syntax.nodes import Literal


def literal(text: str) -> tuple[Literal, list[str]]:
    file, found = parse(SourceFile("t", f"mlspec 2026.1\nspec d {{\n  x = {text}\n}}\n"))
    assert file is not None
    return file.statements[0].body[0].value, [d.code.id for d in found]  # type: ignore[union-attr]


GOOD = [
    ("0", "int", 0, ""),
    ("99_999", "int", 99_999, ""),
    ("9223372036854775807", "int", 2**63 - 1, ""),
    ("1.5", "float", 1.5, ""),
    ("1e-3", "float", 0.001, ""),
    ("true", "bool", True, ""),
    ("null", "null", None, ""),
    ('"a\\u{e9}\\n\\"\\\\"', "string", 'aé\n"\\', ""),
    ("2026-03-31", "date", date(2026, 3, 31), ""),
    ("2026-03-31T10:00:00Z", "instant", datetime(2026, 3, 31, 10, tzinfo=UTC), ""),
    ("250ms", "duration", 0.25, ""),
    ("36h", "duration", 129_600.0, ""),
    ("90d", "duration", 7_776_000.0, ""),
    ("2w", "duration", 1_209_600.0, ""),
    ("64MiB", "bytes", 64 * 2**20, ""),
    ("1.5kB", "bytes", 1_500, ""),
    ("50rps", "rate", 50.0, "rps"),
    ("60rpm", "rate", 1.0, "rpm"),
    ("40_000tpm", "rate", 40_000 / 60, "tpm"),
    ("5%", "percent", 0.05, ""),
    ("12.3%", "percent", 0.123, ""),
    ("0.5pp", "points", 0.005, ""),
    ("sha256:" + "ab" * 32, "digest", "ab" * 32, ""),
    ('sql"""select 1"""', "text", "select 1", "sql"),
    ('sql"""\n    a\n      b\n\n    c\n  """', "text", "a\n  b\n\nc", "sql"),
    ('t"""no \\n escape"""', "text", "no \\n escape", "t"),
]


@pytest.mark.parametrize(("text", "kind", "value", "unit"), GOOD, ids=[row[0][:20] for row in GOOD])
def test_value(text: str, kind: str, value: object, unit: str) -> None:
    found, codes = literal(text)
    assert codes == []
    assert (found.kind, found.value, found.unit, found.raw) == (kind, value, unit, text)
    assert type(found.value) is type(value)


BAD = [
    ("5mo", "MLS012"),
    ("5m", "MLS012"),
    ("1.5M", "MLS012"),
    ("5KB", "MLS011"),
    ("5days", "MLS011"),
    ("1e3x", "MLS011"),
    ("2026-03-31T10:00:00", "MLS013"),
    ("2026-03-31T10:00:00+02:00", "MLS013"),
    ("2026-02-30", "MLS014"),
    ("2026-1-1", "MLS014"),
    ("2026-03-31T10:00Z", "MLS014"),
    ("2026-03-31T25:00:00Z", "MLS014"),
    ("0001-01-01T00:00:00+12:00", "MLS014"),
    ("1e999", "MLS014"),
    ("1e9999999", "MLS014"),
    ("9223372036854775808", "MLS014"),
    ("9" * 20, "MLS014"),
    ("0x1F", "MLS014"),
    ("1_0", "MLS014"),
    ("007", "MLS014"),
    (".5", "MLS014"),
    ("1.", "MLS014"),
    ("1.5B", "MLS014"),
    ("9999999999GiB", "MLS014"),
    ("NaN", "MLS014"),
    ("inf", "MLS014"),
    ("sha256:abc", "MLS014"),
    ('"\\u{110000}"', "MLS014"),
    ('"\\u{d800}"', "MLS014"),
    ('"\\x"', "MLS001"),
    ('"""x"""', "MLS001"),
    ('"open', "MLS003"),
    ('"cafe\u0301"', "MLS015"),
    ("\u0661\u0662", "MLS008"),
    ("1\u00b2", "MLS008"),
    ("'a'", "MLS008"),
    ("d\u00e9j\u00e0", "MLS010"),
]


@pytest.mark.parametrize(("text", "code"), BAD, ids=[row[0][:20] for row in BAD])
def test_bad_literals_have_one_code_of_their_own(text: str, code: str) -> None:
    _, codes = literal(text)
    assert codes[0] == code
    assert codes == [code] or text == "'a'"


def test_a_string_that_is_not_composed_is_read_composed() -> None:
    found, _ = literal('"cafe\u0301"')
    assert found.value == "caf\u00e9"
