"""The classes of many one by one: each against the rest, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.evaluate.findings import metric_entry
from mlspec.runtime.evaluate.quantities import Evaluator

METRICS_OF_A_CLASS = ("precision", "recall", "f1", "auc")
MOST_CLASSES = 40


def class_expressions(label: Mapping[str, Any], model: str | None) -> list[Any]:
    """The metrics behind `class_entries`."""
    if label["task"] != "multiclass" or model is None or len(label["classes"]) > MOST_CLASSES:
        return []
    return [["metric", metric, model, {"class": value}] for value in label["classes"] for metric in METRICS_OF_A_CLASS]


def class_entries(evaluator: Evaluator, label: Mapping[str, Any], model: str | None) -> list[dict[str, Any]]:
    """One entry per class of the candidate: how many rows have it, how many are called it, and its metrics."""
    if model is None or not class_expressions(label, model):
        return []
    rows = evaluator.sample.of(model)
    return [
        {
            "class": value, "n": int((rows.y == place).sum()), "decided": int((rows.decision == place).sum()),
            "metrics": {name: metric_entry(evaluator, ["metric", name, model, {"class": value}]) for name in METRICS_OF_A_CLASS},
        }
        for place, value in enumerate(label["classes"])
    ]  # fmt: skip
