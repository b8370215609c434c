"""The evaluate stage on a part of a table, with packages that read their score off a feature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from evaluation_world import LABEL, Reader, evaluated_task, write_table
from sklearn import metrics as reference

from mlspec.runtime import evaluate, package
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate import intervals
from tests.support.stages import run_stage_function


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    random = np.random.default_rng(12)
    n = 900
    good = random.beta(1.2, 2.0, n)
    y = random.random(n) < 0.1 + 0.8 * good
    sex = np.where(random.random(n) < 0.4, "Female", "Male")
    rows = np.arange(n, dtype=np.int64)
    inputs = {
        "rows": write_table(
            tmp_path / "rows", {"__row": rows, "income": np.where(y, ">50K", "<=50K"), "sex": sex, "home": rows % 90},
            [{"name": "__row", "type": "int"}, {"name": "income", "type": "category"}, {"name": "sex", "type": "category"}, {"name": "home", "type": "int"}],
        ),
        "values": write_table(
            tmp_path / "values", {"__row": rows, "f.good": good, "f.poor": random.random(n), "f.sex": sex},
            [{"name": "__row", "type": "int"}, {"name": "f.good", "type": "float"}, {"name": "f.poor", "type": "float"},
             {"name": "f.sex", "type": "category", "audit": True}],
        ),
        "parts": write_table(
            tmp_path / "parts", {"__row": rows, "part": np.where(rows % 3 == 0, "train", "holdout")},
            [{"name": "__row", "type": "int"}, {"name": "part", "type": "string"}],
        ),
    }  # fmt: skip
    packages = {"tune": Reader("good", ">50K", "<=50K"), "majority": Reader("poor", ">50K", "<=50K")}
    for name in packages:
        (tmp_path / name).mkdir()
        inputs[f"package.{name}"] = tmp_path / name
    monkeypatch.setattr(package, "load_package", lambda folder: packages[Path(folder).name], raising=False)
    kept = rows % 3 != 0
    return {
        "inputs": inputs,
        "y": y[kept],
        "good": good[kept],
        "poor": packages,
        "sex": sex[kept],
        "rows": rows[kept],
        "tmp": tmp_path,
    }


def metric(name: str, model: str = "tune") -> list[Any]:
    return ["metric", name, model, {}]


def config(**changes: Any) -> dict[str, Any]:
    quantities = {
        "useful": ["call", "lower", [metric("auc")], {}],
        "beats": ["call", "lower", [["call", "-", [metric("accuracy"), metric("accuracy", "majority")], {}]], {}],
        "calibrated": metric("calibration_error"),
        "fair": ["call", "gap", [metric("false_pos_rate")], {"by": ["feature", "sex"]}],
        "chosen": ["call", "ratio", [metric("selection_rate")], {"by": ["column", "sex"]}],
        "steady": ["call", "worst", [metric("auc")], {"by": ["column", "sex"]}],
    }
    base = {
        "part": "holdout", "candidate": "tune", "models": ["tune", "majority"], "label": LABEL, "confidence": 0.95, "seed": 7,
        "min_group": 50, "group": None, "quantities": [{"id": key, "expression": value} for key, value in quantities.items()],
    }  # fmt: skip
    return {**base, **changes}


def evaluated(world: dict[str, Any], **changes: Any) -> dict[str, Any]:
    out = run_stage_function(evaluate.run, world["tmp"], "evaluate", config(**changes), world["inputs"])
    return json.loads((out / "metrics" / "metrics.json").read_text())


def test_quantities_have_values_intervals_and_words(world: dict[str, Any]) -> None:
    found = evaluated(world)["quantities"]
    useful = found["useful"]
    assert useful["point"] == pytest.approx(reference.roc_auc_score(world["y"], world["good"]), abs=1e-12)
    assert useful["low"] == useful["value"] < useful["point"] < useful["high"]
    assert (useful["method"], useful["text"], useful["n"]) == ("DeLong", "lower(auc(tune))", 600)
    assert found["beats"]["method"] == "Newcombe paired"
    assert found["beats"]["text"] == "lower(accuracy(tune) - accuracy(majority))"
    assert found["calibrated"]["method"] == "bootstrap, 2,000 draws"
    assert found["fair"]["text"] == "gap(false_pos_rate(tune), by: sex)"
    assert all(entry["problem"] is None for entry in found.values())


def test_groups_are_those_of_fairlearn(world: dict[str, Any]) -> None:
    from fairlearn.metrics import MetricFrame, false_positive_rate

    found = evaluated(world)["quantities"]
    frame = MetricFrame(
        metrics=false_positive_rate, y_true=world["y"].astype(int), y_pred=(world["good"] >= 0.5).astype(int),
        sensitive_features=world["sex"],
    )  # fmt: skip
    assert found["fair"]["value"] == pytest.approx(frame.difference(), abs=1e-15)
    assert found["fair"]["low"] <= found["fair"]["value"] <= found["fair"]["high"]
    female = world["sex"] == "Female"
    selected = [(world["good"][mask] >= 0.5).mean() for mask in (female, ~female)]
    assert found["chosen"]["value"] == pytest.approx(min(selected) / max(selected), abs=1e-12)
    aucs = [reference.roc_auc_score(world["y"][mask], world["good"][mask]) for mask in (female, ~female)]
    assert found["steady"]["value"] == pytest.approx(min(aucs), abs=1e-12)
    assert found["steady"]["groups"]["Female"]["n"] == int(female.sum())


def test_predictions_hold_the_part_in_row_order(world: dict[str, Any]) -> None:
    out = run_stage_function(evaluate.run, world["tmp"], "evaluate", config(), world["inputs"])
    table = pq.read_table(out / "predictions" / "rows.parquet")
    assert table.column_names == ["__row", "label", "tune.score", "tune.decision", "majority.score", "majority.decision"]
    assert table.column("__row").to_pylist() == world["rows"].tolist()
    assert np.array_equal(table.column("tune.score").to_numpy(), world["good"])
    assert set(table.column("tune.decision").to_pylist()) == {"<=50K", ">50K"}


def test_a_small_group_is_a_problem_and_no_number(world: dict[str, Any]) -> None:
    fair = evaluated(world, min_group=400)["quantities"]["fair"]
    assert fair["value"] is None
    assert "smaller than min_group 400: `Female`" in fair["problem"]
    assert fair["groups"]["Male"]["value"] is not None


def test_whole_groups_are_drawn_where_the_split_has_one(world: dict[str, Any]) -> None:
    found = evaluated(world, group="home")["quantities"]
    assert found["useful"]["method"] == "bootstrap, 2,000 draws of whole groups"
    assert found["useful"]["low"] < found["useful"]["point"] < found["useful"]["high"]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (metric("auc", "production"), "the model `production` does not exist"),
        (metric("rmse"), "`rmse` is no metric of a binary task"),
        (["call", "gap", [metric("auc")], {"by": ["feature", "tribe"]}], "no feature `tribe`"),
        (["call", "worst", [metric("auc")], {"by": ["column", "home"]}], "smaller than min_group"),
        (["call", "/", [metric("auc"), ["lit", 0, "int"]], {}], "is no number"),
    ],
)
def test_what_has_no_value_is_said(world: dict[str, Any], expression: list[Any], problem: str) -> None:
    found = evaluated(world, quantities=[{"id": "q", "expression": expression}])["quantities"]["q"]
    assert found["value"] is None
    assert problem in found["problem"]


def test_the_same_stage_twice_gives_the_same_bytes(world: dict[str, Any]) -> None:
    assert json.dumps(evaluated(world)) == json.dumps(evaluated(world))


def test_an_empty_part_stops_the_stage(world: dict[str, Any]) -> None:
    with pytest.raises(StageError) as caught:
        evaluated(world, part="calibrate")
    assert (caught.value.code, caught.value.where) == ("MLS816", "block.part")


def test_size_of_the_package(world: dict[str, Any]) -> None:
    (world["tmp"] / "tune" / "model.bin").write_bytes(b"x" * 1500)
    found = evaluated(world, quantities=[{"id": "small", "expression": metric("size")}])["quantities"]
    assert (found["small"]["value"], found["small"]["text"], found["small"]["method"]) == (1500, "size(tune)", "exact")


def test_classes_left_open_are_those_that_the_candidate_learned(world: dict[str, Any]) -> None:
    found = evaluated(world, label={**LABEL, "classes": []})
    assert found["label"]["classes"] == ["<=50K", ">50K"]
    assert found["quantities"]["useful"]["problem"] is None


def test_regression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {
        "close": ["call", "upper", [metric("mae")], {}],
        "unbiased": ["call", "abs", [metric("bias")], {}],
        "everywhere": ["call", "worst", [metric("mae")], {"by": ["feature", "group"]}],
    }
    folder = evaluated_task(tmp_path, monkeypatch, "regression", asked)
    found = json.loads((folder / "metrics.json").read_text())
    close = found["quantities"]["close"]
    assert close["value"] == close["high"] > close["point"] > close["low"] > 0
    assert 0 < found["quantities"]["unbiased"]["value"] < 3
    assert "`rare` has 10" in found["quantities"]["everywhere"]["problem"]
    assert [item["n"] for item in found["slices"][0]["values"]] == [390, 10]
    assert found["slices"][0]["values"][1]["models"] == {}


def test_many_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {
        "finds": ["call", "lower", [["metric", "recall", "tune", {"class": ["lit", "Chinstrap", "category"]}]], {}],
        "even": metric("macro_f1"),
    }
    folder = evaluated_task(tmp_path, monkeypatch, "multiclass", asked)
    found = json.loads((folder / "metrics.json").read_text())
    assert found["quantities"]["finds"]["text"] == 'lower(recall(tune, class: "Chinstrap"))'
    assert found["quantities"]["finds"]["method"] == "Wilson"
    assert found["quantities"]["even"]["low"] < found["quantities"]["even"]["value"] < found["quantities"]["even"]["high"]
    assert np.sum(found["curves"]["tune"]["confusion"]["counts"]) == 400
    table = pq.read_table(folder.parent / "predictions" / "rows.parquet")
    assert table.column_names[2:5] == ["tune.score.Adelie", "tune.score.Chinstrap", "tune.score.Gentoo"]


def test_a_score_that_is_no_number_stops_the_stage(world: dict[str, Any]) -> None:
    table = pq.read_table(world["inputs"]["values"] / "rows.parquet").to_pydict()
    table["f.good"][100] = float("nan")
    pq.write_table(pa.table(table), world["inputs"]["values"] / "rows.parquet")
    with pytest.raises(StageError) as caught:
        evaluated(world)
    assert (caught.value.code, caught.value.where) == ("MLS807", "tune")


def test_only_the_plots_asked_for_are_kept(world: dict[str, Any]) -> None:
    assert set(evaluated(world, plots=["roc"])["curves"]["tune"]) == {"roc", "bands", "histogram"}
    assert set(evaluated(world)["curves"]["tune"]) == {
        "roc",
        "precision_recall",
        "calibration",
        "confusion",
        "histogram",
        "bands",
    }


def test_slices_carry_the_interval_of_their_own_rows(world: dict[str, Any]) -> None:
    found = evaluated(world)["slices"][0]
    female = world["sex"] == "Female"
    alarms = (world["good"][female] >= 0.5) & ~world["y"][female]
    expected = intervals.wilson(alarms.sum(), (~world["y"][female]).sum())
    entry = found["values"][0]
    assert (entry["value"], entry["n"]) == ("Female", int(female.sum()))
    assert entry["ends"]["tune"]["false_pos_rate"] == pytest.approx([expected.low, expected.high])
    assert entry["ends"]["tune"]["auc"][0] < entry["models"]["tune"]["auc"] < entry["ends"]["tune"]["auc"][1]
