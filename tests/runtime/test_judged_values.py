"""Models over different blocks of features are judged together: each with the values that it was fitted on, as if it were judged alone."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlspec
from mlspec.runtime.kinds import FUNCTIONS
from tests.support.stages import run_stage_function
from tests.support.two_blocks import written

Made = dict[str, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The artifacts of the tiny spec by `stage/output`: every stage that `evaluate` needs, run by the graph in this process."""
    folder = tmp_path_factory.mktemp("several")
    graph = mlspec.load(written(folder)).graph
    found: Made = {}
    for name, stage in graph.stages.items():
        if stage.kind not in ("extract", "split", "features", "fit", "evaluate"):
            continue
        module, _, function = FUNCTIONS[stage.kind].partition(":")
        inputs = {key: found[source] for key, source in stage.inputs.items()}
        run = getattr(import_module(module), function)
        out = run_stage_function(run, folder, stage.kind, stage.config, inputs, block=stage.block, project_root=folder)
        found |= {f"{name}/{output}": out / output for output in stage.outputs}
    return found


def table(made: Made, artifact: str) -> pa.Table:
    return pq.read_table(made[artifact] / "rows.parquet")


def numbers(made: Made, block: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made[f"{block}-evaluate/metrics"] / "metrics.json").read_text())
    return found


def test_each_model_is_scored_as_if_it_were_judged_alone(made: Made) -> None:
    beside = table(made, "release-evaluate/predictions")
    for model, block in (("few", "alone"), ("many", "itself")):
        alone = table(made, f"{block}-evaluate/predictions")
        assert beside.select(alone.column_names).equals(alone)  # bit for bit
        assert f"{model}.score" in alone.column_names and len(alone) > 50
        together = numbers(made, "release")["models"][model]["accuracy"]
        assert together == numbers(made, block)["models"][model]["accuracy"]


def test_both_blocks_have_a_feature_of_one_name_with_other_values(made: Made) -> None:
    """What the first test shows would be chance otherwise."""
    first, other = (table(made, f"{block}-features/values").column("f.age").to_pylist() for block in ("inputs", "words"))
    assert all(one != two for one, two in zip(first, other, strict=True))


def test_the_models_are_compared_on_the_same_rows(made: Made) -> None:
    found = numbers(made, "release")
    entry, models = found["quantities"]["beats"], found["models"]
    assert entry["point"] == pytest.approx(models["many"]["auc"]["value"] - models["few"]["auc"]["value"], abs=1e-12)
    assert entry["method"] == "DeLong paired" and entry["low"] < entry["point"] < entry["high"]


def test_rows_are_grouped_by_a_feature_of_the_further_block(made: Made) -> None:
    values = table(made, "words-features/values")
    town = dict(zip(values.column("__row").to_pylist(), values.column("f.town").to_pylist(), strict=True))
    held = [town[row] for row in table(made, "release-evaluate/predictions").column("__row").to_pylist()]
    found = numbers(made, "release")
    counts = {name: row["n"] for name, row in found["quantities"]["towns"]["groups"].items()}
    assert counts == {name: held.count(name) for name in ("n", "s")}
    # The audit feature of a judged model is a slice of the report, of both models.
    (slices,) = [item["values"] for item in found["slices"] if item["by"] == ["feature", "town"]]
    assert [set(value["models"]) for value in slices] == [{"many", "few"}, {"many", "few"}]
