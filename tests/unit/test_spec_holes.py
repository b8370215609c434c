"""A syntax error hides the checks of its own statement and of no other, and makes no error out of what is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import mlspec
from tests.unit.test_spec_messages import BASE

LINES = BASE.split("\n")


def codes(text: str, where: Path) -> list[tuple[str, int]]:
    (where / "mlspec.toml").touch()
    path = where / "demo.mlspec"
    path.write_text(text, encoding="utf-8")
    return [(one.code.id, one.span.position[0]) for one in mlspec.check(path) if one.span is not None]


DAMAGE: dict[str, Callable[[str], str]] = {
    "two values": lambda line: f"{line} 7 7",
    "a stray mark": lambda line: f"{line} ;",
    "equals twice": lambda line: line.replace("=", "= =", 1),
    "a number in front": lambda line: f"9{line.strip()}",
    "half a line": lambda line: line[: len(line) // 2],
    "no line": lambda line: "}" if line.strip() != "}" else "",
    "an open bracket": lambda line: f"{line} (",
    "a closed bracket": lambda line: f"{line} ]",
    "a colon": lambda line: line.replace(" {", ":").replace(" =", ":"),
    "an open string": lambda line: f'{line} "',
    "two dashes": lambda line: f"{line} -- note",
    "a dash in a name": lambda line: line.replace(" {", "-x {"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_right_stays_right(damage: str, tmp_path: Path) -> None:
    """Each line of a clean spec damaged in turn: where the syntax is at fault, nothing else is reported of the other lines."""
    told = 0
    for number, line in enumerate(LINES[2:], 3):
        worse = DAMAGE[damage](line)
        if worse == line or not line.strip():
            continue
        found = codes("\n".join([*LINES[: number - 1], worse, *LINES[number:]]), tmp_path)
        syntax = [code for code, _ in found if code < "MLS100"]
        told += bool(syntax)
        if syntax:
            assert [one for one in found if one[0] >= "MLS100"] == [], (number, worse)
    assert told > 5


def test_a_fault_elsewhere_is_told_in_the_same_run(tmp_path: Path) -> None:
    text = BASE.replace("  seed = 7", "  seed = = 7").replace("objective = maximize(auc)", "objective = minimize(auc)")
    text = text.replace("  useful := lower(auc(candidate)) >= 0.88", "  useful := lower(auc(candidate)) >= 88pp")
    assert [code for code, _ in codes(text, tmp_path)] == ["MLS001", "MLS209", "MLS202"]


def test_a_name_of_a_broken_block_is_not_unknown(tmp_path: Path) -> None:
    text = BASE.replace("  stratify = income", "  stratify = = income").replace("trials = 20", "trials = 0")
    assert [code for code, _ in codes(text, tmp_path)] == ["MLS001", "MLS209"]


def test_where_a_block_ends_is_open_nothing_is_guessed(tmp_path: Path) -> None:
    text = BASE.replace("  seed = 7\n}", "  seed = 7").replace("trials = 20", "trials = 0")
    assert [code for code, _ in codes(text, tmp_path)] == ["MLS002"]
