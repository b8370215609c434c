"""A stand-in for a loaded package, so that the server can be tested without a training run. Named fake: it learns nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DIGEST = "f" * 64
COLUMNS: list[dict[str, Any]] = [
    {"name": "age", "type": "int", "range": [17, 90], "tags": ["pii.quasi"]},
    {"name": "workclass", "type": "category", "optional": True},
    {"name": "sex", "type": "category", "values": ["Female", "Male"]},
    {"name": "hours", "type": "float", "range": [0.0, 168.0]},
    {"name": "wage", "type": "decimal", "precision": 10, "scale": 2, "optional": True},
    {"name": "member", "type": "bool"},
    {"name": "born", "type": "date", "optional": True},
    {"name": "seen", "type": "timestamp", "optional": True},
]
FEATURES: list[dict[str, Any]] = [
    {"name": "age", "value": ["col", "age", "int"], "type": "int", "fitted": [{"op": "scale", "method": "standard"}]},
    {
        "name": "workclass",
        "value": ["col", "workclass", "category?"],
        "type": "category?",
        "fitted": [{"op": "onehot", "max": None}],
    },
    {"name": "hours", "value": ["col", "hours", "float"], "type": "float", "fitted": []},
]
EXAMPLE = {"age": 40, "workclass": "Private", "sex": "Female", "hours": 40.5, "member": True}


@dataclass
class FakeScores:
    score: Any
    decision: list[str]


class FakePackage:
    """Scores by a fixed formula of age and hours."""

    name, digest, task, engine = "fake_income", DIGEST, "binary", "constant"
    classes, positive, threshold = ["<=50K", ">50K"], ">50K", 0.5
    columns, features = COLUMNS, FEATURES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "example.json").write_text(json.dumps(EXAMPLE))
        steps = [{"op": "onehot", "state": {"categories": ["Private", "State-gov"], "rest": ["Rare"]}}]
        document = {"format": 1, "unknown": "encode", "features": [{"name": "workclass", "steps": steps}]}
        (folder / "transform.json").write_text(json.dumps(document))

    def feature_values(self, record: Mapping[str, Any]) -> dict[str, Any]:
        return {feature["name"]: record.get(feature["value"][1]) for feature in self.features}

    def score(self, records: Sequence[Mapping[str, Any]]) -> FakeScores:
        values = [1 / (1 + math.exp(-(record["age"] - 40) / 10 - (record["hours"] - 40) / 20)) for record in records]
        return FakeScores(np.array(values), [">50K" if value >= 0.5 else "<=50K" for value in values])
