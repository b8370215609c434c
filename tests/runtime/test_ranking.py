"""Metrics of rankings against brute force, learners that are given queries, and intervals that draw whole queries."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import build_estimator, fit_estimator, predict
from mlspec.runtime.evaluate.metrics import METRICS, score
from mlspec.runtime.evaluate.outcomes import UndefinedMetric, outcomes_of
from mlspec.runtime.evaluate.query_curves import query_curves
from mlspec.runtime.evaluate.worst_queries import worst_queries
from mlspec.runtime.transform import Target

RANDOM = np.random.default_rng(5)
QUERY = np.repeat(np.arange(40), RANDOM.integers(1, 7, 40))
GRADE = RANDOM.integers(0, 4, len(QUERY)) * (RANDOM.random(len(QUERY)) < 0.6)
SCORE = RANDOM.integers(0, 3, len(QUERY)) / 2.0  # many ties


def in_order(grades: tuple[int, ...], k: int) -> dict[str, float]:
    """The metrics of one query in one order, by their definitions."""
    hits = [grade > 0 for grade in grades]
    found = {"precision_at": sum(hits[:k]) / k}
    if any(hits):
        gain = [(2.0**grade - 1) / np.log2(place + 2) for place, grade in enumerate(grades)]
        best = [(2.0**grade - 1) / np.log2(place + 2) for place, grade in enumerate(sorted(grades, reverse=True))]
        found["ndcg"] = sum(gain[:k]) / sum(best[:k])
        found["recall_at"] = sum(hits[:k]) / sum(hits)
        found["map"] = float(np.mean([sum(hits[: place + 1]) / (place + 1) for place, hit in enumerate(hits) if hit]))
        found["mrr"] = 1 / (hits.index(True) + 1)
    return found


def by_force(metric: str, k: int) -> float:
    """The mean over queries, each the mean over every order in which equal scores may stand."""
    values = []
    for query in np.unique(QUERY):
        own = np.flatnonzero(query == QUERY)
        orders = [order for order in permutations(own.tolist()) if all(np.diff(SCORE[list(order)]) <= 0)]
        each = [in_order(tuple(GRADE[list(order)].tolist()), k).get(metric) for order in orders]
        known = [value for value in each if value is not None]
        if known:
            values.append(np.mean(known))
    return float(np.mean(values))


@pytest.mark.parametrize("metric", ["ndcg", "map", "mrr", "precision_at", "recall_at"])
@pytest.mark.parametrize("k", [2, 10])
def test_each_metric_is_its_definition_over_all_orders_of_equal_scores(metric: str, k: int) -> None:
    assert score(metric, GRADE, SCORE, query=QUERY, args={"k": k}) == pytest.approx(by_force(metric, k), abs=1e-12)


def test_ndcg_is_that_of_scikit_learn() -> None:
    """Of its gains, ties averaged, queries without a relevant row left out."""
    values = [
        ndcg_score([np.exp2(GRADE[own]) - 1], [SCORE[own]], k=3)
        for query in np.unique(QUERY)
        if (GRADE[own := np.flatnonzero(query == QUERY)] > 0).any() and len(own) > 1
    ]
    alone = np.isin(QUERY, [query for query in np.unique(QUERY) if (query == QUERY).sum() == 1])
    found = score("ndcg", GRADE[~alone], SCORE[~alone], query=QUERY[~alone], args={"k": 3})
    assert found == pytest.approx(np.mean(values), abs=1e-12)


def test_the_order_of_rows_and_the_numbers_of_queries_change_nothing() -> None:
    order = RANDOM.permutation(len(QUERY))
    for metric in ("ndcg", "map", "mrr"):
        known = score(metric, GRADE, SCORE, query=QUERY)
        assert score(metric, GRADE[order], SCORE[order], query=QUERY[order] * 7 + 3) == pytest.approx(known, abs=1e-12)


def test_a_query_that_is_drawn_twice_counts_twice() -> None:
    rows = outcomes_of(GRADE, SCORE, query=QUERY)
    weights = np.where(QUERY == 3, 2.0, np.where(QUERY == 5, 0.0, 1.0))
    twice = np.concatenate([np.flatnonzero(QUERY != 5), np.flatnonzero(QUERY == 3)])
    again = np.where(np.arange(len(twice)) >= (QUERY != 5).sum(), 99, QUERY[twice])
    for metric in ("ndcg", "map", "mrr", "precision_at", "recall_at"):
        drawn = METRICS[metric].resampled(rows, weights[None, :], {})
        assert drawn[0] == pytest.approx(score(metric, GRADE[twice], SCORE[twice], query=again), abs=1e-12)


def test_rows_without_anything_relevant_have_no_ndcg_and_no_precision() -> None:
    with pytest.raises(UndefinedMetric, match="no query has a relevant row"):
        score("ndcg", np.zeros(4), np.arange(4), query=[0, 0, 1, 1])
    assert score("precision_at", np.zeros(4), np.arange(4), query=[0, 0, 1, 1]) == 0.0
    with pytest.raises(UndefinedMetric, match="no metric of a regression"):
        score("ndcg", np.zeros(4), np.arange(4), task="regression")


def world(seed: int = 2, queries: int = 120, size: int = 6) -> tuple[Any, Target]:
    """Queries whose level says nothing and in which one feature orders the rows."""
    random = np.random.default_rng(seed)
    groups = random.permutation(np.repeat(np.arange(queries), size))
    matrix = random.normal(size=(len(groups), 2))
    level = random.normal(size=queries)[groups] * 3
    grade = np.clip(np.round(1.0 + matrix[:, 0] + random.normal(size=len(groups)) * 0.3), 0, 3)
    matrix[:, 1] = level
    return matrix, Target("regression", grade, groups=groups)


@pytest.mark.parametrize(
    ("name", "params"), [("lightgbm.LGBMRanker", {}), ("xgboost.XGBRanker", {"objective": "rank:pairwise"})]
)  # fmt: skip
def test_a_ranker_is_given_its_queries_and_its_package_scores_as_it_does(name: str, params: dict[str, Any]) -> None:
    from mlspec.runtime.package.write import Fitted, export_model

    matrix, target = world()
    estimator = build_estimator(name, {"n_estimators": 15, **params}, 1)
    fit_estimator(estimator, matrix, target)
    again, fresh = world(3)
    scores = predict(estimator, again, fresh)
    constant = score("ndcg", fresh.y, np.zeros(len(fresh.y)), query=fresh.groups, args={"k": 3})
    assert score("ndcg", fresh.y, scores, query=fresh.groups, args={"k": 3}) > constant + 0.15
    engine, _, _ = export_model(
        Fitted("m", name, params, estimator, cast(Any, None), target, again[:64], {"task": "regression"})
    )
    assert engine == name.partition(".")[0]
    with pytest.raises(StageError) as caught:
        fit_estimator(build_estimator(name, {}, 1), matrix, Target("regression", target.y))
    assert caught.value.code == "MLS307"


def test_curves_and_worst_queries() -> None:
    rows = outcomes_of(GRADE, SCORE, query=QUERY)
    found = query_curves(rows, ("ndcg_by_k", "queries"), 0.95)
    assert [point["k"] for point in found["ndcg_by_k"]] == [1, 2, 3, 4, 5, 6]
    assert found["ndcg_by_k"][1]["value"] == pytest.approx(score("ndcg", GRADE, SCORE, query=QUERY, args={"k": 2}))
    assert all(point["low"] < point["value"] < point["high"] for point in found["ndcg_by_k"])
    queries = found["queries"]
    assert (queries["n"], sum(queries["bars"]) + queries["without"]) == (40, 40)
    columns = [
        ({"name": "person", "type": "string", "tags": ["pii.direct"]}, ["ann"] * len(rows)),
        ({"name": "price", "type": "float"}, SCORE.tolist()),
    ]
    worst = worst_queries(rows, np.arange(len(rows)), columns, min_cell=2)
    first = worst["queries"][0]
    assert worst["masked"] == ["person"] and {cell for row in first["shown"] for cell in row["values"][:1]} == {"(masked)"}
    assert first["ndcg"] == min(query["ndcg"] for query in worst["queries"])
    assert [row["rank"] for row in first["shown"]] == sorted(row["rank"] for row in first["shown"])
    assert any(row["label"] == max(GRADE[QUERY[first["shown"][0]["row"]] == QUERY]) for row in first["shown"])
    assert worst_queries(rows, np.arange(len(rows)), columns, min_cell=400)["problem"] == "fewer than 400 queries"


def test_a_band_holds_the_curve_and_narrows_with_rows(tmp_path: Path) -> None:
    from mlspec.runtime.evaluate.bands import bands_of
    from mlspec.runtime.evaluate.curves import roc

    random = np.random.default_rng(4)
    widths = []
    for count in (300, 6_000):
        y = (random.random(count) < 0.3).astype(int)
        rows = outcomes_of(y, 1 / (1 + np.exp(-(y * 1.2 + random.normal(size=count) - 1))))
        band = np.array(bands_of(rows, 0.95, 7, None)["roc"])
        curve = np.interp(band[:, 0], *np.array(roc(rows)).T)
        assert ((band[:, 1] <= curve + 0.02) & (curve - 0.02 <= band[:, 2])).all()
        widths.append(float((band[:, 2] - band[:, 1]).mean()))
        grouped = bands_of(rows, 0.95, 7, np.arange(count) // 2)
        assert np.array(grouped["precision_recall"]).shape == (50, 3)
    assert widths[1] < widths[0] / 3
    assert bands_of(rows, 0.95, 7, np.zeros(count, dtype=np.int64)) == {}
