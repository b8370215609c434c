"""The flat numbers and curves of findings, and the files made of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from mlspec.graph import Stage
from mlspec.runtime.figures import best_so_far, class_names, curves, decisions, scalars, write_figures

ENTRY = {"value": 0.5, "low": 0.25, "high": None}
BINARY = {"task": "binary", "classes": ["no", "yes"], "positive": "yes"}
METRICS = {
    "models": {"tune": {"auc": ENTRY, "f1": {"value": None, "low": None, "high": None}}},
    "quantities": {"useful": {"value": 0.25}, "broken": {"value": None}},
    "label": BINARY,
    "curves": {"tune": {
        "roc": [[0.0, 0.0], [0.5, 1.0]], "precision_recall": [[0.0, 1.0]], "calibration": [{"score": 0.1, "observed": 0.2, "n": 7}],
        "confusion": {"counts": [[3, 1], [0, 2]]}, "histogram": {"low": 0}}},
}  # fmt: skip
STUDY = {
    "objective": {"direction": "minimize"}, "best": {"number": 3, "value": 0.5}, "failed": 1, "importance": [
        {"family": "forest", "parameter": "depth", "importance": 0.75}, {"family": None, "parameter": "family", "importance": 0.25}],
    "trials": [{"number": 1, "family": "a", "value": 0.75}, {"number": 2, "family": "a", "value": None},
               {"number": 3, "family": "b", "value": 0.5}, {"number": 4, "family": "b", "value": 0.625}],
}  # fmt: skip


def folder(tmp_path: Path, name: str, document: Any) -> Path:
    place = tmp_path / name.partition(".")[0]
    place.mkdir()
    (place / name).write_text(json.dumps(document))
    return place


def test_scalars_are_flat_and_have_a_value(tmp_path: Path) -> None:
    assert scalars(folder(tmp_path, "metrics.json", METRICS)) == {"tune.auc": 0.5, "tune.auc.low": 0.25, "gate.useful": 0.25}
    assert scalars(folder(tmp_path, "verdict.json", {"passed": False, "gates": []})) == {"passed": 0.0}
    assert scalars(folder(tmp_path, "study.json", STUDY)) == {"best": 0.5, "best.trial": 3.0, "trials": 4.0, "failed": 1.0}


def test_checks_of_a_source_are_numbers_too(tmp_path: Path) -> None:
    checks = {"checks": [{"name": "volume", "passed": True, "value": 344}, {"name": "unique", "passed": False, "value": None}]}
    wanted = {"volume.passed": 1.0, "volume.value": 344.0, "unique.passed": 0.0}
    assert scalars(folder(tmp_path, "metrics.json", checks)) == wanted
    assert curves(tmp_path / "metrics") == {}


def test_curves_are_rows_with_names(tmp_path: Path) -> None:
    found = curves(folder(tmp_path, "metrics.json", METRICS))
    assert found["roc.tune"] == [{"false_positive_rate": 0.0, "recall": 0.0}, {"false_positive_rate": 0.5, "recall": 1.0}]
    assert found["precision_recall.tune"] == [{"recall": 0.0, "precision": 1.0}]
    assert found["calibration.tune"] == [{"score": 0.1, "observed": 0.2, "rows": 7}]
    assert found["confusion.tune"][1] == {"actual": "no", "decision": "yes", "rows": 1}
    assert set(found) == {"roc.tune", "precision_recall.tune", "calibration.tune", "confusion.tune"}


def test_residuals_have_the_middle_and_nine_in_ten(tmp_path: Path) -> None:
    drawn = {"quantiles": [5, 25, 50, 75, 95], "bins": [{"prediction": 3.0, "n": 9, "error": [-2.0, -1.0, 0.0, 1.0, 2.0]}]}
    metrics = {**METRICS, "label": {"task": "regression", "classes": []}, "curves": {"m": {"residuals": drawn}}}
    found = curves(folder(tmp_path, "metrics.json", metrics))
    assert found == {"residuals.m": [{"prediction": 3.0, "error_5": -2.0, "error_50": 0.0, "error_95": 2.0}]}


def test_a_study_has_its_history_and_what_mattered(tmp_path: Path) -> None:
    found = curves(folder(tmp_path, "study.json", STUDY))
    assert [row["best"] for row in found["history"]] == [0.75, 0.5, 0.5]
    assert [row["trial"] for row in found["history"]] == [1, 3, 4]
    assert [row["parameter"] for row in found["importance"]] == ["forest.depth", "family"]


def test_best_so_far_goes_by_the_direction() -> None:
    points = [(2, 0.25), (1, 0.5), (3, 0.75)]
    assert best_so_far(points, upward=True) == [(1, 0.5), (3, 0.75)]
    assert best_so_far(points, upward=False) == [(1, 0.5), (2, 0.25)]


@pytest.mark.parametrize(
    ("label", "names"),
    [
        (BINARY, ["no", "yes"]),
        ({"task": "binary", "classes": [False, True], "positive": True}, ["false", "true"]),
        ({"task": "binary", "classes": ["a", "b", "c"], "positive": "b"}, ["not b", "b"]),
        ({"task": "binary", "classes": [], "positive": "b"}, ["not b", "b"]),
        ({"task": "multiclass", "classes": ["x", "y", "z"]}, ["x", "y", "z"]),
    ],
)
def test_class_names_are_in_the_order_of_their_codes(label: dict[str, Any], names: list[str]) -> None:
    assert class_names(label) == names


def test_files_go_by_the_stage_that_made_the_model(tmp_path: Path) -> None:
    made = {"metrics": folder(tmp_path, "metrics.json", METRICS)}
    stage = Stage("g-evaluate", "evaluate", "g", {}, {"package.tune": "tune-search/package"}, {"metrics": "metrics"})
    target = tmp_path / "figures"
    (target / "curves").mkdir(parents=True)
    (target / "curves" / "old.json").write_text("[]")
    write_figures(stage, made, target)
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()) == [
        "curves/calibration/tune-search.json", "curves/confusion/tune-search.csv", "curves/precision_recall/tune-search.json",
        "curves/roc/tune-search.json", "metrics.json",
    ]  # fmt: skip
    rows = list(csv.DictReader((target / "curves/confusion/tune-search.csv").read_text().splitlines()))
    assert len(rows) == 6 and rows.count({"actual": "no", "decision": "no"}) == 3


def test_many_decisions_keep_their_shares() -> None:
    counts = {("a", "a"): 900_000, ("a", "b"): 99_999, ("b", "b"): 1}
    lines = decisions([{"actual": actual, "decision": made, "rows": n} for (actual, made), n in counts.items()]).splitlines()[
        1:
    ]
    assert len(lines) <= 10_003
    assert abs(lines.count("a,a") / len(lines) - 0.9) < 0.001 and lines.count("b,b") == 1
