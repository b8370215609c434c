"""Intervals against published figures, other libraries, and how often they cover the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.bootstrap import DRAWS, draw_weights, group_codes, method_name
from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.evaluate.outcomes import UndefinedMetric, outcomes_of


@pytest.mark.parametrize(("hits", "total"), [(81, 263), (15, 148), (0, 20), (1, 29), (29, 29)])
def test_wilson_equals_scipy(hits: int, total: int) -> None:
    expected = stats.binomtest(hits, total).proportion_ci(0.95, method="wilson")
    found = intervals.wilson(hits, total)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_published() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263."""
    found = intervals.wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_newcombe_published() -> None:
    """Newcombe 1998 on paired data, method 10, for the table 36, 12, 2, 0."""
    found = intervals.newcombe(36, 12, 2, 0)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0569, 0.3404)


def test_newcombe_of_equal_models_holds_zero() -> None:
    found = intervals.newcombe(80, 0, 0, 20)
    assert found.low < 0 < found.high
    swapped, straight = intervals.newcombe(50, 5, 15, 30), intervals.newcombe(50, 15, 5, 30)
    assert (swapped.low, swapped.high) == pytest.approx((-straight.high, -straight.low), abs=1e-12)


def test_midranks_equal_scipy() -> None:
    values = np.array([3.0, 1.0, 3.0, 2.0, 3.0, 1.0])
    assert intervals.midranks(values).tolist() == stats.rankdata(values).tolist()


def two(y, first, second=None):
    one = outcomes_of(y, first)
    return one if second is None else (one, outcomes_of(y, second))


def naive_delong(y, score):
    """The definition: covariance of the placement values, by all pairs."""
    positive, negative = score[y == 1], score[y == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    return wins.mean(axis=1), wins.mean(axis=0)


def test_delong_equals_its_definition() -> None:
    random = np.random.default_rng(3)
    y = (random.random(120) < 0.4).astype(int)
    score = np.round(y * 0.5 + random.random(120), 1)
    other = np.round(y * 0.2 + random.random(120), 1)
    a, b = naive_delong(y, score)
    spread = 1.959963984540054 * np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    found = intervals.delong(two(y, score))
    assert (found.low, found.high) == pytest.approx((a.mean() - spread, a.mean() + spread), abs=1e-12)
    c, d = naive_delong(y, other)
    spread = 1.959963984540054 * np.sqrt((a - c).var(ddof=1) / len(a) + (b - d).var(ddof=1) / len(b))
    found = intervals.delong_difference(*two(y, score, other))
    middle = a.mean() - c.mean()
    assert (found.low, found.high) == pytest.approx((middle - spread, middle + spread), abs=1e-12)


def test_a_perfect_order_of_few_rows_is_no_certainty() -> None:
    found = intervals.delong(two(np.array([0, 0, 0, 1, 1, 1]), np.arange(6.0)))
    assert found.high == 1
    assert found.low == pytest.approx(0.025 ** (1 / 3))


@pytest.mark.parametrize("other", [np.zeros(6), -np.arange(6.0), np.array([0.0, 1, 5, 2, 3, 4])])
def test_a_perfect_order_is_no_certainty_beside_another_model_either(other: np.ndarray) -> None:
    y, perfect = np.array([0, 0, 0, 1, 1, 1]), np.arange(6.0)
    found, alone = intervals.delong_difference(*two(y, perfect, other)), intervals.delong(two(y, perfect))
    point = 1 - stats.mannwhitneyu(other[3:], other[:3]).statistic / 9
    assert point - found.low >= (1 - alone.low) - 1e-12 > 0.5
    turned = intervals.delong_difference(*two(y, other, perfect))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    same = intervals.delong_difference(*two(y, perfect, 2 * perfect + 1))
    assert (same.low, same.high) == (0, 0), "the same order of the rows is the same AUC, whatever the rows"


def test_one_row_of_a_class_has_no_interval() -> None:
    with pytest.raises(UndefinedMetric, match="single row"):
        intervals.delong(two(np.array([0, 0, 1]), np.arange(3.0)))


def test_delong_covers_the_true_auc() -> None:
    """Normal scores one standard deviation apart: the AUC is Phi(1/sqrt 2)."""
    random, truth = np.random.default_rng(17), stats.norm.cdf(1 / np.sqrt(2))
    y = np.repeat([0, 1], [120, 80])
    found = [intervals.delong(two(y, random.normal(y, 1.0))) for _ in range(400)]
    covered = np.mean([interval.low <= truth <= interval.high for interval in found])
    assert 0.92 <= covered <= 0.98


def test_the_bootstrap_covers_the_true_error() -> None:
    random, covered = np.random.default_rng(23), 0
    for seed in range(60):
        y = random.normal(0, 1, 150)
        rows = outcomes_of(y, y + random.laplace(0, 1, 150), task="regression")
        draws = np.concatenate([METRICS["mae"].resampled(rows, weights) for weights in draw_weights(150, seed, draws=400)])
        interval = intervals.percentile(draws, 0.90, "bootstrap")
        covered += interval.low <= 1.0 <= interval.high
    assert 0.80 <= covered / 60 <= 0.99


def test_whole_groups_are_drawn_together_and_widen_the_interval() -> None:
    random = np.random.default_rng(31)
    homes = np.repeat(np.arange(30), 10)
    y = np.repeat(random.normal(0, 3, 30), 10)
    rows = outcomes_of(y, np.zeros(300), task="regression")
    codes = group_codes(homes)
    widths = []
    for groups in (None, codes):
        draws = np.concatenate([METRICS["mae"].resampled(rows, weights) for weights in draw_weights(300, 5, groups, 500)])
        interval = intervals.percentile(draws, 0.95, method_name(groups))
        widths.append(interval.high - interval.low)
    assert widths[1] > 2 * widths[0]
    weights = next(draw_weights(300, 5, codes, 3))
    assert all(len(set(weights[0, homes == home])) == 1 for home in range(30))


def test_draws_do_not_depend_on_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(draw_weights(50, 9, draws=40)))
    monkeypatch.setattr("mlspec.runtime.evaluate.bootstrap.BLOCK", 350)
    blocks = list(draw_weights(50, 9, draws=40))
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate(blocks), whole)
    assert whole.sum(axis=1).tolist() == [50] * 40
    assert DRAWS == 2_000


def test_draws_without_a_value_only_widen() -> None:
    draws = np.linspace(0.0, 1.0, 201)
    clean = intervals.percentile(draws, 0.9, "b")
    assert (clean.low, clean.high) == pytest.approx((0.05, 0.95))
    draws[100] = np.nan
    holed = intervals.percentile(draws, 0.9, "b")
    assert holed.low < clean.low
    assert holed.high > clean.high
    draws[90:110] = np.nan
    with pytest.raises(UndefinedMetric, match="20 of 201 bootstrap draws"):
        intervals.percentile(draws, 0.9, "b")
