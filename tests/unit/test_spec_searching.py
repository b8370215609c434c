"""Searches at check: objectives and their preference, engines that know them, constraints, limits, starts, warm starts, budgets."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec

BASE = """mlspec 2026.1

## A search of every kind.
spec multi {
  owner = "me"
  seed = 1
}

source visits {
  from = csv("data/visits.csv")
  visit: int @key
  at: timestamp @event_time
  customer: int
  region: category("east", "north", "south", "west")
  member: category("no", "yes")
  items: int @range(1..9)
  amount: float? @range(0..200)
  note: text
  minutes: float
  size: category("large", "middle", "small")
  returned: category("no", "yes") @outcome(positive: "yes")
}

split by_chance {
  frame = visits
  stratify = returned
  train := 70%
  holdout := 30%
}

features inputs {
  frame = visits
  missing = fill(number: median)
  amount := scale(visits.amount)
  items := scale(visits.items)
  region := onehot(visits.region)
  member := visits.member @audit
}

search quick {
  features = inputs
  label = visits.returned
  part = by_chance.train
  cv = folds(3, stratify: returned)
  engine = random()
  objective = [maximize(auc), simplest()]
  prefer = first()
  trials = 8
  family tree {
    estimator = sklearn.DecisionTreeClassifier
    max_depth = int(1, 6)
    min_samples_leaf = int(1, 20)
  }
}

search tune {
  features = inputs
  label = visits.returned
  part = by_chance.train
  cv = folds(3, stratify: returned)
  engine = optuna(sampler: nsga2, population: 6)
  objective = [maximize(auc), simplest()]
  prefer = within(1pp, of: auc, next: simplest)
  trials = 24
  warm_start = quick
  budget = fits(200)
  good := log_loss(trial) <= 0.8 and accuracy(trial) >= 30%
  family linear {
    estimator = sklearn.LogisticRegression
    C = loguniform(1e-2, 1e2, start: [0.1, 1.0])
  }
  family tree {
    estimator = sklearn.DecisionTreeClassifier
    max_depth = int(1, 6)
    min_samples_leaf = int(1, 20)
    narrow := max_depth * min_samples_leaf <= 60
  }
}
"""
PREFER = "  prefer = within(1pp, of: auc, next: simplest)\n"
ENGINE = "optuna(sampler: nsga2, population: 6)"
GOOD = "log_loss(trial) <= 0.8"
TREE = """sklearn.DecisionTreeClassifier
    max_depth = int(1, 6)
    min_samples_leaf = int(1, 20)
    narrow := max_depth * min_samples_leaf <= 60"""
BOOSTED = """sklearn.GradientBoostingClassifier
    n_estimators = rounds(100)"""

# What stands in `search tune`, what stands there instead, the code that is found, at what, and what it says.
WRONG = [
    (PREFER, "", "MLS106", "[maximize(auc), simplest()]", "add `prefer = within(1pp, of: auc)`"),
    ("[maximize(auc), simplest()]", "[simplest(), maximize(auc)]\n  budget = 5", "MLS102", "budget = fits(200)", ""),
    ("within(1pp", "within(1%", "MLS203", "1%", "write `1pp`"),
    ("within(1pp, of: auc, next: simplest)", "within(1pp, of: simplest)", "MLS202", "1pp", "a share of the best, `5%`, or a number"),
    ("of: auc", "of: log_loss", "MLS101", "log_loss", "one of `auc`, `simplest`"),
    ("within(1pp, of: auc, next: simplest)", "weighted(1)", "MLS209", "weighted(1)", "2 weights"),
    ("within(1pp, of: auc, next: simplest)", "weighted(0, 0)", "MLS209", "weighted(0, 0)", "not all 0"),
    (ENGINE, "hyperopt()", "MLS209", "hyperopt()", "an engine that looks at several"),
    (ENGINE, "optuna(sampler: cmaes)", "MLS209", "optuna(sampler: cmaes)", "nsga2"),
    ("  warm_start = quick\n", "  pruner = asha()\n", "MLS209", "asha()", "may be the best in another"),
    (ENGINE, "random()", "MLS209", "quick", "an engine that learns from trials"),
    ("simplest()]", "minimize(log_loss)]", "MLS209", "quick", "values of different metrics cannot be compared"),
    ("[maximize(auc), simplest()]", "[maximize(auc), maximize(auc)]", "MLS102", "maximize(auc)", "declared twice"),
    ("[maximize(auc), simplest()]", "[minimize(auc), simplest()]", "MLS209", "minimize(auc)", "more of `auc` is better"),
    ("[maximize(auc), simplest()]", "auc", "MLS201", "auc", "write `maximize(auc)`"),
    ("[0.1, 1.0]", "[0.1, 1000.0]", "MLS209", "[0.1, 1000.0]", "found: `1000.0`"),
    ("[0.1, 1.0]", "[0.1, 1.0, 0.1]", "MLS209", "[0.1, 1.0, 0.1]", "found: the same trial as start 1"),
    ("[0.1, 1.0]", "[0.1, 0.1]", "MLS209", "[0.1, 0.1]", "trials that differ"),
    ("int(1, 6)\n    min_samples_leaf = int(1, 20)", "int(1, 6, start: 3)\n    min_samples_leaf = int(1, 20, start: [5, 5])", "MLS209", "[5, 5]",
     "start 2 of `tree`"),
    ("[0.1, 1.0]", '"x"', "MLS201", '"x"', "a number"),
    (GOOD, "size(trial) <= 1MiB", "MLS201", "size(trial) <= 1MiB", "ask for it in `gates`"),
    (GOOD, "log_loss <= 0.8", "MLS101", "log_loss", "`log_loss(trial)`"),
    (GOOD, "rmse(trial) <= 0.8", "MLS201", "rmse", "a metric of two classes"),
    (GOOD, "log_loss(quick.best) <= 0.8", "MLS104", "quick.best", "`trial`, whose cross-validated `log_loss` counts"),
    (GOOD, "gap(auc(trial), by: visits.returned) <= 10pp", "MLS901", "gap(auc(trial), by: visits.returned) <= 10pp", "in a constraint"),
    (GOOD, "lower(upper(auc(trial))) >= 0.8", "MLS201", "lower(upper(auc(trial))) >= 0.8", "write one of the two"),
    ("max_depth * min_samples_leaf <= 60", "upper(max_depth) <= 3", "MLS201", "max_depth", ""),
    ("folds(3, stratify: returned)", "folds(3, use: 4)", "MLS209", "4", "at most 3"),
    ("folds(3, stratify: returned)", "folds(3, use: 1)\n  sure := lower(auc(trial)) >= 0.1", "MLS209", "lower(auc(trial)) >= 0.1", "at least 2 folds"),
    ("C = loguniform(1e-2, 1e2, start: [0.1, 1.0])", "C = rounds(100)", "MLS209", "rounds(100)", "boosted trees or a forest"),
    (TREE, BOOSTED.replace("n_estimators", "max_depth"), "MLS209", "rounds(100)", "`n_estimators = rounds(100)`"),
    (TREE, BOOSTED.replace("(100)", "(100, first: 100)"), "MLS207", "rounds(100, first: 100)", "`first:` below `to`"),
    (TREE, BOOSTED + "\n    n_iter_no_change = 3", "MLS209", "3", "beside `rounds(…)`"),
    (GOOD, "0.3", "MLS201", "0.3", "a Boolean"),
    ("max_depth * min_samples_leaf", "max_leaf * min_samples_leaf", "MLS101", "max_leaf", "one of `max_depth`, `min_samples_leaf`"),
    ("max_depth * min_samples_leaf <= 60", "auc(quick.best) >= 0.5", "MLS206", "auc(quick.best)", "too late for a limit"),
    ("max_depth * min_samples_leaf <= 60", "1 <= 2", "MLS213", "1 <= 2", ""),
    ("fits(200)", "500", "MLS201", "500", "one of `fits(…)`, `cpu_time(…)`"),
    ("[maximize(auc), simplest()]", "[]", "MLS209", "[]", "at least one objective"),
    ("[0.1, 1.0]", "[]", "MLS209", "[]", "at least one value of its space"),
    ("fits(200)", "fits(2)", "MLS209", "fits(2)", "at least 3 fits"),
    ("fits(200)", "cpu_time(0s)", "MLS209", "cpu_time(0s)", "leave it out for no limit"),
    ("fits(200)", "fits(200)\n  time_limit = -3s", "MLS209", "-3s", "more than 0"),
    ("fits(200)", "fits(0)", "MLS209", "0", "a whole number of at least 1"),
]  # fmt: skip


def check(text: str, where: Path) -> list:
    (where / "mlspec.toml").touch()
    path = where / "demo.mlspec"
    path.write_text(text, encoding="utf-8")
    return mlspec.check(path)


def changed(old: str, new: str) -> str:
    head, name, tail = BASE.partition("search tune {")
    assert old in tail
    return head + name + tail.replace(old, new, 1)


@pytest.mark.parametrize(("old", "new", "code", "at", "says"), WRONG, ids=lambda part: str(part)[:40])
def test_what_does_not_fit_is_said_at_its_place(old, new, code, at, says, tmp_path):
    found = check(changed(old, new), tmp_path)
    fitting = [one for one in found if one.code.id == code and one.span.text.startswith(at)]
    assert fitting, [(one.code.id, one.span.text, one.message) for one in found]
    told = " ".join(str(text) for one in fitting for text in (one.message, one.expected, f"found: {one.found}", one.help))
    assert says in told


def test_what_the_spec_says_is_in_the_plan(tmp_path):
    assert check(BASE, tmp_path) == []
    graph = mlspec.load(tmp_path / "demo.mlspec").graph
    stage = next(stage for stage in graph if stage.id == "tune-search")
    config = stage.config
    assert stage.inputs["warm"] == "quick-search/study"
    assert [config["objective"], *config["further"]] == [
        {"metric": "auc", "direction": "maximize"}, {"metric": "learned_numbers", "direction": "minimize"},
    ]  # fmt: skip
    assert config["prefer"] == {"name": "within", "tolerance": 0.01, "relative": False, "of": "auc", "next": "learned_numbers"}
    assert config["engine"] == {"name": "optuna", "algorithm": "nsga2", "population": 6}
    assert config["budget"] == {"name": "fits", "count": 200}
    assert config["starts"] == [{"family": "linear", "params": {"C": 0.1}}, {"family": "linear", "params": {"C": 1.0}}]
    assert [item["name"] for item in config["constraints"]] == ["good"]
    assert [item["name"] for item in config["families"][1]["limits"]] == ["narrow"]
    plain = next(stage for stage in graph if stage.id == "quick-search").config
    assert not {"constraints", "budget", "starts", "workers", "limits"} & plain.keys()


@pytest.mark.parametrize(
    ("written", "starts"),
    [
        ("choice(1, 2, 3, start: 2)", [{"max_depth": 2, "min_samples_leaf": 5}, {"max_depth": 2, "min_samples_leaf": 9}]),
        ("int(1, 6)", [{"min_samples_leaf": 5}, {"min_samples_leaf": 9}]),
        ("int(1, 6, start: [2, 2])", [{"max_depth": 2, "min_samples_leaf": 5}, {"max_depth": 2, "min_samples_leaf": 9}]),
        ("int(1, 6, start: [1, 1, 2, 2])", [{"max_depth": 1, "min_samples_leaf": 5}, {"max_depth": 1, "min_samples_leaf": 9},
                                            {"max_depth": 2, "min_samples_leaf": 5}, {"max_depth": 2, "min_samples_leaf": 9}]),
        ("int(1, 6, start: [1, 2, 3])", [{"max_depth": 1, "min_samples_leaf": 5}, {"max_depth": 2, "min_samples_leaf": 9},
                                         {"max_depth": 3, "min_samples_leaf": 5}]),
    ],
)  # fmt: skip
def test_shorter_lists_of_starts_go_round(written, starts, tmp_path):
    text = changed("int(1, 6)", written).replace(
        "min_samples_leaf = int(1, 20)\n    narrow", "min_samples_leaf = int(1, 20, start: [5, 9])\n    narrow"
    )
    assert check(text, tmp_path) == []
    config = next(stage for stage in mlspec.load(tmp_path / "demo.mlspec").graph if stage.id == "tune-search").config
    assert [item["params"] for item in config["starts"] if item["family"] == "tree"] == starts


def test_equal_starts_beside_what_is_drawn_are_two_trials(tmp_path):
    assert check(changed("min_samples_leaf = int(1, 20)", "min_samples_leaf = int(1, 20, start: [5, 5])"), tmp_path) == []


def test_a_start_of_null_is_a_start(tmp_path):
    text = changed("C = loguniform(1e-2, 1e2, start: [0.1, 1.0])", 'class_weight = choice("balanced", null, start: null)')
    assert check(text, tmp_path) == []
    config = next(stage for stage in mlspec.load(tmp_path / "demo.mlspec").graph if stage.id == "tune-search").config
    assert config["starts"] == [{"family": "linear", "params": {"class_weight": None}}]


def test_who_works_is_no_part_of_a_stages_key(tmp_path):
    from mlspec.graph.keys import graph_recipes

    check(BASE, tmp_path)
    here = graph_recipes(mlspec.load(tmp_path / "demo.mlspec").graph)
    check(changed("  budget", '  workers = ray(address: "127.0.0.1:6379")\n  budget'), tmp_path)
    made = mlspec.load(tmp_path / "demo.mlspec").graph
    assert next(stage for stage in made if stage.id == "tune-search").config["workers"] == {
        "name": "ray",
        "address": "127.0.0.1:6379",
    }
    assert graph_recipes(made)["tune-search"] == here["tune-search"]
