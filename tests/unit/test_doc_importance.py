"""The site answers which features predict most with what `evaluate` found of the model, where a run found it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from mlspec.doc.questions.of_data import predictive
from mlspec.doc.subject import Cite, Subject

ROWS = [
    {"features": ["age", "older"], "value": 0.11, "low": 0.1, "high": 0.12},
    {"features": ["<b>"], "value": -0.001, "low": None, "high": None},
]


def subject(analysis: dict[str, Any]) -> Subject:
    """A spec without an `explore`, whose run found this."""
    evidence = SimpleNamespace(analysis={"deeper": analysis}, statistics={})
    run = SimpleNamespace(evidence=evidence, digests={})
    return cast(Subject, SimpleNamespace(run=run, blocks=lambda *kinds: [], cite_found=lambda name: Cite(name, "#")))


def test_importances_stand_with_their_intervals_and_names_are_text() -> None:
    answer = predictive(subject({"candidate": "tune", "importance": {"metric": "auc", "features": ROWS}}))
    assert answer is not None
    text = str(answer.body)
    assert "age, older</code> 0.11 (0.1 to 0.12)" in text and "&lt;b&gt;</code> -0.001" in text and "<b>" not in text
    assert [cite.text for cite in answer.cites if cite] == ["analysis.deeper"]


def test_a_run_without_importances_answers_nothing() -> None:
    assert predictive(subject({"candidate": "tune", "weak_slices": {}})) is None
