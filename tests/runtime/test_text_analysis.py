"""What the report tells of texts: the words that move the score, the loss by length, and nothing of texts that tags hide."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlspec.runtime.evaluate.texts import Asked, text_columns, texts_told
from mlspec.runtime.evaluate.worst_rows import EXCERPT, MASKED, cells_of
from mlspec.runtime.report.texts_part import texts_part
from tests.runtime.package_tables import feature

FEATURES = [feature("note", "text", {"op": "tokens"}), feature("age", "float", {"op": "scale"})]
COLUMN = {"name": "note", "type": "text", "tags": []}
TEXTS = ["Good day", "bad day", "good good", "a long and bad night", "the day", "day"] * 10


def asked(score: Any, **changes: Any) -> Asked:
    losses = np.array([float(len(text.split())) for text in TEXTS]) + np.arange(60) / 1000
    values = {"note": np.array(TEXTS, dtype=object), "age": np.zeros(60)}
    return Asked(**{"values": values, "score": score, "losses": losses, "wrong": losses > 3, "groups": None, "classes": ("no", "yes"), "min_cell": 10, "confidence": 0.95} | changes)  # fmt: skip


def goodness(values: Any) -> Any:
    return np.array([0.5 + 0.2 * text.lower().split().count("good") - 0.1 * ("bad" in text) for text in values["note"]])


def told(score: Any = goodness, columns: Any = None, **changes: Any) -> dict[str, Any]:
    found = texts_told(FEATURES, columns or {"note": COLUMN}, asked(score, **changes))
    assert found["problem"] is None
    (entry,) = found["features"]
    return entry


def test_a_word_counts_by_what_the_score_is_without_it() -> None:
    words = {row["word"]: row for row in told()["words"]}
    assert list(words)[:2] == ["good", "bad"]
    assert (words["good"]["n"], words["good"]["value"]) == (20, pytest.approx(0.3))  # it stands twice in half of them
    assert words["bad"]["value"] == pytest.approx(-0.1)
    assert words["day"]["value"] == pytest.approx(0.0)
    assert words["good"]["low"] < 0.3 < words["good"]["high"]


def test_words_of_few_texts_are_not_told() -> None:
    assert {row["word"] for row in told(min_cell=11)["words"]} == {"good", "bad", "day"}
    assert told(min_cell=61)["words"] == [] and told(min_cell=61)["lengths"] == []


def test_of_many_classes_the_most_moved_one_is_told() -> None:
    entry = told(lambda values: np.stack([goodness(values) / 2, 1 - goodness(values)], axis=1))
    assert entry["words"][0] | {"low": 0, "high": 0} == {
        "word": "good",
        "n": 20,
        "class": "yes",
        "value": pytest.approx(-0.3),
        "low": 0,
        "high": 0,
    }


def test_the_loss_goes_with_the_length() -> None:
    rows = told()["lengths"]
    assert [(row["words"], row["n"]) for row in rows] == [("1", 10), ("2", 40), ("5", 10)]
    assert [round(row["loss"]) for row in rows] == [1, 2, 5]
    assert [row["wrong"] for row in rows] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("tag", ["pii.free_text", "pii.direct", "protected", "key"])
def test_tags_hide_texts(tag: str) -> None:
    hidden = COLUMN | {"tags": [tag]}
    entry = told(columns={"note": hidden})
    assert entry["problem"] and not entry["words"] and not entry["lengths"]
    assert cells_of([(hidden | {"read_as_text": True}, ["secret"])], 1)(0) == [MASKED]


def test_worst_rows_show_the_beginning_of_a_text() -> None:
    shown = cells_of([(COLUMN | {"read_as_text": True}, ["one\n  two", "x" * 500])], 10)
    assert shown(0) == ["one two"]
    assert shown(1) == ["x" * EXCERPT + " …"]
    assert cells_of([(COLUMN, ["one two"])], 10)(0) == [MASKED]  # a text that no model reads word by word


def test_the_report_shows_points_of_scores_and_units_of_numbers() -> None:
    assert text_columns(FEATURES) == {"note": "note"}
    whole = {"texts": {"features": [told()], "problem": None, "rows": 60}}
    assert texts_part({**whole, "label": {"task": "binary"}})["features"][0]["words"][0]["value"] == "+30.0"
    assert texts_part({**whole, "label": {"task": "regression"}})["features"][0]["words"][0]["value"] == "+0.3"
    assert texts_part({"label": {"task": "binary"}}) is None
    assert texts_told(FEATURES[1:], {}, asked(goodness))["problem"]
