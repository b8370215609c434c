"""More confidence moves lower ends down and upper ends up: whether it permits more is for the conditions of the block to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_diff import of_texts

SPEC = (Path(__file__).parents[1] / "cases" / "errors" / "MLS505" / "good.mlspec").read_text()
AFTER_SEARCH, AFTER_GATES = "  calibrate = isotonic(part: parts.tune)\n", "  min_group = 200\n"
STRICT, LOOSE, UNSURE = "tightening", "loosening", "loosening: mlspec cannot tell which way this goes"
SEARCH = [
    ("lower(recall(trial)) >= 60%", STRICT),
    ("upper(false_pos_rate(trial)) <= 5%", STRICT),
    ("60% <= lower(recall(trial))", STRICT),
    ("upper(recall(trial)) >= 60%", LOOSE),
    ("lower(false_pos_rate(trial)) <= 5%", LOOSE),
    ("recall(trial) >= 60%", STRICT),
]
GATES = [
    ("lower(auc(candidate)) >= 0.6", STRICT),
    ("upper(false_pos_rate(candidate) - false_pos_rate(base)) <= 2pp", STRICT),
    ("worst(lower(recall(candidate)), by: inputs.sex) >= 10%", STRICT),
    ("upper(auc(candidate)) >= 0.6", LOOSE),
    ("worst(lower(false_pos_rate(candidate)), by: inputs.sex) <= 10%", LOOSE),
    ("lower(auc(candidate)) >= 0.6 and upper(false_pos_rate(candidate)) <= 5%", STRICT),
    ("lower(auc(candidate)) >= 0.6 or upper(recall(candidate)) >= 80%", UNSURE),
    ("not (upper(recall(candidate)) >= 80%)", STRICT),
    ("lower(recall(candidate)) in 10%..90%", UNSURE),
    ("lower(recall(candidate)) - upper(false_pos_rate(candidate)) >= 0pp", STRICT),
    ("lower(recall(candidate)) - lower(false_pos_rate(candidate)) >= 0pp", UNSURE),
    ("recall(candidate) >= 10%", STRICT),
]


def said(tmp_path: Path, line: str, condition: str, confidences: tuple[str, str]) -> str:
    """What a diff says of another confidence in the block in which `line` stands, with one condition."""
    head, tail = SPEC.split(line)
    if "min_group" in line:
        tail = tail[tail.index("\n}") :].removeprefix("\n")
    texts = [f"{head}{line}  confidence = {each}\n  asked := {condition}\n{tail}" for each in confidences]
    (change,) = of_texts(tmp_path, *texts).changes
    assert change.where.endswith(".confidence")
    return f"{change.effect}: {change.why}" if change.why else change.effect


@pytest.mark.parametrize(("condition", "raised"), SEARCH)
def test_confidence_of_a_search(tmp_path: Path, condition: str, raised: str) -> None:
    assert said(tmp_path, AFTER_SEARCH, condition, ("80%", "95%")) == raised
    assert said(tmp_path, AFTER_SEARCH, condition, ("95%", "80%")) == {STRICT: LOOSE, LOOSE: STRICT}.get(raised, raised)


@pytest.mark.parametrize(("condition", "raised"), GATES)
def test_confidence_of_gates(tmp_path: Path, condition: str, raised: str) -> None:
    assert said(tmp_path, AFTER_GATES, condition, ("80%", "95%")) == raised
    assert said(tmp_path, AFTER_GATES, condition, ("95%", "80%")) == {STRICT: LOOSE, LOOSE: STRICT}.get(raised, raised)


def test_code_that_is_no_longer_held_to_its_result(tmp_path: Path) -> None:
    """200 rows are asked again where an extern says that it is deterministic: without, nobody looks."""
    text = 'extern feature double(x: float) -> float {\n  code = "code/f.py:double"\n  deterministic = true\n}\n\nsplit parts'
    text = SPEC.replace("split parts", text)
    (change,) = [
        one for one in of_texts(tmp_path, text, text.replace("true\n}", "false\n}")).changes if "deterministic" in one.where
    ]
    assert (change.effect, change.security) == ("loosening", True)
    for other in (text.replace("  deterministic = true\n", ""), text.replace("true\n}", "false\n}")):
        (back,) = [one for one in of_texts(tmp_path, other, text).changes if "deterministic" in one.where]
        assert back.effect == "tightening"
