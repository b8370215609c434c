"""Folds, thresholds, calibration and importance on numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.package.calibration import apply_calibration, fit_calibration
from mlspec.runtime.search.goal import Aim, Goal
from mlspec.runtime.search.importance import importance
from mlspec.runtime.search.space import read_families
from mlspec.runtime.search.trials import COMPLETE, FAILED, PRUNED, Trial
from mlspec.runtime.train.folds import chance_folds, forward_folds, group_folds, refuse_empty
from mlspec.runtime.train.threshold import choose_threshold
from mlspec.runtime.transform import Target


def covers_once(folds, rows):
    judged = np.concatenate([judging for _, judging in folds])
    return sorted(judged.tolist()) == list(range(rows)) and all(not set(a) & set(b) for a, b in folds)


def test_folds_by_chance_have_equal_shares_of_every_stratum():
    strata = np.array([0] * 70 + [1] * 30)
    folds = chance_folds(100, 5, 3, strata)
    assert covers_once(folds, 100)
    assert [int(strata[judging].sum()) for _, judging in folds] == [6] * 5
    again = chance_folds(100, 5, 3, strata)
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    assert any((a[1] != b[1]).any() for a, b in zip(folds, chance_folds(100, 5, 4, strata), strict=True))


def test_group_folds_keep_groups_whole_and_folds_even():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 60, size=600)
    strata = (generator.random(600) < 0.2).astype(np.int64)
    folds = group_folds(groups, 4, 1, strata)
    assert covers_once(folds, 600)
    assert all(not set(groups[fitting]) & set(groups[judging]) for fitting, judging in folds)
    sizes = [len(judging) for _, judging in folds]
    shares = [strata[judging].mean() for _, judging in folds]
    assert max(sizes) - min(sizes) < 30
    assert max(shares) - min(shares) < 0.04


def test_forward_folds_never_look_ahead():
    times = np.random.default_rng(1).permutation(np.arange(100.0))
    groups = np.arange(100) % 10
    for fitting, judging in forward_folds(times, 4, gap=5.0):
        assert times[fitting].max() < times[judging].min() - 5.0
    assert [len(judging) for _, judging in forward_folds(times, 4)] == [20] * 4
    own = np.where(times < 50, groups, groups + 100)
    for fitting, judging in forward_folds(times, 4, groups=own):
        assert not set(own[fitting]) & set(own[judging])
    with pytest.raises(StageError, match="fold 1 of 4"):
        refuse_empty(forward_folds(times, 4, gap=50.0), "tune.cv")


def test_equal_times_are_never_divided():
    times = np.repeat(np.arange(10.0), 10)
    for fitting, judging in forward_folds(times, 3):
        assert not set(times[fitting]) & set(times[judging])


SCORES = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.2])
LABELS = Target("binary", np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("config", "calibrated", "expected"),
    [
        (None, False, 0.5),
        ({"method": "fixed", "value": 0.25}, False, 0.25),
        ({"method": "cost_ratio", "false_pos": 1, "false_neg": 3}, True, 0.25),
        ({"method": "cost_ratio", "false_pos": 1, "false_neg": 9}, False, 0.4),
        ({"method": "cost_ratio", "false_pos": 9, "false_neg": 1}, False, 0.9),
        ({"method": "maximize", "metric": "accuracy"}, False, 0.4),
        ({"method": "maximize", "metric": "precision"}, False, 0.9),
        ({"method": "maximize", "metric": "recall"}, False, 0.4),
        ({"method": "maximize", "metric": "f1"}, False, 0.4),
        ({"method": "maximize", "metric": "balanced_accuracy"}, True, 0.4),
    ],
)
def test_thresholds(config, calibrated, expected):
    assert choose_threshold(config, calibrated, SCORES, LABELS) == expected


def test_the_best_threshold_may_be_one_that_nothing_reaches():
    first_is_wrong = Target("binary", np.array([0.0, 1.0, 0.0, 1.0, 0.0, 0.0]))
    threshold = choose_threshold({"method": "cost_ratio", "false_pos": 9, "false_neg": 1}, False, SCORES, first_is_wrong)
    assert threshold == np.nextafter(0.9, 1.0)  # each alarm costs more than the misses that it saves
    for metric in ("precision", "recall", "f1"):
        assert choose_threshold({"method": "maximize", "metric": metric}, False, SCORES, first_is_wrong) <= 0.9


def test_only_two_classes_have_a_threshold():
    assert choose_threshold({"method": "fixed", "value": 0.5}, False, None, Target("regression", LABELS.y)) is None
    with pytest.raises(StageError) as caught:
        choose_threshold({"method": "maximize", "metric": "f1"}, False, None, Target("multiclass", LABELS.y, 3))
    assert caught.value.code == "MLS212"


def test_isotonic_pools_what_falls():
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    state = fit_calibration("isotonic", scores, Target("binary", np.array([0.0, 1.0, 0.0, 1.0, 1.0])))
    found = apply_calibration(state, np.array([0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.9]))
    np.testing.assert_allclose(found, [0, 0, 0.5, 0.5, 0.5, 0.75, 1, 1], rtol=1e-12)


@pytest.mark.parametrize("method", ["isotonic", "sigmoid"])
def test_calibration_equals_scikit_learn(method):
    from scipy.special import logit
    from sklearn.calibration import _SigmoidCalibration
    from sklearn.isotonic import IsotonicRegression

    generator = np.random.default_rng(4)
    scores = generator.random(500)
    y = (generator.random(500) < scores**2).astype(np.float64)
    state = fit_calibration(method, scores, Target("binary", y))
    at = np.linspace(0.001, 0.999, 97)
    if method == "isotonic":
        peer = IsotonicRegression(out_of_bounds="clip").fit(scores, y).predict(at)
    else:
        peer = _SigmoidCalibration().fit(logit(scores), y).predict(logit(at))
    np.testing.assert_allclose(apply_calibration(state, at), peer, rtol=1e-4, atol=1e-5)


def test_a_calibrated_row_does_not_depend_on_its_batch():
    generator = np.random.default_rng(4)
    scores = generator.random((300, 3))
    target = Target("multiclass", generator.integers(0, 3, size=300).astype(np.float64), 3)
    for method in ("isotonic", "sigmoid"):
        state = fit_calibration(method, scores, target)
        whole = apply_calibration(state, scores)
        alone = np.concatenate([apply_calibration(state, scores[row : row + 1]) for row in range(300)])
        assert whole.tobytes() == alone.tobytes()
        np.testing.assert_allclose(whole.sum(axis=1), 1.0)


def test_importance_and_the_best_trial():
    space = {"a": {"dist": "uniform", "low": 0, "high": 9}, "b": {"dist": "choice", "values": [None, True]}}
    families = read_families([{"name": "one", "estimator": "x", "space": space}, {"name": "two", "estimator": "x"}], "tune")
    trials = [
        Trial(n, "one", {"a": float(n), "b": None if n % 2 else True}, COMPLETE, (n * n,), float(n * n)) for n in range(1, 7)
    ]
    trials += [
        Trial(7, "two", {}, FAILED, reason="why"),
        Trial(8, "two", {}, PRUNED, (99.0,), 99.0),
        Trial(9, "one", {}, COMPLETE, (36.0,), 36.0),
    ]
    found = {(item["family"], item["parameter"]): item for item in importance(trials, families)}
    assert found["one", "a"]["importance"] == 1.0
    assert 0 < found["one", "b"]["importance"] < 0.2
    assert found[None, "family"]["importance"] == 0.0
    most, least = (Goal((Aim("auc", way),), ("auc",)) for way in ("maximize", "minimize"))
    assert most.best(trials).number == 6
    assert [trial.number for trial in most.front(trials)] == [6, 9]
    assert least.best(trials).number == 1
    assert most.best(trials[6:8]) is None
