"""Models over different blocks of features are judged together: each with the values that it was fitted on, as if it were judged alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from package_tables import INCOME, census, feature, fit_config

from mlspec.runtime import evaluate
from mlspec.runtime.train import run as fit
from tests.support.stages import run_stage_function

N = 400
HALVED = ["call", "*", [["col", "age", "int"], ["lit", -0.5, "float"]], {}]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two packages; the further block has a feature of a name that the first has too, with other values, and a group of its own."""
    folder = tmp_path_factory.mktemp("several")
    inputs, features = census(folder, limit=N)
    rows = pq.read_table(inputs["rows"] / "rows.parquet")
    place = [row % 3 for row in range(N)]
    values = {
        "__row": rows.column("__row"),
        "f.age": pa.array([-0.5 * value for value in rows.column("age").to_pylist()]),
        "f.shift": pa.array(["early" if at else "late" for at in place]),
    }
    words = folder / "words"
    words.mkdir()
    pq.write_table(pa.table(values), words / "rows.parquet")
    told = [
        {"name": "f.age", "type": "float", "audit": False},
        {"name": "f.shift", "type": "string", "audit": True},
    ]
    (words / "table.json").write_text(json.dumps({"columns": told, "rows": N, "files": []}))
    chosen = {"many": (features, inputs), "few": ([feature("age", "float", value=HALVED)], inputs | {"values": words})}
    packages = {
        name: run_stage_function(fit, folder, "fit", fit_config(some, INCOME, "sklearn.LogisticRegression"), read, block=name) / "package"
        for name, (some, read) in chosen.items()
    }  # fmt: skip
    return {"inputs": inputs, "words": words, "packages": packages, "place": place}


def evaluated(world: Mapping[str, Any], folder: Path, models: list[str], values: Mapping[str, Path], **more: Any) -> Path:
    config = {
        "part": "holdout", "candidate": models[0], "models": models, "label": INCOME, "confidence": 0.95, "min_group": 5, "seed": 1,
        "quantities": [], "plots": ["roc"], **more,
    }  # fmt: skip
    packages = {f"package.{name}": world["packages"][name] for name in models}
    inputs = {name: world["inputs"][name] for name in ("rows", "parts")} | dict(values) | packages
    return run_stage_function(evaluate.run, folder, "evaluate", config, inputs, block="-".join(models))


def predicted(out: Path, model: str) -> list[Any]:
    table = pq.read_table(out / "predictions" / "rows.parquet")
    return [table.column(f"{model}.{what}").to_pylist() for what in ("score", "decision")]


def numbers(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "metrics" / "metrics.json").read_text())
    return found


def test_each_model_is_scored_as_if_it_were_judged_alone(world: dict[str, Any], tmp_path: Path) -> None:
    first, words = world["inputs"]["values"], world["words"]
    both = evaluated(world, tmp_path, ["many", "few"], {"values": first, "values.words": words}, values_of={"few": "words"})
    turned = evaluated(
        world, tmp_path, ["few", "many"], {"values": words, "values.inputs": first}, values_of={"many": "inputs"}
    )
    for name, own in (("many", first), ("few", words)):
        alone = evaluated(world, tmp_path, [name], {"values": own})
        assert predicted(both, name) == predicted(turned, name) == predicted(alone, name)
        # How many models stand beside it changes no number of a model.
        assert numbers(both)["models"][name]["auc"] == numbers(alone)["models"][name]["auc"]
    # The block matters: the first one has a column of this name too, and it holds other numbers.
    wrong = evaluated(world, tmp_path / "wrong", ["few"], {"values": first})
    assert predicted(wrong, "few") != predicted(both, "few")


def test_the_models_are_compared_on_the_same_rows(world: dict[str, Any], tmp_path: Path) -> None:
    gain = {"id": "gain", "expression": ["call", "-", [["metric", "auc", "many", {}], ["metric", "auc", "few", {}]], {}]}
    values = {"values": world["inputs"]["values"], "values.words": world["words"]}
    found = numbers(evaluated(world, tmp_path, ["many", "few"], values, values_of={"few": "words"}, quantities=[gain]))
    models, entry = found["models"], found["quantities"]["gain"]
    assert entry["value"] == pytest.approx(models["many"]["auc"]["value"] - models["few"]["auc"]["value"], abs=1e-12)
    assert entry["method"] == "DeLong paired" and entry["low"] < entry["value"] < entry["high"]


def test_rows_are_grouped_by_a_feature_of_the_further_block(world: dict[str, Any], tmp_path: Path) -> None:
    worst = {
        "id": "worst", "expression": ["call", "worst", [["metric", "accuracy", "many", {}]], {"by": ["feature", "shift"]}],
    }  # fmt: skip
    values = {"values": world["inputs"]["values"], "values.words": world["words"]}
    out = evaluated(
        world, tmp_path, ["many", "few"], values, values_of={"few": "words"}, groups_of={"shift": "words"}, quantities=[worst]
    )
    table = pq.read_table(out / "predictions" / "rows.parquet")
    held = [world["place"][row] for row in table.column("__row").to_pylist()]
    counts = {name: row["n"] for name, row in numbers(out)["quantities"]["worst"]["groups"].items()}
    assert counts == {"early": sum(at > 0 for at in held), "late": sum(at == 0 for at in held)}
    assert ["feature", "shift"] in [item["by"] for item in numbers(out)["slices"]]
