"""Every metric of the table equals the reference implementation on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from mlspec.runtime.evaluate.metrics import METRICS, metric_of, score
from mlspec.runtime.evaluate.outcomes import UndefinedMetric, outcomes_of


def two_classes(seed: int, rows: int = 700, levels: int | None = None):
    random = np.random.default_rng(seed)
    scores = random.beta(1.2, 2.0, rows)
    if levels:
        scores = np.round(scores * levels) / levels
    return (random.random(rows) < 0.15 + 0.6 * scores).astype(int), scores


BINARY = {
    "auc": lambda y, s, d: reference.roc_auc_score(y, s),
    "average_precision": lambda y, s, d: reference.average_precision_score(y, s),
    "accuracy": lambda y, s, d: reference.accuracy_score(y, d),
    "balanced_accuracy": lambda y, s, d: reference.balanced_accuracy_score(y, d),
    "precision": lambda y, s, d: reference.precision_score(y, d),
    "recall": lambda y, s, d: reference.recall_score(y, d),
    "f1": lambda y, s, d: reference.f1_score(y, d),
    "log_loss": lambda y, s, d: reference.log_loss(y, s),
    "brier": lambda y, s, d: reference.brier_score_loss(y, s),
}


@pytest.mark.parametrize("levels", [None, 7])
@pytest.mark.parametrize("name", BINARY)
def test_two_classes_equal_scikit_learn(name: str, levels: int | None) -> None:
    y, scores = two_classes(3, levels=levels)
    decision = (scores >= 0.5).astype(int)
    assert score(name, y, scores, decision) == pytest.approx(BINARY[name](y, scores, decision), abs=1e-12)


def test_rates_equal_fairlearn() -> None:
    from fairlearn import metrics as fair

    y, scores = two_classes(5)
    decision = (scores >= 0.4).astype(int)
    assert score("selection_rate", y, scores, decision) == pytest.approx(fair.selection_rate(y, decision), abs=1e-15)
    assert score("false_pos_rate", y, scores, decision) == pytest.approx(fair.false_positive_rate(y, decision), abs=1e-15)
    assert score("false_neg_rate", y, scores, decision) == pytest.approx(fair.false_negative_rate(y, decision), abs=1e-15)
    unfavourable = score("selection_rate", y, scores, decision, favourable=0)
    assert unfavourable == pytest.approx(1 - fair.selection_rate(y, decision), abs=1e-15)


def test_cost_counts_each_kind_of_error() -> None:
    value = score("cost", [0, 0, 1, 1], [0.9, 0.1, 0.2, 0.8], args={"false_pos": 1, "false_neg": 9})
    assert value == (1 + 9) / 4


def three_classes():
    random = np.random.default_rng(11)
    raw = random.random((500, 3)) ** 2
    y = random.integers(0, 3, 500)
    raw[np.arange(500), y] += 0.4
    return y, raw / raw.sum(axis=1, keepdims=True)


MANY = {
    "accuracy": lambda y, s, d: reference.accuracy_score(y, d),
    "balanced_accuracy": lambda y, s, d: reference.balanced_accuracy_score(y, d),
    "macro_f1": lambda y, s, d: reference.f1_score(y, d, average="macro"),
    "weighted_f1": lambda y, s, d: reference.f1_score(y, d, average="weighted"),
    "log_loss": lambda y, s, d: reference.log_loss(y, s),
}


@pytest.mark.parametrize("name", MANY)
def test_many_classes_equal_scikit_learn(name: str) -> None:
    y, scores = three_classes()
    expected = MANY[name](y, scores, scores.argmax(axis=1))
    assert score(name, y, scores, task="multiclass", classes="abc") == pytest.approx(expected, abs=1e-12)


def test_many_classes_one_class_and_top_k() -> None:
    y, scores = three_classes()
    decision = scores.argmax(axis=1)
    got = score("recall", y, scores, task="multiclass", classes=["a", "b", "c"], args={"class": "b"})
    assert got == pytest.approx(reference.recall_score(y == 1, decision == 1), abs=1e-15)
    top = score("top_k", y, scores, task="multiclass", classes="abc", args={"k": 2})
    assert top == pytest.approx(reference.top_k_accuracy_score(y, scores, k=2), abs=1e-15)
    with pytest.raises(UndefinedMetric, match="needs `class:`"):
        score("recall", y, scores, task="multiclass", classes="abc")
    with pytest.raises(UndefinedMetric, match="'z' is none of 'a'"):
        score("recall", y, scores, task="multiclass", classes="abc", args={"class": "z"})


NUMBERS = {
    "rmse": reference.root_mean_squared_error,
    "mae": reference.mean_absolute_error,
    "mape": reference.mean_absolute_percentage_error,
    "r2": reference.r2_score,
    "pinball": lambda y, p: reference.mean_pinball_loss(y, p, alpha=0.9),
    "bias": lambda y, p: float(np.mean(p - y)),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_regression_equals_scikit_learn(name: str) -> None:
    random = np.random.default_rng(2)
    y = random.gamma(3, 20, 400) + 1000
    prediction = y + random.normal(2, 15, 400)
    args = {"at": 0.9} if name == "pinball" else {}
    assert score(name, y, prediction, task="regression", args=args) == pytest.approx(NUMBERS[name](y, prediction), rel=1e-10)


def test_calibration_error_over_ten_equal_bins() -> None:
    y, scores = two_classes(8, rows=1000)
    order = np.argsort(scores)
    gaps = [abs(y[part].mean() - scores[part].mean()) for part in np.split(order, 10)]
    assert score("calibration_error", y, scores) == pytest.approx(np.mean(gaps), abs=1e-12)


def test_ties_make_no_metric_depend_on_row_order() -> None:
    y, scores = two_classes(4, rows=333, levels=6)
    shuffled = np.random.default_rng(0).permutation(333)
    for name in ("auc", "average_precision", "calibration_error"):
        assert score(name, y, scores) == pytest.approx(score(name, y[shuffled], scores[shuffled]), abs=1e-12)
    constant = score("calibration_error", y, np.full(333, 0.25))
    assert constant == pytest.approx(abs(y.mean() - 0.25), abs=1e-12)


# Of a ranking whole queries are drawn: test_ranking.py.
@pytest.mark.parametrize("name", sorted(name for name, metric in METRICS.items() if "ranking" not in metric.tasks))
def test_weights_are_repeated_rows(name: str) -> None:
    metric = METRICS[name]
    task = metric.tasks[0]
    random = np.random.default_rng(21)
    if task == "regression":
        y = random.normal(50, 9, 60)
        rows = outcomes_of(y, y + random.normal(0, 3, 60), task=task)
    elif task == "multiclass":
        y, scores = three_classes()
        rows = outcomes_of(y[:60], scores[:60], task=task, classes="abc")
    else:
        rows = outcomes_of(*two_classes(9, rows=60, levels=9))
    weights = random.multinomial(60, [1 / 60] * 60, size=4).astype(float)
    got = metric.resampled(rows, weights)
    expected = [metric.value(rows.take(np.repeat(np.arange(60), draw.astype(int)))) for draw in weights]
    assert got == pytest.approx(np.array(expected), abs=1e-10)


@pytest.mark.parametrize(
    ("name", "y", "scores", "task", "reason"),
    [
        ("auc", [1, 1], [0.2, 0.7], "binary", "same label"),
        ("auc", [], [], "binary", "no rows"),
        ("precision", [1, 0], [0.1, 0.2], "binary", "no row is decided positive"),
        ("balanced_accuracy", [0, 0], [0.1, 0.2], "binary", "a class has no rows"),
        ("recall", [0, 0], [0.1, 0.2], "binary", "no row is positive"),
        ("mape", [0.0, 2.0], [1.0, 2.0], "regression", "1 labels are 0"),
        ("r2", [3.0, 3.0], [1.0, 2.0], "regression", "all labels are equal"),
        ("rmse", [0, 1], [0.1, 0.2], "binary", "no metric of a binary task"),
        ("aucc", [0, 1], [0.1, 0.2], "binary", "`aucc` is no metric"),
    ],
)
def test_what_has_no_value_says_why(name, y, scores, task, reason) -> None:
    with pytest.raises(UndefinedMetric, match=reason):
        score(name, y, scores, task=task)


def test_curves_are_those_of_scikit_learn() -> None:
    from mlspec.runtime.evaluate.curves import precision_recall, roc

    y, scores = two_classes(6, rows=90, levels=12)
    rows = outcomes_of(y, scores)
    alarms, hits, _ = reference.roc_curve(y, scores, drop_intermediate=False)
    assert np.array(roc(rows)) == pytest.approx(np.column_stack([alarms, hits]), abs=1e-6)
    precision, recall, _ = reference.precision_recall_curve(y, scores)
    assert np.array(precision_recall(rows)) == pytest.approx(np.column_stack([recall, precision])[:-1][::-1], abs=1e-6)


def test_every_metric_of_the_language_is_computed_and_none_besides() -> None:
    """What the checker accepts on rows, this table has, for the same tasks and in the same direction."""
    from mlspec.catalogue.metrics import METRICS as CATALOGUE

    wording = {"maximize": "higher", "minimize": "lower", "zero": "none"}
    known = {row[0]: row for row in CATALOGUE if set(row[1]) & {"binary", "multiclass", "regression", "ranking"}}
    assert set(known) == set(METRICS)
    for name, row in known.items():
        metric = METRICS[name]
        one_class = bool(row[5]) and "multiclass" in row[1] and row[5][0][0] == "class"
        assert set(metric.tasks) | ({"multiclass"} if one_class else set()) == set(row[1]), name
        assert row[3] in (wording[metric.direction], "none"), name


@pytest.mark.parametrize("levels", [1, 3, 40, 5_000])
@pytest.mark.parametrize("name", ["auc", "average_precision", "calibration_error"])
def test_what_is_kept_between_draws_changes_no_draw(name: str, levels: int) -> None:
    """The same rows asked again with other weights, by other metrics in between: as if asked for the first time."""
    random = np.random.default_rng(5)
    scores = random.integers(1, levels + 1, 60) / (levels + 1)
    labels = (random.random(60) < scores).astype(int)
    labels[:2] = 0, 1
    metric, rows = metric_of(name, "binary"), outcomes_of(labels, scores)
    for _ in range(3):
        weights = random.multinomial(60, np.full(60, 1 / 60), size=4).astype(float)
        found = metric.resampled(rows, weights)
        for other in ("average_precision", "calibration_error", "auc"):
            metric_of(other, "binary").resampled(rows, weights)
        assert np.array_equal(metric.resampled(rows, weights), found, equal_nan=True)
        for draw, value in zip(weights, found, strict=True):
            repeated = np.repeat(np.arange(60), draw.astype(int))
            alone = outcomes_of(labels[repeated], scores[repeated])
            assert float(value) == pytest.approx(metric.value(alone), abs=1e-12)
        assert np.array_equal(metric.resampled(outcomes_of(labels, scores), weights), found, equal_nan=True)
