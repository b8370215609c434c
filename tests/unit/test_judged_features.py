"""Judging models over different blocks of features: what is refused and where, and what lowering hands to `evaluate`."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec
from mlspec.graph import Graph

BASE = """mlspec 2026.1

spec demo {
  owner = "team-a"
}

source people {
  from = csv("people.csv")
  code: string @key
  age: int @range(18..90)
  sex: category("f", "m") @protected
  job: category("clerk", "smith")
  bought: category("no", "yes") @outcome(positive: "yes")
}

split parts {
  frame = people
  train := 60%
  holdout := 40%
}

features inputs {
  frame = people
  age := scale(people.age)
  job := onehot(people.job)
  sex := people.sex @audit
}

features words {
  frame = people
  years := log1p(people.age)
  sex := people.sex @audit
  trade := people.job @audit
}

features apart {
  frame = people
  young := people.age < 30 @audit
  old := people.age > 60
}

model many {
  estimator = sklearn.LogisticRegression
  features = inputs
  label = people.bought
  part = parts.train
}

model few {
  estimator = sklearn.LogisticRegression
  features = words
  label = people.bought
  part = parts.train
}

gates release {
  candidate = many
  part = parts.holdout
  min_group = 20
  beats := lower(auc(candidate) - auc(few)) >= 1pp
  fair := gap(selection_rate(candidate), by: inputs.sex) <= 10pp
  quick := p95(latency(few, load: 5rps)) <= 50ms
}

evaluate deeper {
  models = [few, many]
  part = parts.holdout
}
"""
OTHER_SPLIT = "\nsplit other {\n  frame = people\n  fit := 50%\n  rest := 50%\n}\n"
OTHER_SOURCE = """
source shops {
  from = csv("shops.csv")
  shop: string @key
  town: category("n", "s")
}

features places {
  frame = shops
  town := shops.town @audit
}
"""


def written(folder: Path, *edits: tuple[str, str], more: str = "") -> Path:
    """The spec after some edits; `more` stands before the first block that may name it."""
    before = "gates release" if more.strip().startswith(("model", "compress")) else "model many"
    text = BASE.replace(before, more.lstrip() + "\n" + before)
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "mlspec.toml").touch()
    path = folder / "demo.mlspec"
    path.write_text(text)
    return path


def graph(folder: Path, *edits: tuple[str, str], more: str = "") -> Graph:
    return mlspec.load(written(folder, *edits, more=more)).graph


def errors(folder: Path, *edits: tuple[str, str], more: str = "") -> list[tuple[str, str]]:
    found = mlspec.check(written(folder, *edits, more=more))
    return [(item.code.id, item.span.text) for item in found if item.span is not None and item.severity == "error"]


def test_the_first_model_says_what_is_read_and_the_others_name_theirs(tmp_path: Path) -> None:
    made = graph(tmp_path)
    gates, deeper = made.stages["release-evaluate"], made.stages["deeper-evaluate"]
    assert (gates.inputs["values"], gates.inputs["values.words"]) == ("inputs-features/values", "words-features/values")
    assert gates.config["values_of"] == {"few": "words"} and gates.config["groups_of"] == {"trade": "words"}
    assert (deeper.inputs["values"], deeper.inputs["values.inputs"]) == ("words-features/values", "inputs-features/values")
    assert deeper.config["values_of"] == {"many": "inputs"} and "groups_of" not in deeper.config
    # The analyses are of the candidate; a clock reads no values at all.
    assert made.stages["deeper-analyse"].inputs["values"] == "words-features/values"
    assert not any(
        name.startswith("values.") for stage in ("deeper-analyse", "release-measure") for name in made.stages[stage].inputs
    )


def test_models_over_one_block_are_judged_as_before(tmp_path: Path) -> None:
    stage = graph(tmp_path, ("features = words", "features = inputs")).stages["release-evaluate"]
    assert set(stage.inputs) == {"rows", "values", "parts", "package.many", "package.few"}
    assert not {"values_of", "groups_of"} & set(stage.config)


def test_a_group_may_be_of_a_block_that_no_model_reads(tmp_path: Path) -> None:
    stage = graph(tmp_path, ("by: inputs.sex", "by: apart.old")).stages["release-evaluate"]
    assert stage.inputs["values.apart"] == "apart-features/values"
    # Only what the gate names: audit features are those of judged models.
    assert stage.config["groups_of"] == {"trade": "words", "old": "apart"}


def test_a_compressed_model_has_the_features_of_the_one_it_is_made_of(tmp_path: Path) -> None:
    small = "\ncompress small {\n  model = few\n  distil = student(sklearn.DecisionTreeClassifier, max_depth: 3)\n}\n"
    edits = [("auc(few)) >= 1pp", "auc(small)) >= 1pp")]
    path = written(tmp_path, *edits, more=small)
    stage = mlspec.load(path).graph.stages["release-evaluate"]
    assert stage.config["values_of"] == {"small": "words"}


def test_a_model_of_the_registry_names_no_block(tmp_path: Path) -> None:
    live = '\nmodel live = registry("demo", alias: "champion", if_absent: skip)\n'
    stage = graph(
        tmp_path, ("  beats :=", "  holds := lower(auc(candidate) - auc(live)) >= 0pp\n  beats :="), more=live
    ).stages["release-evaluate"]
    assert stage.config["values_of"] == {"few": "words"} and stage.config["if_absent"] == {"live": "skip"}


def test_a_model_fitted_on_another_split_is_refused_where_it_is_compared(tmp_path: Path) -> None:
    moved = (
        "features = words\n  label = people.bought\n  part = parts.train",
        "features = words\n  label = people.bought\n  part = other.fit",
    )
    assert errors(tmp_path, moved, more=OTHER_SPLIT) == [
        ("MLS509", "lower(auc(candidate) - auc(few)) >= 1pp"),
        ("MLS509", "[few, many]"),
    ]


def test_two_features_of_one_name_must_be_one(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        (
            "years := log1p(people.age)\n  sex := people.sex @audit",
            'years := log1p(people.age)\n  sex := people.sex == "f" @audit',
        ),
    )
    found = [item for item in mlspec.check(path) if item.severity == "error"]
    assert [(item.code.id, item.span.text) for item in found if item.span is not None] == [
        ("MLS901", "gates release"),
        ("MLS901", "evaluate deeper"),
    ]
    assert "grouping by two features that are both named `sex`" in found[0].message


def test_an_input_may_have_the_name_of_a_group_of_the_other_block(tmp_path: Path) -> None:
    stage = graph(tmp_path, ("trade := people.job @audit", "job := people.job @audit")).stages["release-evaluate"]
    assert stage.config["groups_of"] == {"job": "words"}


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (("by: inputs.sex", "by: places.town"), "places.town"),
        (("models = [few, many]", "models = [few, many]\n  least := worst(auc(few), by: places.town)"), "places.town"),
        (("models = [few, many]", "models = [few, many]\n  least := worst(auc(few), by: shops.town)"), "shops.town"),
    ],
)
def test_groups_of_another_source_are_refused(tmp_path: Path, edit: tuple[str, str], text: str) -> None:
    assert ("MLS104", text) in errors(tmp_path, edit, more=OTHER_SOURCE)
