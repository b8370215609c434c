"""What a `compress` may say, and what becomes of it: its stage, and models wherever one is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlspec.diagnostics import Diagnostic
from mlspec.graph import Graph
from mlspec.graph.keys import graph_keys
from mlspec.lower.build import lower
from mlspec.lower.monitoring import monitor_config
from mlspec.lower.serving import serve_config
from mlspec.spec.checks import run_checks
from tests.support.specs import check_text, render

BASE = (Path(__file__).parents[1] / "cases" / "errors" / "MLS101" / "good.mlspec").read_text(encoding="utf-8")
BASE = BASE.replace("train := 70%", "train := 60%\n  tune := 10%", 1)
MODELS = """
model line {
  estimator = sklearn.LogisticRegression
  features = inputs
  label = people.bought
  part = parts.train
}

model forest {
  estimator = sklearn.RandomForestClassifier
  features = inputs
  label = people.bought
  part = parts.train
}
"""
EDGE = """
compress edge {{
  model = {model}
  {steps}
}}
"""


def edge(model: str, *steps: str) -> str:
    head, _, tail = BASE.partition("gates release {")
    return head + MODELS + EDGE.format(model=model, steps="\n  ".join(steps)) + "gates release {" + tail


def found_in(text: str) -> list[Diagnostic]:
    """What the checker says of a spec, and the checks over the whole of it where it has no errors."""
    spec, found = check_text(text)
    return [*found, *(run_checks(spec) if spec is not None else ())]


_OF_THE_BASE = ("MLS107", "MLS503", "MLS613")


def codes(text: str) -> list[str]:
    return [finding.code.id for finding in found_in(text) if finding.code.id not in _OF_THE_BASE]


GOOD = {
    "int8": ("line", "quantise = static_int8(part: parts.tune, samples: 64)"),
    "zeros": ("line", "prune = magnitude(sparsity: 40%)", "quantise = dynamic_int8()"),
    "rounds": ("forest", "prune = rounds(keep: 25%)"),
    "as_many_as_it_takes": ("forest", "prune = rounds(on: auc, part: parts.tune, max_loss: 0.2pp)"),
    "student": ("forest", "distil = student(sklearn.LogisticRegression, C: 0.5)", "quantise = dynamic_int8()"),
    "named": (
        "forest",
        "distil = student(estimator: sklearn.DecisionTreeClassifier, max_depth: 4, labels: 20%, temperature: 2.0)",
    ),
    "graph": ("forest", "export = onnx(opset: 19)", "part = parts.tune"),
    "search": ("tune.best", "distil = student(sklearn.LogisticRegression)"),
}


@pytest.mark.parametrize("name", GOOD)
def test_steps_that_mean_something_check_clean(name: str) -> None:
    assert codes(edge(*GOOD[name])) == []


BAD = {
    "int8 of trees": ("forest", "MLS209", "quantise = dynamic_int8()"),
    "rounds of a line": ("line", "MLS209", "prune = rounds(keep: 50%)"),
    "a baseline": ("base", "MLS209", "distil = student(sklearn.LogisticRegression)"),
    "nothing": ("line", "MLS106", "part = parts.tune"),
    "no share and no metric": ("forest", "MLS106", "prune = rounds(max_loss: 1pp)"),
    "a share and a metric": ("forest", "MLS209", "prune = rounds(keep: 50%, on: auc, part: parts.tune)"),
    "points of a loss": ("forest", "MLS202", "prune = rounds(on: log_loss, part: parts.tune, max_loss: 1pp)"),
    "nothing is kept": ("forest", "MLS209", "prune = rounds(keep: 0%)"),
    "everything goes": ("line", "MLS209", "prune = magnitude(sparsity: 100%)"),
    "epochs of a line": ("line", "MLS209", "prune = magnitude(sparsity: 50%, retrain_epochs: 2)"),
    "no student": ("forest", "MLS106", "distil = student(temperature: 2.0)"),
    "no temperature": ("forest", "MLS209", "distil = student(sklearn.LogisticRegression, temperature: 0)"),
    "a regressor": ("forest", "MLS212", "distil = student(sklearn.Ridge)"),
    "no probabilities": ("forest", "MLS212", "distil = student(sklearn.LinearSVC)"),
    "no probabilities by a parameter": ("forest", "MLS212", 'distil = student(sklearn.SGDClassifier, loss: "hinge")'),
    "a network of trees": ("forest", "MLS209", "distil = student(network: mlp(hidden: [8]))"),
    "no such parameter": ("forest", "MLS208", "distil = student(sklearn.LogisticRegression, depth: 3)"),
    "not its domain": ("forest", "MLS209", "distil = student(sklearn.DecisionTreeClassifier, max_depth: 0)"),
    "twice": ("forest", "MLS102", "distil = student(sklearn.DecisionTreeClassifier, max_depth: 3, max_depth: 4)"),
    "itself": ("edge", "MLS103", "quantise = dynamic_int8()"),
    "the holdout for ranges": ("line", "MLS311", "quantise = static_int8(part: parts.holdout)"),
    "the holdout for losses": ("line", "MLS311", "part = parts.holdout", "quantise = dynamic_int8()"),
    "a metric of numbers": ("forest", "MLS201", "prune = rounds(on: rmse, part: parts.tune)"),
    "an operator set that is none": ("line", "MLS209", "export = onnx(opset: 3)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_said_at_its_place(name: str) -> None:
    model, code, *steps = BAD[name]
    text = edge(model, *steps)
    found = found_in(text)
    said = [finding for finding in found if finding.code.id == code]
    assert len(said) == 1, render(found)
    span = said[0].span
    assert span is not None
    assert text.rindex("compress edge") <= span.start


CHAIN = """
compress second {
  model = edge
  prune = magnitude(sparsity: 20%)
}
"""


def test_integers_are_not_pruned() -> None:
    assert codes(edge("line", "prune = magnitude(sparsity: 10%)") + CHAIN) == []
    assert codes(edge("line", "quantise = dynamic_int8()") + CHAIN) == ["MLS209"]
    assert codes(edge("forest", "distil = student(sklearn.LogisticRegression)") + CHAIN) == []
    assert codes(edge("line", "distil = student(sklearn.DecisionTreeClassifier)") + CHAIN) == ["MLS209"]


def lowered(text: str) -> Graph:
    spec, found = check_text(text)
    assert spec is not None, render(found)
    return lower(spec, "0" * 64)


def everywhere() -> str:
    """The base, with a compression in the place of the model that is served, judged and watched."""
    steps = ("distil = student(sklearn.LogisticRegression, C: 0.5)", "quantise = static_int8(part: parts.tune, samples: 64)")
    return (
        edge("tune.best", *steps)
        .replace("candidate = tune.best", "candidate = edge")
        .replace("model = tune.best\n  gate", "model = edge\n  gate")
    )


def test_a_compress_is_a_model_wherever_one_is_named() -> None:
    text = everywhere()
    assert "candidate = edge" in text
    assert "model = edge\n  gate = release" in text
    assert codes(text) == []
    spec, _ = check_text(text)
    assert spec is not None
    graph = lowered(text)
    stage = graph["edge-compress"]
    assert dict(stage.inputs) == {
        "package": "tune-search/package", "parts": "parts-split/parts", "rows": "people-extract/rows", "values": "inputs-features/values",
    }  # fmt: skip
    assert graph["release-evaluate"].inputs["package.edge"] == "edge-compress/package"
    assert graph["run-report"].inputs["steps.edge"] == "edge-compress/steps"
    serve = next(spec.of_kind("serve"))
    assert serve_config(spec, serve, "0" * 64)["model"] == "edge"


def test_the_config_says_what_each_step_is() -> None:
    config: dict[str, Any] = dict(lowered(everywhere())["edge-compress"].config)
    assert config["distil"] == {
        "name": "student", "estimator": "sklearn.LogisticRegression", "network": None, "epochs": None, "temperature": 1.0, "labels": 0.0,
        "params": {"C": 0.5},
    }  # fmt: skip
    assert config["quantise"] == {"name": "static_int8", "part": "tune", "samples": 64}
    assert (config["model"], config["judged"], config["part"], config["prune"]) == ("tune", "train", "train", None)
    assert config["label"]["column"] == "bought"


def test_another_feature_changes_no_key_of_a_compression() -> None:
    text = edge("line", "quantise = dynamic_int8()")
    head = "features inputs {"
    more = text.replace(head, f"{head}\n  extra := people.age @audit", 1)
    assert more != text
    keys = [graph_keys(lowered(each), {}, {})["edge-compress"] for each in (text, more)]
    assert keys[0] == keys[1]
    other = graph_keys(lowered(text.replace("dynamic_int8()", "static_int8(part: parts.tune)")), {}, {})["edge-compress"]
    assert other != keys[0]


def test_gates_compare_a_compression_with_its_teacher_on_the_same_rows() -> None:
    gates = "  lossless := auc(candidate) - auc(tune) >= -1pp\n  half := size(candidate) / size(tune) <= 50%\n"
    text = everywhere().replace("  candidate = edge\n", "  candidate = edge\n", 1)
    place = text.index("}", text.index("candidate = edge"))
    text = text[:place] + gates + text[place:]
    found = found_in(text)
    assert {each.code.id for each in found} <= set(_OF_THE_BASE), render(found)
    evaluate = lowered(text)["release-evaluate"]
    assert {"package.edge", "package.tune"} <= set(evaluate.inputs)


def test_a_monitor_reads_the_features_of_the_teacher() -> None:
    text = everywhere()
    spec, _ = check_text(text)
    assert spec is not None
    (monitor,) = spec.of_kind("monitor")
    reference = lowered(text)[f"{monitor.name}-reference"]
    assert reference.inputs["package"] == "edge-compress/package"
    assert [each["name"] for each in reference.config["features"]] == ["age", "job", "income"]
    assert monitor_config(spec, monitor)["task"] == "binary"


DIGITS = (Path(__file__).parents[2] / "specs" / "digits.mlspec").read_text(encoding="utf-8")
OF_PICTURES = "\ncompress edge {{\n  model = net\n  part = by_chance.tune\n  {step}\n}}\n"


@pytest.mark.parametrize(
    "step",
    [
        "prune = magnitude(sparsity: 40%)", "prune = magnitude(sparsity: 50%, structured: true, retrain_epochs: 3)",
        "quantise = static_int8(part: by_chance.tune)", "distil = student(network: cnn(channels: [4, 8]))",
        "distil = student(network: timm.resnet10t(), labels: 20%)",
    ],
)  # fmt: skip
def test_a_network_over_images_gets_smaller_in_every_way(step: str) -> None:
    assert codes(DIGITS + OF_PICTURES.format(step=step)) == []


@pytest.mark.parametrize(
    ("step", "code", "wanted"),
    [
        ("distil = student(sklearn.LogisticRegression)", "MLS901", "`student(network: cnn(…))`"),
        ("distil = student(network: mlp(hidden: [8]))", "MLS201", "`cnn(…)` or `timm.…`"),
        ("distil = student(network: cnn(channels: [1, 2, 3, 4, 5]))", "MLS209", "at most 4 stages, or a larger image"),
        ("distil = student(network: timm.resnet10t(pretrained: true))", "MLS901", "`pretrained: false`"),
        ("quantise = dynamic_int8()", "MLS209", "`static_int8(part: …)`"),
    ],
)
def test_what_a_network_over_images_cannot_is_said_at_its_place(step: str, code: str, wanted: str) -> None:
    text = DIGITS + OF_PICTURES.format(step=step)
    said = [finding for finding in found_in(text) if finding.code.id not in _OF_THE_BASE]
    assert [finding.code.id for finding in said] == [code], render(said)
    span = said[0].span
    assert span is not None and text.rindex("compress edge") <= span.start
    assert wanted in render(said)


def test_what_a_compress_of_pictures_trains_on_is_changed_as_its_teacher_was() -> None:
    graph = lowered(DIGITS + OF_PICTURES.format(step="prune = magnitude(sparsity: 40%, retrain_epochs: 1)"))
    smaller, whole = graph.stages["edge-compress"].config, graph.stages["net-train"].config
    assert smaller["augment"] == whole["augment"] != []
