"""What each step costs: the metrics of every state of the model on one part, and their difference from the original, paired on rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.context import StageContext
from mlspec.runtime.evaluate.findings import quantity_entry
from mlspec.runtime.evaluate.held_out import part_reader, read_part
from mlspec.runtime.evaluate.outcomes import Outcomes
from mlspec.runtime.evaluate.quantities import Evaluator
from mlspec.runtime.evaluate.scoring import score_package
from mlspec.runtime.package import Package

METRICS = {
    "binary": ("auc", "accuracy", "log_loss"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}
CONFIDENCE = 0.95
ORIGINAL = "original"


def judged(context: StageContext, packages: Mapping[str, Package], label: Mapping[str, Any]) -> dict[str, Any]:
    """`{"part", "rows", "confidence", "metrics", "quality": {state: {metric: entry}}, "loss": …, "same": {state: share of equal decisions}}`."""
    part = str(context.config["judged"])
    with part_reader(context) as own:
        reader = own.of_part(part)
        held = read_part(reader, label, context.config, (), context.block)
        models = {name: score_package(context, reader, held, label, package, name) for name, package in packages.items()}
    evaluator = Evaluator(held, models, confidence=CONFIDENCE, min_group=1, seed=context.seed("bootstrap"))
    metrics = METRICS[label["task"]]
    plain = {(name, metric): ["metric", metric, name, {}] for name in models for metric in metrics}
    lost = {
        (name, metric): ["call", "-", [plain[name, metric], plain[ORIGINAL, metric]], {}]
        for name, metric in plain
        if name != ORIGINAL
    }
    evaluator.prepare([*plain.values(), *lost.values()])
    return {
        "part": part,
        "rows": len(held),
        "confidence": CONFIDENCE,
        "metrics": list(metrics),
        "quality": _entries(evaluator, plain),
        "loss": _entries(evaluator, lost),
        "same": {name: _same(rows, models[ORIGINAL], label["task"]) for name, rows in models.items()},
    }


def _entries(evaluator: Evaluator, expressions: Mapping[tuple[str, str], Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (name, metric), expression in expressions.items():
        entry = quantity_entry(evaluator, expression)
        found.setdefault(name, {})[metric] = {key: entry[key] for key in ("value", "low", "high", "method", "problem")}
    return found


def _same(rows: Outcomes, original: Outcomes, task: str) -> float | None:
    """How often a decision is the one that the original takes; predictions of numbers have none."""
    return None if task == "regression" else float(np.mean(rows.decision == original.decision))
