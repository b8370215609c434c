"""Evaluation and analyses of few rows, of groups and of every type of column: a page stands, and what has no value says why."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from evaluation_world import write_table

from mlspec.runtime import evaluate, package
from mlspec.runtime.evaluate import analyses
from mlspec.runtime.report import run as report
from tests.support.stages import run_stage_function

CLASSES = ["k0", "k1", "k2"]
LABELS: dict[str, dict[str, Any]] = {
    "binary": {"classes": [False, True], "positive": True, "favourable": True, "type": "bool"},
    "multiclass": {"classes": [], "positive": None, "favourable": None, "type": "category"},
    "regression": {"classes": [], "positive": None, "favourable": None, "type": "float"},
}
COLUMNS = [
    {"name": name, "type": kind, "optional": kind.endswith("?"), **({"tags": tags} if tags else {})}
    for name, kind, tags in (
        ("a", "float", []), ("b", "float?", []), ("flag", "bool", []), ("day", "date", []), ("at", "timestamp", ["event_time"]),
        ("price", "decimal", []), ("place", "int", []), ("home", "id", []), ("y", "float", ["outcome"]),
    )
]  # fmt: skip


class Mixed:
    """A package that reads a float, one with nulls, a bool, a whole number and a vector."""

    features = tuple(
        {"name": name, "type": kind, "value": ["col", column, kind]}
        for name, kind, column in (
            ("a", "float", "a"), ("b", "float?", "b"), ("flag", "bool", "flag"), ("place", "int", "place"), ("round", "vector", "a"),
        )
    )  # fmt: skip
    columns = tuple(COLUMNS[:7])
    positive = True

    def __init__(self, task: str) -> None:
        self.task, self.classes = task, {"binary": [False, True], "multiclass": CLASSES, "regression": []}[task]

    def score_values(self, values: dict[str, Any]) -> SimpleNamespace:
        missing = np.array([np.nan if value is None else value for value in values["b"]], dtype=float)
        x = np.asarray(values["a"], dtype=float) + 0.3 * np.nan_to_num(missing) + 0.2 * np.asarray(values["flag"], dtype=float)
        if self.task == "regression":
            return SimpleNamespace(score=x, decision=x.tolist())
        if self.task == "binary":
            score = 1 / (1 + np.exp(-x))
            return SimpleNamespace(score=score, decision=[bool(value) for value in score >= 0.5])
        powers = np.exp(np.outer(x, np.arange(3)))
        score = powers / powers.sum(axis=1, keepdims=True)
        return SimpleNamespace(score=score, decision=[CLASSES[at] for at in score.argmax(axis=1)])


def tables(folder: Path, task: str, rows: int) -> dict[str, Path]:
    random, number = np.random.default_rng(rows), np.arange(rows, dtype=np.int64)
    a, place = random.normal(size=rows), random.integers(0, 9, rows)
    b = [None if value < -0.8 else float(value) for value in random.normal(size=rows)]
    flag = [bool(value > 0) for value in random.normal(size=rows)]
    noisy = a + random.normal(size=rows)
    y = {
        "binary": [bool(value > 0) for value in noisy],
        "multiclass": [f"k{int(value)}" for value in random.integers(0, 3, rows)],
    }
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    source = {
        "__row": number, "a": a, "b": b, "flag": flag, "day": [start.date() + dt.timedelta(days=int(at)) for at in number],
        "at": [start + dt.timedelta(hours=int(at)) for at in number], "price": [Decimal(int(at) % 7) / 4 for at in number],
        "place": place, "home": number // 4, "y": y.get(task, noisy.tolist()),
    }  # fmt: skip
    values = {
        "__row": number,
        "f.a": a,
        "f.b": b,
        "f.flag": flag,
        "f.place": place,
        "f.round": [[float(x), float(-x)] for x in a],
    }
    kinds = [{"name": f"f.{item['name']}", "type": item["type"]} for item in Mixed.features]
    row = {"name": "__row", "type": "int"}
    (folder / "package").mkdir()
    return {
        "rows": write_table(folder / "rows", source, [row, *COLUMNS]), "values": write_table(folder / "values", values, [row, *kinds]),
        "parts": write_table(folder / "parts", {"__row": number, "part": ["all"] * rows}, [row, {"name": "part", "type": "string"}]),
        "package.one": folder / "package", "package.two": folder / "package",
    }  # fmt: skip


@pytest.mark.parametrize("group", [None, "home"])
@pytest.mark.parametrize("rows", [1, 3, 90])
@pytest.mark.parametrize("task", LABELS)
def test_a_page_stands_on_few_rows_and_on_all_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, rows: int, group: str | None
) -> None:
    inputs = tables(tmp_path, task, rows)
    monkeypatch.setattr(package, "load_package", lambda folder: Mixed(task))
    config = {
        "part": "all", "candidate": "one", "models": ["one", "two"], "label": {"column": "y", "task": task, **LABELS[task]}, "group": group,
        "confidence": 0.95, "min_group": 5, "min_cell": 3, "seed": 1,
    }  # fmt: skip
    names = [["column", name] for name in ("place", "price", "flag", "day", "b")]
    found = run_stage_function(evaluate.run, tmp_path, "evaluate", {**config, "quantities": [], "by": names}, inputs)
    asked = {"analyses": ["importance", "dependence", "weak_slices", "examples"], "repeats": 2, "rows": 100, "columns": COLUMNS}
    seen = {**inputs, "predictions": found / "predictions"}
    made = run_stage_function(analyses.run, tmp_path, "analyse", {**config, **asked}, seen)
    pages = {"metrics.more": found / "metrics", "analysis.more": made / "analysis"}
    page = run_stage_function(report.run, tmp_path, "report", {"spec": "s", "owner": None, "doc": "", "blocks": []}, pages)
    text = (page / "report" / "index.html").read_text()
    assert ">nan" not in text.lower() and "Analyses" in text
    metrics, analysis = (
        (folder / name).read_text()
        for folder, name in ((found / "metrics", "metrics.json"), (made / "analysis", "analysis.json"))
    )
    assert "NaN" not in metrics + analysis and "Infinity" not in metrics + analysis
    for entry in json.loads(metrics)["models"]["one"].values():
        assert entry["problem"] or entry["method"]
        assert entry["value"] is None or entry["low"] is None or entry["low"] <= entry["high"]
    vector = next(entry for entry in json.loads(analysis)["dependence"]["features"] if entry["feature"] == "round")
    assert vector["problem"] == "it is several numbers at once"
    assert (json.loads(analysis)["weak_slices"]["tested"] > 0) == (rows == 90)
