"""A metric on a part as something of which less is better."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlspec.runtime.compress.model import Model
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.metrics import METRICS, score
from mlspec.runtime.evaluate.outcomes import UndefinedMetric

if TYPE_CHECKING:
    from mlspec.runtime.compress.rows import Rows


def loss_on(metric: str, rows: Rows, part: str, where: str) -> Callable[[Model], float]:
    """A function from a model to its loss; StageError MLS209 for a metric of another task, MLS814 where it has no value."""
    learning, matrix = rows.of_part(part)
    target, row = learning.target, METRICS.get(metric)
    if row is None or target.task not in row.tasks:
        raise StageError(
            "MLS209", f"`{metric}` is no metric of a {target.task} task", where, found=metric,
            expected=", ".join(name for name, known in METRICS.items() if target.task in known.tasks), help="choose a metric of the label's task",
        )  # fmt: skip
    y = target.y if target.task == "regression" else target.y.astype(np.int64)
    label = rows.reader.label
    favourable = int(label.get("favourable") in (None, label.get("positive"))) if target.task == "binary" else 1
    threshold = rows.package.threshold

    def loss(model: Model) -> float:
        scores = model.scores(matrix)
        decision = (scores >= float(threshold or 0.0)).astype(np.int64) if target.task == "binary" else None
        try:
            value = score(
                metric, y, scores, decision, task=target.task, classes=tuple(label.get("classes") or ()), favourable=favourable
            )
        except UndefinedMetric as error:
            raise StageError(
                "MLS814", f"`{metric}` has no value on the part `{part}`: {error}", where, expected="a number", found=str(error),
                help="choose another metric or part",
            ) from error  # fmt: skip
        return {"maximize": -value, "minimize": value, "zero": abs(value)}[row.direction]

    return loss
