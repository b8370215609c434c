"""Quantities and standard metrics as the entries of metrics.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlspec.runtime.evaluate.group_bounds import is_bound, method_of
from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.evaluate.outcomes import UndefinedMetric
from mlspec.runtime.evaluate.quantities import ENDS, AbsentModel, Evaluator
from mlspec.runtime.wording import text_of

# Metrics that say nothing without arguments are computed only where a gate asks for them.
ONLY_ON_REQUEST = ("cost", "pinball", "top_k")


def standard_metrics(task: str) -> list[str]:
    """The metrics that every evaluation of a task reports."""
    return [name for name, metric in METRICS.items() if task in metric.tasks and name not in ONLY_ON_REQUEST]


def quantity_entry(evaluator: Evaluator, expression: Any, written: Any = None) -> dict[str, Any]:
    """One number with its interval: all keys always there, null where unknown, and a problem where it has no value.

    `written` is the expression as the spec has it, for the text. `value` is the number that a gate compares; for `lower` and `upper` it is that end, and `point` is what it bounds.
    """
    inner = expression
    while inner[0] == "call" and inner[1] in ENDS:
        inner = inner[2][0]
    entry: dict[str, Any] = {
        "text": text_of(written or expression), "value": None, "point": None, "low": None, "high": None, "method": None,
        "n": len(evaluator.held), "confidence": evaluator.confidence, "groups": {}, "problem": None, "absent": None,
    }  # fmt: skip
    try:
        entry["groups"] = _groups(evaluator, inner)
        entry["point"] = evaluator.value(inner)
        entry["value"] = evaluator.value(expression)
    except UndefinedMetric as error:
        entry.update(value=None, problem=str(error))
        if isinstance(error, AbsentModel):
            entry["absent"] = evaluator.if_absent.get(error.model, "fail")
        entry["groups"] = getattr(error, "groups", entry["groups"])
        return entry
    entry.update(_of_worst_group(evaluator, inner, entry) or interval_entry(evaluator, inner))
    return entry


def _of_worst_group(evaluator: Evaluator, node: Any, entry: dict[str, Any]) -> dict[str, Any] | None:
    """Of `worst(lower(x), by: …)` the estimate and the interval of the group that decides."""
    if node[0] != "call" or "by" not in node[3] or not is_bound(node[2][0]):
        return None
    row = next(row for row in entry["groups"].values() if row["value"] == entry["value"])
    method = {"method": method_of(evaluator, entry["groups"]), "correction": evaluator.correction}
    return {key: row[key] for key in ("point", "low", "high", "n", "confidence")} | method


def _groups(evaluator: Evaluator, node: Any) -> dict[str, Any]:
    """The groups of the first worst, gap or ratio in an expression."""
    if node[0] != "call":
        return {}
    if "by" in node[3]:
        return evaluator.by_groups(node)[1]
    for part in node[2]:
        if found := _groups(evaluator, part):
            return found
    return {}


def interval_entry(evaluator: Evaluator, expression: Any) -> dict[str, Any]:
    """`low`, `high` and `method`; where there is no interval, the method is why."""
    if not _reads_rows(expression):
        return {"low": None, "high": None, "method": "exact", "n": None}
    try:
        interval = evaluator.interval(expression)
    except UndefinedMetric as error:
        return {"low": None, "high": None, "method": f"no interval: {error}"}
    return {"low": interval.low, "high": interval.high, "method": interval.method}


def _reads_rows(node: Any) -> bool:
    return node[0] == "metric" or (node[0] == "call" and any(_reads_rows(part) for part in node[2]))


def model_entries(evaluator: Evaluator, names: Sequence[str], metrics: Sequence[str]) -> dict[str, dict[str, Any]]:
    """These metrics of every model; a metric without a value has a problem instead."""
    return {name: {metric: metric_entry(evaluator, ["metric", metric, name, {}]) for metric in metrics} for name in names}


def metric_entry(evaluator: Evaluator, node: Any) -> dict[str, Any]:
    """A metric with its interval, or why it has no value."""
    try:
        return {"value": evaluator.value(node), "problem": None, **interval_entry(evaluator, node)}
    except UndefinedMetric as error:
        return {"value": None, "low": None, "high": None, "method": None, "problem": str(error)}


def standard_expressions(names: Sequence[str], metrics: Sequence[str]) -> list[Any]:
    """The expressions behind `model_entries`."""
    return [["metric", metric, name, {}] for name in names for metric in metrics]
