"""Models beside each other, row by row: each metric's difference between two of them, with the interval of the pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.evaluate.findings import interval_entry
from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.evaluate.outcomes import UndefinedMetric
from mlspec.runtime.evaluate.quantities import Evaluator

ZERO = "zero"


def pairs_of(models: Sequence[str], candidate: str | None, baseline: str | None) -> list[tuple[str, str]]:
    """Who is compared with whom: every other model with the baseline, or the candidate with every other."""
    if baseline is not None and baseline in models:
        return [(name, baseline) for name in models if name != baseline]
    first = candidate if candidate in models else next(iter(models), None)
    return [(first, name) for name in models if name != first] if first is not None else []


def difference_of(metric: str, one: str, other: str) -> Any:
    """The metric of one model less that of the other; where 0 is best, of their distances from 0."""
    sides: list[Any] = [["metric", metric, name, {}] for name in (one, other)]
    if METRICS[metric].direction == ZERO:
        sides = [["call", "abs", [side], {}] for side in sides]
    return ["call", "-", sides, {}]


def comparison_expressions(pairs: Sequence[tuple[str, str]], metrics: Sequence[str]) -> list[Any]:
    """The differences behind `comparison_entries`."""
    return [difference_of(metric, one, other) for one, other in pairs for metric in metrics]


def comparison_entries(evaluator: Evaluator, pairs: Sequence[tuple[str, str]], metrics: Sequence[str]) -> list[dict[str, Any]]:
    """One entry per pair: the difference of every metric, its interval, and which of the two it is better for."""
    return [
        {"model": one, "against": other, "metrics": {metric: _entry(evaluator, metric, one, other) for metric in metrics}}
        for one, other in pairs
    ]  # fmt: skip


def _entry(evaluator: Evaluator, metric: str, one: str, other: str) -> dict[str, Any]:
    expression = difference_of(metric, one, other)
    try:
        value = evaluator.value(expression)
    except UndefinedMetric as error:
        return {"value": None, "low": None, "high": None, "method": None, "verdict": None, "problem": str(error)}
    entry = {"value": value, "problem": None, **interval_entry(evaluator, expression)}
    return {**entry, "verdict": _verdict(metric, entry)}


def _verdict(metric: str, entry: Mapping[str, Any]) -> str | None:
    """ "better", "worse" or "open": whether the whole interval lies on one side of no difference."""
    low, high = entry["low"], entry["high"]
    if low is None or high is None or metric == "selection_rate":
        return None
    if METRICS[metric].direction != "maximize":
        low, high = -high, -low
    return "better" if low > 0 else "worse" if high < 0 else "open"
