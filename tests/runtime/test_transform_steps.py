"""Fitted steps: what they learn, what they do with null and unknown values, and that a row stands for itself."""

from __future__ import annotations

import json
import math
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from package_tables import feature

from mlspec.graph.canonical import canonical_text
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform import Target, column_of, fit_transform
from mlspec.runtime.transform.chain import read_transform
from mlspec.runtime.transform.tokens import words_of

FIVE = [1.0, 2.0, 4.0, 8.0, None]
WORDS = ["b", "a", "b", None, "c"]


def target(count: int, task: str = "binary", classes: int = 2, groups=None) -> Target:
    return Target(task, np.arange(count) % classes * 1.0, classes, groups, seed=11)


def fitted(kind, values, *steps, unknown="encode", over=None):
    item = feature("x", kind, *steps)
    found, matrix = fit_transform([item], {"x": column_of(item, values)}, over or target(len(values)), unknown)
    return item, found, matrix


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"op": "fill", "with": "median"}], [1, 2, 4, 8, 3]),
        ([{"op": "fill", "with": "mean"}], [1, 2, 4, 8, 3.75]),
        ([{"op": "fill", "with": {"value": -1}}], [1, 2, 4, 8, -1]),
        ([{"op": "scale", "method": "minmax"}], [0, 1 / 7, 3 / 7, 1, math.nan]),
        ([{"op": "scale", "method": "robust"}], [-2 / 3.25, -1 / 3.25, 1 / 3.25, 5 / 3.25, math.nan]),
        ([{"op": "quantile_bucket", "bins": 2}], [0, 0, 1, 1, math.nan]),
        ([{"op": "fill", "with": {"value": 4.0}}, {"op": "onehot", "max": None}], None),
    ],
)
def test_steps_on_numbers(steps, expected):
    _, found, matrix = fitted("float?", FIVE, *steps)
    if expected is None:
        assert matrix.names == ("x=1.0", "x=2.0", "x=4.0", "x=8.0")
        assert matrix.numbers.sum() == 5
    else:
        np.testing.assert_array_equal(matrix.numbers[:, 0], np.array(expected, dtype=float))
    json.loads(canonical_text(found.to_json()))


def test_fill_with_a_flag_keeps_the_flag_out_of_later_steps():
    _, _, matrix = fitted("float?", FIVE, {"op": "fill", "with": "mean", "flag": True}, {"op": "scale", "method": "standard"})
    assert matrix.names == ("x", "x.missing")
    assert matrix.numbers[:, 1].tolist() == [0, 0, 0, 0, 1]
    assert abs(matrix.numbers[:, 0].mean()) < 1e-15


def test_onehot_keeps_the_most_frequent_and_knows_the_rest():
    item, found, matrix = fitted("category?", WORDS, {"op": "onehot", "max": 1}, unknown="reject")
    assert matrix.names == ("x=b",)
    assert found.apply({"x": column_of(item, ["c", None, "b"])}).numbers[:, 0].tolist() == [0, 0, 1]
    with pytest.raises(StageError) as caught:
        found.apply({"x": column_of(item, ["d"])})
    assert caught.value.code == "MLS211"


def test_ordinal_follows_the_declared_order():
    step = {"op": "ordinal", "values": ["low", "mid", "high"]}
    item, found, matrix = fitted("category", ["high", "low", "low"], step)
    assert matrix.numbers[:, 0].tolist() == [2, 0, 0]
    assert found.apply({"x": column_of(item, ["mid", "none"])}).numbers[:, 0].tolist() == [1, -1]


def test_target_rate_is_out_of_fold_on_its_own_rows_and_full_elsewhere():
    values = ["a"] * 10 + ["b"] * 10
    over = Target("binary", np.array([1.0] * 9 + [0.0] + [0.0] * 10), seed=3)
    item, found, matrix = fitted("category", values, {"op": "target_rate", "smoothing": 0.0, "folds": 5}, over=over)
    assert found.apply({"x": column_of(item, ["a", "b", "never", None])}).numbers[:, 0].tolist() == [0.9, 0.0, 0.45, 0.45]
    own = matrix.numbers[:10, 0]
    # Without its own fold the one zero is worth more or less, so no row may see the full rate.
    assert 0.9 not in own.tolist()
    zero = own[9]
    assert zero == 1.0


def test_target_rate_folds_hold_whole_groups():
    groups = np.repeat(np.arange(8), 5)
    folds = Target("binary", np.zeros(40), 2, groups, seed=1).folds(5)
    assert all(len(set(folds[groups == group])) == 1 for group in range(8))
    assert len(set(folds.tolist())) == 5


def test_target_rate_of_many_classes_has_a_column_for_each():
    _, _, matrix = fitted(
        "category", ["a", "b"] * 9, {"op": "target_rate", "smoothing": 5.0, "folds": 5}, over=target(18, "multiclass", 3)
    )
    assert matrix.numbers.shape == (18, 3)
    np.testing.assert_allclose(matrix.numbers.sum(axis=1), 1.0)


def test_hash_bucket_and_tfidf_take_any_text():
    item, found, matrix = fitted("string?", WORDS, {"op": "hash_bucket", "buckets": 4})
    assert matrix.numbers.shape == (5, 4)
    assert matrix.numbers.sum(axis=1).tolist() == [1, 1, 1, 0, 1]
    assert found.apply({"x": column_of(item, ["never seen"])}).numbers.sum() == 1
    texts = ["the red house", "the blue house", "", None]
    item, found, matrix = fitted("text?", texts, {"op": "tfidf", "max_features": 3})
    assert matrix.names == ("x:blue", "x:house", "x:the")
    np.testing.assert_allclose(np.linalg.norm(matrix.numbers, axis=1), [1, 1, 0, 0])


def test_a_letter_and_its_accent_are_one_word_of_tfidf_however_they_were_written():
    composed, apart = (
        ["Café müde", "café", "MÜDE"],
        [unicodedata.normalize("NFD", text) for text in ("Café müde", "café", "MÜDE")],
    )
    step = {"op": "tfidf", "max_features": 9}
    item, one, matrix = fitted("text", composed, step)
    _, other, same = fitted("text", apart, step)
    assert matrix.names == same.names == ("x:café", "x:müde")
    assert one.states == other.states
    for found in (one, other):
        for texts in (composed, apart):
            np.testing.assert_array_equal(found.apply({"x": column_of(item, texts)}).numbers, matrix.numbers)


def test_a_package_of_before_letters_were_composed_answers_as_it_was_proven():
    from mlspec.runtime.transform.words import apply_tfidf

    texts = column_of(feature("x", "text", {"op": "tfidf", "max_features": 9}), [unicodedata.normalize("NFD", "müde"), "müde"])
    state = {"words": ["de", "müde"], "weights": [1.0, 1.0]}
    assert apply_tfidf(state, texts)[0].numbers.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert apply_tfidf({**state, "composed": True}, texts)[0].numbers.tolist() == [[0.0, 1.0], [0.0, 1.0]]


TOKENS = {"op": "tokens", "vocabulary": 4, "length": 5, "by": "word", "min_texts": 2}


def test_tokens_are_places_of_widespread_words():
    texts = ["The red house, the sea!", "a red sea", "RED house", "", None]
    _, _, matrix = fitted("text?", texts, TOKENS)
    assert matrix.names == ("x.0", "x.1", "x.2", "x.3", "x.4")
    # `red` is in three texts; `house` and `sea` in two, by alphabet; the rest in one.
    assert matrix.numbers.tolist()[:4] == [[1, 2, 3, 1, 1], [1, 2, 4, 0, 0], [2, 3, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert np.isnan(matrix.numbers[4]).all()
    letters = fitted("text", ["ab a", "B  A"], {**TOKENS, "by": "character", "vocabulary": 2})[2]
    assert letters.numbers.tolist() == [
        [3, 1, 2, 3, 0],
        [1, 2, 3, 0, 0],
    ]  # all three are in both texts: the first two by their codes
    with pytest.raises(StageError) as caught:
        fitted("text", ["one", "two"], TOKENS)
    assert (caught.value.code, caught.value.where) == ("MLS204", "features.x")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Caf\u00e9 na\u00efve_2!", ["caf\u00e9", "na\u00efve_2", "!"]),
        (
            "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e",
            ["\u0939\u093f\u0928\u094d\u0926\u0940", "\u092d\u093e\u0937\u093e"],
        ),
        ("x\u0301y,\u0301 z \u2764\ufe0fa", ["x\u0301y", ",\u0301", "z", "\u2764\ufe0f", "a"]),
    ],
)
def test_words_are_the_same_however_their_marks_are_written(text, words):
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, text)
        assert words_of(written, "word") == words
        assert "".join(words_of(written, "character")).replace(" ", "") == "".join(words)


def test_vectors_become_columns_and_null_is_null_in_all():
    item = feature("x", "vector", {"op": "scale", "method": "standard"})
    found, matrix = fit_transform([item], {"x": column_of(item, [[0.0, 1.0], [2.0, 3.0]])}, target(2))
    assert matrix.names == ("x.0", "x.1")
    assert np.isnan(found.apply({"x": column_of(item, [None])}).numbers).tolist() == [[True, True]]


@pytest.mark.parametrize(
    ("kind", "values", "steps", "code"),
    [
        ("date", ["2020-01-01"], [], "MLS201"),
        ("category", ["a", "b"], [], "MLS201"),
        ("category", ["a", "b"], [{"op": "scale", "method": "standard"}], "MLS201"),
        ("category?", ["a", None], [{"op": "fill", "with": "median"}], "MLS201"),
        ("float?", [None, None], [{"op": "fill", "with": "median"}], "MLS204"),
        ("float", [math.inf, 1.0], [], "MLS209"),
        ("float", [1.0, 2.0], [{"op": "embed"}], "MLS901"),
    ],
)
def test_what_cannot_be_fitted_says_so(kind, values, steps, code):
    with pytest.raises(StageError) as caught:
        fitted(kind, values, *steps)
    assert caught.value.code == code


STEPS = [
    feature("number", "float?", {"op": "fill", "with": "median", "flag": True}, {"op": "scale", "method": "standard"}),
    feature("bucket", "float?", {"op": "quantile_bucket", "bins": 4}),
    feature("word", "category?", {"op": "onehot", "max": 3}),
    feature("risk", "category?", {"op": "target_rate", "smoothing": 2.0, "folds": 5}),
    feature("text", "text?", {"op": "tfidf", "max_features": 5}),
    feature("tokens", "text?", {**TOKENS, "min_texts": 1}),
]
NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6))
TEXTS = st.one_of(st.none(), st.sampled_from(["one", "two", "one two", "three four", "ü ß", ""]))
ROW = st.tuples(NUMBERS, NUMBERS, TEXTS, TEXTS, TEXTS, TEXTS)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=8, max_size=24), st.lists(ROW, min_size=1, max_size=9))
def test_a_row_alone_equals_the_row_in_a_batch_bit_for_bit(fitting, others):
    def columns(rows):
        return {item["name"]: column_of(item, [row[at] for row in rows]) for at, item in enumerate(STEPS)}

    if any(all(row[at] is None for row in fitting) for at in (0, 1)):
        fitting = [(0.5, 0.5, *row[2:]) for row in fitting]
    fitting = [*fitting, (0.5, 0.5, "one", None, "one two", "one")]  # a step that learns from nothing but nulls is refused
    found, _ = fit_transform(STEPS, columns(fitting), target(len(fitting)))
    again = read_transform(json.loads(canonical_text(found.to_json())), STEPS)
    batch = found.apply(columns(others)).numbers
    for place, row in enumerate(others):
        assert again.apply(columns([row])).numbers.tobytes() == np.ascontiguousarray(batch[place : place + 1]).tobytes()


def test_a_state_does_not_depend_on_the_order_of_rows():
    generator = np.random.default_rng(0)
    values = (generator.normal(size=400) * 10.0 ** generator.integers(-8, 8, size=400)).tolist()
    steps = [{"op": "fill", "with": "mean"}, {"op": "scale", "method": "standard"}]
    states = [fitted("float", order, *steps)[1].to_json() for order in (values, values[::-1], sorted(values))]
    assert states[0] == states[1] == states[2]
