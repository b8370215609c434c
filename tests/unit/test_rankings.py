"""Outcomes with a query: what may be ranked, that queries stay whole, and what the plan says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec

SPEC = """mlspec 2026.1

spec shop {
  owner = "team-a"
}

source offers {
  from = csv("offers.csv")
  offer: int @key
  search: string
  price: float @range(0..100)
  clicks: int @range(0..9)
  seen: date
  relevance: int @range(0..3) @outcome(query: search)
}

split parts {
  frame = offers
  group = search
  train := 70%
  holdout := 30%
}

features inputs {
  frame = offers
  price := log1p(offers.price)
  clicks := offers.clicks
}

model popular {
  estimator = sklearn.LinearRegression
  features = [inputs.clicks]
  label = offers.relevance
  part = parts.train
}

search tune {
  features = inputs
  label = offers.relevance
  part = parts.train
  cv = folds(3)
  objective = maximize(ndcg)
  family pairs {
    estimator = lightgbm.LGBMRanker
    num_leaves = logint(4, 16)
  }
}

gates release {
  candidate = tune.best
  part = parts.holdout
  useful := lower(ndcg(candidate, k: 5)) >= 0.5
  beats_popular := lower(mrr(candidate) - mrr(popular)) >= 1pp
  found := recall_at(candidate, k: 20) >= 0.5
}

evaluate deeper {
  models = [tune.best, popular]
  part = parts.holdout
}
"""


def written(folder: Path, *edits: tuple[str, str]) -> Path:
    text = SPEC
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = folder / "shop.mlspec"
    path.write_text(text)
    return path


def test_the_plan_ranks_within_the_query_and_keeps_it_whole(tmp_path: Path) -> None:
    checked = mlspec.load(written(tmp_path))
    assert [item.code.id for item in mlspec.check(tmp_path / "shop.mlspec")] == []
    stages = checked.graph.stages
    label = {
        "column": "relevance",
        "task": "regression",
        "classes": [],
        "positive": None,
        "favourable": None,
        "type": "int",
        "query": "search",
    }
    assert stages["tune-search"].config["label"] == label
    assert stages["tune-search"].config["cv"] == {"method": "group_folds", "folds": 3, "group": "search"}
    judged = stages["release-evaluate"].config
    assert (judged["label"], judged["group"], judged["plots"]) == (label, "search", ["ndcg_by_k", "queries"])
    assert judged["quantities"][0]["expression"][2][0] == ["metric", "ndcg", "tune", {"k": 5}]


@pytest.mark.parametrize(
    ("old", "new", "code", "span"),
    [
        ("  group = search\n", "", "MLS307", "split parts"),
        ("  group = search\n", "  group = seen\n", "MLS307", "seen"),
        ("cv = folds(3)", "cv = group_folds(3, group: seen)", "MLS307", "group_folds(3, group: seen)"),
        ("query: search", "query: serch", "MLS101", "@outcome(query: serch)"),
        ("query: search", "query: price", "MLS201", "@outcome(query: price)"),
        ("  search: string\n", "  search: string?\n", "MLS201", "@outcome(query: search)"),
        ("query: search", "query: relevance", "MLS101", "@outcome(query: relevance)"),
        ("@range(0..3) @outcome", "@outcome", "MLS201", "@outcome(query: search)"),
        ("@range(0..3) @outcome", "@range(0..99) @outcome", "MLS201", "@outcome(query: search)"),
        ("ndcg(candidate, k: 5)", "auc(candidate)", "MLS201", "auc"),
        ("ndcg(candidate, k: 5)", "ndcg(candidate, k: 0)", "MLS209", "0"),
        ("maximize(ndcg)", "maximize(r2)", "MLS201", "r2"),
        ("lightgbm.LGBMRanker\n    num_leaves = logint(4, 16)", "sklearn.LogisticRegression\n    C = loguniform(1, 2)", "MLS212", "sklearn.LogisticRegression"),
    ],
)  # fmt: skip
def test_what_cannot_be_ranked_is_found_before_a_run(old: str, new: str, code: str, span: str, tmp_path: Path) -> None:
    found = [item for item in mlspec.check(written(tmp_path, (old, new))) if item.severity == "error"]
    assert [item.code.id for item in found] == [code] and found[0].span is not None
    assert found[0].span.text == span


def test_a_ranker_needs_a_query(tmp_path: Path) -> None:
    plain = ("@outcome(query: search)", "@outcome")
    codes = {item.code.id for item in mlspec.check(written(tmp_path, plain)) if item.severity == "error"}
    assert codes == {"MLS201", "MLS212"}


def test_a_relevance_may_be_a_boolean_and_a_number_ranks_too(tmp_path: Path) -> None:
    path = written(tmp_path, ("int @range(0..3) @outcome", "bool @outcome"), ("lightgbm.LGBMRanker\n    num_leaves = logint(4, 16)",
                                                                             "sklearn.Ridge\n    alpha = loguniform(1, 2)"))  # fmt: skip
    assert [item.code.id for item in mlspec.check(path)] == []
    assert mlspec.load(path).graph.stages["popular-fit"].config["label"]["task"] == "regression"
