"""Questions about changed rows that no run could answer are errors at check, and those that it can are none."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec
from tests.unit.test_cli_schemas import SPEC

GATE = "  useful :="


def found(tmp_path: Path, gate: str, text: str = SPEC) -> list[tuple[str, str]]:
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "small.mlspec"
    path.write_text(text.replace(GATE, f"  asked := {gate}\n{GATE}", 1))
    return [(one.code.id, one.help) for one in mlspec.check(path) if one.severity == "error"]


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ("robustness(candidate, missing: 10%) >= 50%", "reads no column that may be null, so that `missing:` changes nothing"),
        (
            "lower(robustness(candidate, noise: 5%, unseen: 10%)) >= 50%",
            "reads no open category, so that `unseen:` changes nothing",
        ),
        ("invariant(candidate, to: people.code) >= 50%", "does not read `code`"),
    ],
)
def test_a_question_that_changes_nothing(tmp_path: Path, gate: str, why: str) -> None:
    assert [(code, why in text) for code, text in found(tmp_path, gate)] == [("MLS213", True)]


@pytest.mark.parametrize(
    "gate",
    [
        "robustness(candidate, noise: 5%) >= 50%", "robustness(candidate, shift: -0.5, of: auc) >= 0.5",
        "invariant(candidate, to: people.age) >= 0%", "monotone(candidate, along: people.age, direction: down) >= 0%",
        "auc(candidate) - robustness(candidate, noise: 5%, of: auc) <= 1pp",
    ],
)  # fmt: skip
def test_a_question_that_a_run_answers(tmp_path: Path, gate: str) -> None:
    assert found(tmp_path, gate) == []


def test_values_that_a_request_may_bring(tmp_path: Path) -> None:
    nullable = SPEC.replace("age: int @range(18..90)", "age: int? @range(18..90)").replace(
        "  frame = people\n  age :=", "  frame = people\n  missing = fill(number: median)\n  age :="
    )
    assert found(tmp_path, "robustness(candidate, missing: 10%) >= 50%", nullable) == []
