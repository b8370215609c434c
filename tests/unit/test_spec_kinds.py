"""Kinds that no example shows: built ones check clean, the others say so once, at their head."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.specs import check_text, render

BASE = (Path(__file__).parents[1] / "cases" / "errors" / "MLS101" / "good.mlspec").read_text(encoding="utf-8")

BUILT = {
    "evaluate": "evaluate more {\n  models = [tune.best, base]\n  part = parts.holdout\n  slices = [job]\n}\n",
    "card": """card about {
  intended_use = "To see who buys."
  users = ["shop"]
  risks = ["old data"]
  regulation = ["GDPR"]
  evidence = [release]
}
""",
    "unnamed_card": 'card {\n  intended_use = "To see who buys."\n}\n',
    "score": """score nightly {
  model = tune.best
  gate = release
  input = parquet("in.parquet")
  keys = [code]
  columns = [score]
  output = csv("out.csv")
}
""",
    "webhook": """secret hook = env("HOOK")

channel team = webhook(hook)

monitor other {
  of = api
  reference = parts.holdout
  shift := psi(score) <= 0.1 @notify(team)
}
""",
    "calibrated_search": """search second {
  features = [inputs.age, inputs.job]
  label = people.bought
  part = parts.train
  cv = group_folds(3, group: code)
  engine = optuna(sampler: random)
  objective = minimize(log_loss)
  pruner = median(startup: 3)
  calibrate = isotonic()
  threshold = cost_ratio(false_pos: 1, false_neg: 4)
  family boost {
    estimator = lightgbm.LGBMClassifier
    learning_rate = loguniform(0.01, 0.3)
    num_leaves = logint(8, 64)
    subsample = choice(0.8, 1.0)
  }
}
""",
    "schedule": 'schedule nightly {\n  at = cron("0 2 * * *", zone: "UTC")\n  run = tune\n  on_failure = console\n}\n',
    "waive": 'waive small {\n  finding = "MLS504"\n  at = release\n  reason = "known"\n  owner = "team-a"\n  expires = 2027-01-01\n}\n',
    "every": "schedule often {\n  at = interval(6h)\n  run = release\n  retry = 2\n  deadline = 2h\n  on_failure = console\n}\n",
    "test": """test one {
  at = 2025-01-31T00:00:00Z
  given people = [row(age: 30), rows(20, age: 31)]
  fit people = [row(age: 20), row(age: 40)]
  grown := inputs.age >= 0
}
""",
    "compress": "compress small {\n  model = tune.best\n  export = onnx(opset: 18)\n}\n\ngates small_enough {\n  candidate = small\n  part = parts.holdout\n  light := size(candidate) <= 1MiB\n}\n",
    "test_of_gates": "test two {\n  given release = [row(useful: 0.8)]\n  useful_enough := release.useful\n}\n",
    "test_of_codes": 'test three {\n  expect = ["MLS804"]\n  given people = [row(age: null)]\n}\n',
}

UNBUILT = {
    "publish": 'entity person: string\n\npublish out {\n  features = inputs\n  to = feast("repo")\n  entity = person\n  freshness = 1d\n}\n',
    "extern": 'extern metric kept(reply: text) -> float {\n  code = "kept.py:score"\n}\n',
}


def codes(text: str) -> list[str]:
    _, found = check_text(BASE + "\n" + text)
    return [finding.code.id for finding in found if finding.code.id != "MLS107"]


@pytest.mark.parametrize("name", BUILT)
def test_built_kinds_check_clean(name: str) -> None:
    _, found = check_text(BASE + "\n" + BUILT[name])
    assert render(found) == ""


@pytest.mark.parametrize("name", UNBUILT)
def test_what_is_not_built_says_so_once(name: str) -> None:
    assert codes(UNBUILT[name]) == ["MLS901"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('card about {\n  users = ["shop"]\n}\n', "MLS106"),
        ('score n {\n  model = tune\n  input = csv("a.csv")\n  output = csv("b.csv")\n}\n', "MLS104"),
        ('score n {\n  model = tune.best\n  input = csv("a.csv")\n  keys = [nothing]\n  output = csv("b.csv")\n}\n', "MLS101"),
        ("secret hook = env(3)\n", "MLS201"),
        ('channel team = webhook("https://hooks.example/T0KEN")\n', "MLS404"),
        ("explore look = report(parts.train, sections: [missing, missing])\n", "MLS102"),
        ("explore look = report(parts.train, min_cell: 0)\n", "MLS209"),
        ("env qa {\n  set release.confidence = 80%\n}\n", "MLS507"),
        ("env qa {\n  trials = 3\n}\n", "MLS105"),
        ("split late {\n  frame = people\n  on = people.seen\n  train := null..2026-01-01\n}\n", "MLS201"),
        ("split again {\n  frame = people\n}\n", "MLS106"),
    ],
)
def test_wrong_blocks(text: str, code: str) -> None:
    assert code in codes(text)
