"""Metrics by the values of audit features and of whatever the gates group by, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.held_out import PartReader
from mlspec.runtime.evaluate.metrics import metric_of
from mlspec.runtime.evaluate.outcomes import Outcomes, UndefinedMetric
from mlspec.runtime.evaluate.quantities import Evaluator

SLICED = {
    "binary": ("auc", "accuracy", "selection_rate", "false_pos_rate", "false_neg_rate", "calibration_error"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "bias"),
}
# More values than this are no slices that a person reads.
MOST_VALUES = 24


def audit_features(reader: PartReader) -> list[str]:
    """The features kept for slices and fairness only."""
    return [name for name, column in reader.features().items() if column.get("audit")]


def slices_of(evaluator: Evaluator, by: Sequence[tuple[str, str]], models: Sequence[str], task: str) -> list[dict[str, Any]]:
    """One entry per grouping: rows of each value and the metrics of every model there, null where there are too few rows."""
    found = []
    for kind, name in by:
        if (kind, name) not in evaluator.held.grouping:
            continue
        codes, names = evaluator.held.by(kind, name)
        if len(names) > MOST_VALUES:
            continue
        values = [_slice(evaluator, np.flatnonzero(codes == at), names[at], models, task) for at in range(len(names))]
        found.append({"by": [kind, name], "metrics": list(SLICED[task]), "values": values})
    return found


def _slice(evaluator: Evaluator, rows: Any, name: str, models: Sequence[str], task: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": name, "n": len(rows), "models": {}, "ends": {}}
    if len(rows) < max(evaluator.min_group, 1):
        return entry
    for model in models:
        outcomes = evaluator.sample.of(model).take(rows)
        entry["models"][model] = {metric: _value(outcomes, metric) for metric in SLICED[task]}
        if evaluator.held.groups is None:
            ends = {metric: _ends(outcomes, metric, evaluator.confidence) for metric in SLICED[task]}
            entry["ends"][model] = {metric: pair for metric, pair in ends.items() if pair is not None}
    if task == "binary":
        entry["positive_share"] = float((evaluator.held.y[rows] == 1).mean())
    return entry


def _ends(rows: Outcomes, name: str, confidence: float) -> list[float] | None:
    """The interval of a slice's value where a formula gives one: AUC and shares of independent rows."""
    metric = metric_of(name, rows.task)
    try:
        if name == "auc":
            found = intervals.delong(rows, confidence)
        elif metric.proportion and metric.terms is not None:
            hits, total = metric.terms(rows, {}).sum(axis=0)
            found = intervals.wilson(hits, total, confidence)
        else:
            return None
    except UndefinedMetric:
        return None
    return [found.low, found.high]


def _value(rows: Outcomes, metric: str) -> float | None:
    try:
        return metric_of(metric, rows.task).value(rows)
    except UndefinedMetric:
        return None
