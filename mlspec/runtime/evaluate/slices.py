"""Metrics by the values of audit features and of whatever the gates group by, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlspec.runtime.evaluate.binned import number_groups
from mlspec.runtime.evaluate.held_out import MISSING, HeldOut, PartReader
from mlspec.runtime.evaluate.intervals import Interval
from mlspec.runtime.evaluate.metrics import metric_of
from mlspec.runtime.evaluate.outcomes import Outcomes, UndefinedMetric
from mlspec.runtime.evaluate.quantities import Evaluator
from mlspec.runtime.evaluate.slice_intervals import slice_intervals
from mlspec.runtime.profile.sheet import NUMERIC, withheld_cells

SLICED = {
    "binary": ("auc", "accuracy", "selection_rate", "false_pos_rate", "false_neg_rate", "calibration_error"),
    "multiclass": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("rmse", "mae", "bias"),
    "ranking": ("ndcg", "mrr"),
}
QUARTERS = 4
# More values than this are no slices that a person reads.
MOST_VALUES = 24


def audit_features(reader: PartReader) -> list[str]:
    """The features kept for slices and fairness only."""
    return [name for name, column in reader.features().items() if column.get("audit")]


def group_numbers(held: HeldOut, reader: PartReader, declared: Sequence[Sequence[str]]) -> None:
    """Declared slices by a number of many values go by its quarters; in a gate a number is grouped by its values."""
    for kind, name in declared:
        pair = (str(kind), str(name))
        if pair in held.grouping and reader.type_of("rows", pair[1]).removesuffix("?") in NUMERIC:
            codes, names = held.by(*pair)
            numbers = [None if names[code] == MISSING else float(names[code]) for code in codes.tolist()]
            held.grouping[pair], held.group_names[pair] = number_groups(numbers, QUARTERS)


def slices_of(
    evaluator: Evaluator, by: Sequence[tuple[str, str]], models: Sequence[str], task: str, min_cell: int = 1
) -> list[dict[str, Any]]:
    """One entry per grouping: rows of each value and the metrics of every model there, null where there are too few rows.

    Of groups of fewer rows than `min_cell` neither value nor number is told, nor of the next smallest where these are few together.
    """
    found = []
    for kind, name in by:
        if (kind, name) not in evaluator.held.grouping:
            continue
        codes, names = evaluator.held.by(kind, name)
        if len(names) > MOST_VALUES:
            continue
        hidden = withheld_cells(np.bincount(codes, minlength=len(names)).tolist(), min_cell)
        values = [
            {"value": None, "n": None, "models": {}, "ends": {}, "why": {}} if hidden[at]
            else _slice(evaluator, np.flatnonzero(codes == at), names[at], models, task)
            for at in range(len(names))
        ]  # fmt: skip
        found.append({"by": [kind, name], "metrics": list(SLICED[task]), "values": values})
    return found


def _slice(evaluator: Evaluator, rows: Any, name: str, models: Sequence[str], task: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"value": name, "n": len(rows), "models": {}, "ends": {}, "why": {}}
    if len(rows) < max(evaluator.min_group, 1):
        return entry
    groups = None if evaluator.held.groups is None else evaluator.held.groups[rows]
    for model in models:
        outcomes = evaluator.sample.of(model).take(rows)
        found = slice_intervals(outcomes, SLICED[task], evaluator.confidence, evaluator.seed, groups)
        entry["models"][model] = {metric: _value(outcomes, metric) for metric in SLICED[task]}
        entry["ends"][model] = {metric: [item.low, item.high] for metric, item in found.items() if isinstance(item, Interval)}
        # How each interval was made, or why there is none.
        entry["why"][model] = {
            metric: item.method if isinstance(item, Interval) else str(item) for metric, item in found.items()
        }
    if task == "binary":
        entry["positive_share"] = float((evaluator.held.y[rows] == 1).mean())
    return entry


def _value(rows: Outcomes, metric: str) -> float | None:
    try:
        return metric_of(metric, rows.task).value(rows)
    except UndefinedMetric:
        return None
