"""The metric that decides when training ends, and which epoch counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.metrics import METRICS, score
from mlspec.runtime.evaluate.outcomes import UndefinedMetric
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


@dataclass(frozen=True)
class Watch:
    """A metric on a part, and for how many epochs without a gain of `min_gain` training goes on."""

    metric: str
    part: str
    patience: int
    min_gain: float
    label: Mapping[str, Any]
    where: str

    @property
    def direction(self) -> str:
        """maximize, minimize or zero."""
        return METRICS[self.metric].direction

    def value(self, target: Target, scores: Floats) -> float:
        """The metric of these scores; StageError MLS814 where it has no value."""
        task, label = target.task, self.label
        favourable = int(label.get("favourable") in (None, label.get("positive"))) if task == "binary" else 1
        y = target.y if task == "regression" else target.y.astype(np.int64)
        try:
            if not np.isfinite(scores).all():
                raise UndefinedMetric("a score is no finite number")
            return float(
                score(self.metric, y, scores, task=task, classes=tuple(label.get("classes") or ()), favourable=favourable)
            )
        except UndefinedMetric as error:
            raise StageError(
                "MLS814", f"`{self.metric}` has no value on the part `{self.part}`: {error}", f"{self.where}.stop_early",
                expected="a number after every epoch", found=str(error), help="choose another metric or part, or a lower learning rate",
            ) from error  # fmt: skip

    def loss(self, value: float) -> float:
        """The value as something of which less is better."""
        return {"maximize": -value, "minimize": value, "zero": abs(value)}[self.direction]

    def best(self, values: Sequence[float]) -> int:
        """The place of the best value; of equal ones the first."""
        losses = [self.loss(value) for value in values]
        return losses.index(min(losses))

    def ends(self, values: Sequence[float]) -> bool:
        """Whether the last `patience` values gained nothing."""
        mark, waited = float("inf"), 0
        for value in map(self.loss, values):
            gain = mark - value
            mark, waited = (value, 0) if gain > 0 and gain >= self.min_gain else (mark, waited + 1)
        return waited >= self.patience


def read_watch(config: Mapping[str, Any] | None, label: Mapping[str, Any], where: str) -> Watch | None:
    """The watch of a train config; StageError MLS209 for a metric that the task does not have."""
    if config is None:
        return None
    row = METRICS.get(str(config["on"]))
    if row is None or label["task"] not in row.tasks:
        raise StageError(
            "MLS209", f"`{config['on']}` is no metric of a {label['task']} task", f"{where}.stop_early", found=str(config["on"]),
            expected=", ".join(name for name, metric in METRICS.items() if label["task"] in metric.tasks), help="choose a metric of the label's task",
        )  # fmt: skip
    return Watch(row.name, str(config["part"]), int(config["epochs"]), float(config["min_gain"]), label, where)
