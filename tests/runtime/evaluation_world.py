"""A small evaluated world: tables of one part, packages that read their score off a feature, and the stage run on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.runtime import evaluate, package
from tests.support.stages import run_stage_function

LABEL = {
    "column": "income",
    "task": "binary",
    "classes": ["<=50K", ">50K"],
    "positive": ">50K",
    "favourable": ">50K",
    "type": "category",
}


class Reader:
    """A package whose score is one of its features: the real class of packages is tested where it is made."""

    def __init__(self, feature: str, positive: Any, negative: Any) -> None:
        self.features = [{"name": feature, "type": "float"}]
        self.feature, self.positive, self.negative = feature, positive, negative
        self.classes = [negative, positive]

    def score_values(self, values: dict[str, Any]) -> SimpleNamespace:
        score = np.asarray(values[self.feature], dtype=float)
        return SimpleNamespace(score=score, decision=[self.positive if value >= 0.5 else self.negative for value in score])


def write_table(folder: Path, columns: dict[str, Any], descriptors: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    (folder / "table.json").write_text(json.dumps({"columns": descriptors, "rows": len(columns["__row"]), "files": []}))
    return folder


def table_of(folder: Path, columns: dict[str, Any], **audit: bool) -> Path:
    """A table artifact whose descriptors only name the columns."""
    return write_table(folder, columns, [{"name": name, "type": "float", "audit": name in audit} for name in columns])


class Columns:
    """A package whose scores are its features, in order: many classes, or a single number."""

    def __init__(self, features: list[str], decide: Callable[[Any], list[Any]], classes: list[Any]) -> None:
        self.features = [{"name": name, "type": "float"} for name in features]
        self.names, self.decide, self.classes = features, decide, classes

    def score_values(self, values: dict[str, Any]) -> SimpleNamespace:
        score = np.column_stack([np.asarray(values[name], dtype=float) for name in self.names])
        score = score if len(self.names) > 1 else score[:, 0]
        return SimpleNamespace(score=score, decision=self.decide(score))


def evaluated_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, quantities: dict[str, Any]) -> Path:
    """The folder of metrics.json of a regression or of three classes, on 400 rows of which one group is small."""
    random, rows = np.random.default_rng(4), np.arange(400, dtype=np.int64)
    group = np.where(rows % 40 == 0, "rare", "often")
    if task == "regression":
        y = random.gamma(3.0, 20.0, 400)
        features = {"f.guess": y + random.normal(1, 8, 400)}
        model = Columns(["guess"], lambda score: score.tolist(), [])
        label = {"column": "y", "task": task, "classes": [], "positive": None, "favourable": None, "type": "float"}
    else:
        names = ["Adelie", "Chinstrap", "Gentoo"]
        place = random.integers(0, 3, 400)
        raw = random.random((400, 3)) + 0.7 * np.eye(3)[place]
        y = np.array(names)[place]
        features = {f"f.p{at}": raw[:, at] / raw.sum(axis=1) for at in range(3)}
        model = Columns(["p0", "p1", "p2"], lambda score: [names[at] for at in score.argmax(axis=1)], names)
        label = {"column": "y", "task": task, "classes": names, "positive": None, "favourable": None, "type": "category"}
    inputs = {
        "rows": table_of(tmp_path / "rows", {"__row": rows, "y": y}),
        "values": table_of(tmp_path / "values", {"__row": rows, **features, "f.group": group}, **{"f.group": True}),
        "parts": table_of(tmp_path / "parts", {"__row": rows, "part": np.repeat("holdout", 400)}),
        "package.tune": tmp_path / "tune",
    }
    (tmp_path / "tune").mkdir()
    monkeypatch.setattr(package, "load_package", lambda folder: model)
    config = {
        "part": "holdout", "candidate": "tune", "models": ["tune"], "label": label, "confidence": 0.9, "min_group": 20, "seed": 1,
        "quantities": [{"id": key, "expression": value} for key, value in quantities.items()],
    }  # fmt: skip
    return run_stage_function(evaluate.run, tmp_path, "evaluate", config, inputs) / "metrics"
