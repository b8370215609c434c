"""The `evaluate` block: what it takes, what it refuses and where, and the stages that it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec
from mlspec.graph import Graph

BASE = (Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec").read_text(encoding="utf-8")
BLOCK = """
evaluate deeper {
  models = [tune.best, base]
  part = parts.holdout
}
"""


def written(tmp_path: Path, block: str, *edits: tuple[str, str]) -> Path:
    text = BASE
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "demo.mlspec"
    path.write_text(text + block)
    return path


def graph(tmp_path: Path, block: str) -> Graph:
    return mlspec.load(written(tmp_path, block)).graph


def found(tmp_path: Path, block: str, *edits: tuple[str, str]) -> list[tuple[str, str]]:
    """Code and text of every finding in the block."""
    path = written(tmp_path, block, *edits)
    start = path.read_text().index(block.strip().split("{")[0])
    return [
        (item.code.id, item.span.text) for item in mlspec.check(path) if item.span is not None and item.span.start >= start
    ]  # fmt: skip


def test_a_block_becomes_two_stages_that_no_gate_waits_for(tmp_path: Path) -> None:
    made = graph(tmp_path, BLOCK)
    evaluate, analyse = made.stages["deeper-evaluate"], made.stages["deeper-analyse"]
    assert evaluate.config["models"] == ["tune", "base"] and evaluate.config["quantities"] == []
    assert analyse.config["analyses"] == ["importance", "dependence", "weak_slices"]
    assert analyse.inputs["predictions"] == "deeper-evaluate/predictions"
    assert set(analyse.inputs) == {"rows", "values", "parts", "predictions", "package.tune"}
    assert not any("deeper" in source for source in made.stages["release-verdict"].inputs.values())
    assert made.stages["run-report"].inputs["analysis.deeper"] == "deeper-analyse/analysis"


def test_no_analyses_no_stage(tmp_path: Path) -> None:
    made = graph(tmp_path, BLOCK.replace("}", "  analyses = []\n}"))
    assert "deeper-evaluate" in made.stages and "deeper-analyse" not in made.stages


def test_slices_metrics_baseline_and_numbers_reach_the_stage(tmp_path: Path) -> None:
    more = "  metrics = [auc, brier]\n  baseline = base\n  slices = [job]\n  gain := auc(tune.best) - auc(base)\n}"
    made = graph(tmp_path, BLOCK.replace("}", more))
    config = made.stages["deeper-evaluate"].config
    assert (config["metrics"], config["baseline"], config["by"]) == (["auc", "brier"], "base", [["column", "job"]])
    assert [item["id"] for item in config["quantities"]] == ["gain"]
    assert made.stages["deeper-analyse"].config["metric"] == "auc"


@pytest.mark.parametrize(
    ("field", "code", "text"),
    [
        ("models = []", "MLS106", "[]"),
        ("metrics = [rmse]", "MLS201", "[rmse]"),
        ("metrics = [robustness]", "MLS201", "[robustness]"),
        ("better := auc(tune.best) > 0.7", "MLS201", "better"),
        ("fast := p95(latency(tune.best, load: 5rps))", "MLS901", "fast"),
        ("part = parts.train", "MLS502", "parts.train"),
        ("slices = [email]", "MLS209", "[email]"),
        ("slices = [remark]", "MLS209", "[remark]"),
        ("analyses = [guesses]", "MLS101", "guesses"),
    ],
)
def test_what_it_refuses_has_a_place(tmp_path: Path, field: str, code: str, text: str) -> None:
    name = field.split(maxsplit=1)[0]
    kept = [line for line in BLOCK.splitlines() if not line.strip().startswith(f"{name} =")]
    block = "\n".join([*kept[:-1], f"  {field}", "}"]) + "\n"
    assert (code, text) in [(found_code, span[: len(text)]) for found_code, span in found(tmp_path, block)]


def test_models_of_two_labels_are_not_compared(tmp_path: Path) -> None:
    other = """
model count {
  estimator = sklearn.Ridge
  features = inputs
  label = people.visits_next
  part = parts.train
}
"""
    block = BLOCK.replace("base]", "count]")
    path = written(tmp_path, other + block, ("source people {", "source people {\n  visits_next: int @outcome"))
    assert "MLS209" in [item.code.id for item in mlspec.check(path)]


LIVE = """
model live = registry("demo", alias: "champion", if_absent: skip)
"""


def test_a_model_of_the_registry_is_compared_with(tmp_path: Path) -> None:
    made = graph(tmp_path, LIVE + BLOCK.replace("base]", "live]"))
    assert made.stages["deeper-evaluate"].config["if_absent"] == {"live": "skip"}
    assert set(made.stages["deeper-analyse"].inputs) == {"rows", "values", "parts", "predictions", "package.tune"}


def test_a_model_of_the_registry_is_looked_into_by_its_own_features(tmp_path: Path) -> None:
    first = BLOCK.replace("[tune.best, base]", "[live, tune.best]")
    made = graph(tmp_path, LIVE.replace(", if_absent: skip", "") + first)
    assert made.stages["deeper-analyse"].config["if_absent"] == {"live": "fail"}
    assert set(made.stages["deeper-analyse"].inputs) == {"rows", "parts", "predictions", "package.live"}
    refused = mlspec.check(written(tmp_path, LIVE + first))
    assert [(item.code.id, item.span.text) for item in refused if item.span and item.severity == "error"] == [
        ("MLS209", "[live, tune.best]")
    ]


def test_a_number_by_month_brings_the_time_of_its_rows(tmp_path: Path) -> None:
    block = BLOCK.replace("}", "  steady := worst(auc(tune.best), by: month)\n}")
    text = written(tmp_path, block, ("source people {", "source people {\n  seen: timestamp @event_time"))
    assert mlspec.load(text).graph.stages["deeper-evaluate"].config["at"] == "seen"
