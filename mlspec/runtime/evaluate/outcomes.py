"""What metrics read: labels, scores and decisions of the same rows, encoded as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class UndefinedMetric(ValueError):
    """The metric has no value on these rows; the message says why."""


@dataclass(frozen=True)
class Outcomes:
    """Labels and predictions of n rows.

    binary: `y` and `decision` are 0 or 1 (1 is positive), `score` is P(positive), shape (n,).
    multiclass: `y` and `decision` are places in `classes`, `score` is (n, classes).
    regression: all three are numbers, `decision` equals `score`.
    ranking: as in a regression; `y` is the relevance of a row among those of its `query`, a number for each.
    """

    task: str
    y: NDArray[Any]
    score: Floats
    decision: NDArray[Any]
    classes: Sequence[Any] = ()
    favourable: int = 1
    query: Ints | None = None
    kept: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)
    """What metrics derive from these rows and ask for again with other weights."""

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[Any]) -> Outcomes:
        """The rows that a mask or an index array selects."""
        query = None if self.query is None else self.query[rows]
        return replace(self, y=self.y[rows], score=self.score[rows], decision=self.decision[rows], query=query)

    def one_against_rest(self, value: Any) -> Outcomes:
        """The two-class view of one class among many."""
        if value not in self.classes:
            known = ", ".join(repr(item) for item in self.classes)
            raise UndefinedMetric(f"class {value!r} is none of {known}")
        place = list(self.classes).index(value)
        return Outcomes(
            "binary", (self.y == place).astype(np.int64), self.score[:, place],
            (self.decision == place).astype(np.int64), (f"not {value}", value),
        )  # fmt: skip


def outcomes_of(
    y: Any, score: Any, decision: Any = None, *, task: str = "binary", classes: Sequence[Any] = (), favourable: int = 1,
    query: Any = None,
) -> Outcomes:  # fmt: skip
    """Outcomes from arrays; without `decision` it is score >= 0.5, the most probable class, or the prediction.

    Numbers with the query of each row are a ranking.
    """
    scores = np.ascontiguousarray(score, dtype=np.float64)
    if query is not None:
        return Outcomes("ranking", np.asarray(y, dtype=np.float64), scores, scores, query=np.asarray(query, dtype=np.int64))
    if task == "regression":
        return Outcomes(task, np.asarray(y, dtype=np.float64), scores, scores)
    if decision is None:
        decision = scores >= 0.5 if task == "binary" else scores.argmax(axis=1)
    labels = np.asarray(y).astype(np.int64)
    return Outcomes(task, labels, scores, np.asarray(decision).astype(np.int64), classes, favourable)
