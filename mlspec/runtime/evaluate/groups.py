"""Values by group through Fairlearn's MetricFrame, and what is made of them: worst, gap, ratio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric

# The value of some rows, given as their places; UndefinedMetric where there is none.
Value = Callable[[NDArray[np.int64]], float]


def worst_of(values: Floats, direction: str) -> Floats:
    """The worst along the first axis: least if higher is better, else greatest; farthest from 0 where 0 is best."""
    if direction == "zero":
        place = np.abs(values).argmax(axis=0)
        return np.asarray(np.take_along_axis(values, place[None], axis=0)[0] if values.ndim > 1 else values[place])
    return np.asarray(values.min(axis=0) if direction == "maximize" else values.max(axis=0))


def gap_of(values: Floats, direction: str) -> Floats:
    """Greatest minus least."""
    return np.asarray(values.max(axis=0) - values.min(axis=0))


def ratio_of(values: Floats, direction: str) -> Floats:
    """Least over greatest; NaN where all are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(values.min(axis=0) / values.max(axis=0))


def fair_metric(name: str, rows: Outcomes) -> Callable[..., float] | None:
    """Fairlearn's own function of (labels, decisions) for the metrics that it defines on two classes."""
    if rows.task != "binary":
        return None
    from fairlearn import metrics

    def selected(labels: Any, decisions: Any) -> float:
        return float(metrics.selection_rate(labels, decisions, pos_label=rows.favourable))

    return {
        "selection_rate": selected,
        "false_pos_rate": metrics.false_positive_rate,
        "false_neg_rate": metrics.false_negative_rate,
        "recall": metrics.true_positive_rate,
    }.get(name)


class GroupFrame:
    """One value per group, as a MetricFrame.

    A group whose value does not exist is kept with the reason: Fairlearn gives 0 there, and 0 would pass a gate.
    """

    def __init__(self, value: Value, codes: NDArray[np.int64], names: Sequence[str], fair: Any = None) -> None:
        from fairlearn.metrics import MetricFrame

        self.names = list(names)
        self.problems = {name: _problem(value, np.flatnonzero(codes == at)) for at, name in enumerate(names)}
        self.counts = dict(zip(self.names, np.bincount(codes, minlength=len(names)).tolist(), strict=True))
        places = np.arange(len(codes))
        labels, decisions, function = fair or (places, places, lambda _, chosen: value(np.asarray(chosen)))
        self.frame: Any = None  # Fairlearn's annotations leave open how many metrics it holds
        if not any(self.problems.values()):
            self.frame = MetricFrame(metrics=function, y_true=labels, y_pred=decisions, sensitive_features=codes)

    def rows(self) -> dict[str, dict[str, Any]]:
        """For each group its value, number of rows and what is wrong with it."""
        values = [None] * len(self.names) if self.frame is None else [float(value) for value in self.frame.by_group]
        return {
            name: {"value": value, "n": self.counts[name], "problem": self.problems[name]}
            for name, value in zip(self.names, values, strict=True)
        }

    def summary(self, name: str, direction: str) -> float:
        """The worst, gap or ratio of the groups."""
        assert self.frame is not None
        if name == "gap":
            return float(self.frame.difference(method="between_groups"))
        if name == "ratio":
            return float(self.frame.ratio(method="between_groups"))
        if direction == "zero":
            return float(worst_of(self.frame.by_group.to_numpy(dtype=np.float64), direction))
        return float(self.frame.group_min() if direction == "maximize" else self.frame.group_max())


def _problem(value: Value, rows: NDArray[np.int64]) -> str | None:
    try:
        value(rows)
    except UndefinedMetric as error:
        return str(error)
    return None
