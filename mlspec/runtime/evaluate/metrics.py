"""The table of metrics: direction, tasks, what each reads and how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.evaluate import queries, ranking, sums
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric, outcomes_of

TWO, MANY, NUMBER, RANKED = "binary", "multiclass", "regression", "ranking"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table; `value` and `resampled` are its function.

    `direction` is "maximize", "minimize" or "zero" (the nearer to 0 the better). `needs` says what it reads beside the
    label: "score" or "decision". `rate` marks a share of rows whose denominator only the label decides, so that two
    models are compared on the same rows. Either `terms` and `finish` are set, or `ranked`.
    """

    name: str
    direction: str
    tasks: tuple[str, ...]
    needs: str
    terms: sums.Terms | None = None
    finish: sums.Finish = sums.share
    ranked: Callable[[Outcomes, Floats], Floats] | None = None
    proportion: bool = False
    rate: bool = False
    undefined: str = "there are no rows"

    def view(self, rows: Outcomes, args: Mapping[str, Any]) -> Outcomes:
        """The rows as this metric sees them: one class against the rest where `class` is given."""
        if rows.task == MANY and "class" in args:
            return rows.one_against_rest(args["class"])
        if rows.task in self.tasks:
            return rows
        if rows.task == MANY and TWO in self.tasks:
            raise UndefinedMetric(f"`{self.name}` of many classes needs `class:`")
        raise UndefinedMetric(f"`{self.name}` is no metric of a {rows.task} task")

    def value(self, rows: Outcomes, args: Mapping[str, Any] | None = None) -> float:
        """The metric on these rows; `UndefinedMetric` where it has none, never NaN."""
        given = args or {}
        seen = self.view(rows, given)
        if not len(seen):
            raise UndefinedMetric(f"`{self.name}`: there are no rows")
        value = float(self._of(seen, np.ones(len(seen)), given))
        if not np.isfinite(value):
            raise UndefinedMetric(f"`{self.name}`: {self.undefined}")
        return value

    def resampled(self, rows: Outcomes, weights: Floats, args: Mapping[str, Any] | None = None) -> Floats:
        """One value per line of `weights` (draws, rows); NaN where a draw has none."""
        given = args or {}
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._of(self.view(rows, given), weights, given)

    def _of(self, rows: Outcomes, weights: Floats, args: Mapping[str, Any]) -> Floats:
        if self.ranked is not None:
            return self.ranked(rows, weights)
        assert self.terms is not None
        terms = self.terms(rows, args)
        total = terms.sum(axis=0) if weights.ndim == 1 else weights @ terms
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.finish(total, args))


NO_POSITIVE = "no row is positive"
ONE_CLASS = "all rows have the same label"
NO_RELEVANT = "no query has a relevant row"
TWO_MANY = (TWO, MANY)

_ROWS = (
    Metric("auc", "maximize", (TWO,), "score", ranked=ranking.auc, undefined=ONE_CLASS),
    Metric("average_precision", "maximize", (TWO,), "score", ranked=ranking.average_precision, undefined=NO_POSITIVE),
    Metric("accuracy", "maximize", TWO_MANY, "decision", sums.correct, proportion=True, rate=True),
    Metric("balanced_accuracy", "maximize", TWO_MANY, "decision", sums.right_by_class, sums.mean_recall, undefined="a class has no rows"),
    Metric("precision", "maximize", (TWO,), "decision", sums.true_alarms, proportion=True, undefined="no row is decided positive"),
    Metric("recall", "maximize", (TWO,), "decision", sums.found_positives, proportion=True, rate=True, undefined=NO_POSITIVE),
    Metric("f1", "maximize", (TWO,), "decision", sums.hits_and_misses, sums.f1, undefined="no row is positive by label or decision"),
    Metric("log_loss", "minimize", TWO_MANY, "score", sums.surprise),
    Metric("brier", "minimize", (TWO,), "score", sums.squared_miss),
    Metric("calibration_error", "minimize", (TWO,), "score", ranked=ranking.calibration_error),
    Metric("selection_rate", "maximize", (TWO,), "decision", sums.selected, proportion=True, rate=True),
    Metric("false_pos_rate", "minimize", (TWO,), "decision", sums.false_alarms, proportion=True, rate=True, undefined="no row is negative"),
    Metric("false_neg_rate", "minimize", (TWO,), "decision", sums.missed_positives, proportion=True, rate=True, undefined=NO_POSITIVE),
    Metric("cost", "minimize", (TWO,), "decision", sums.paid),
    Metric("macro_f1", "maximize", (MANY,), "decision", sums.per_class, sums.macro_f1),
    Metric("weighted_f1", "maximize", (MANY,), "decision", sums.per_class, sums.weighted_f1),
    Metric("top_k", "maximize", (MANY,), "score", sums.in_first_k, proportion=True, rate=True),
    Metric("rmse", "minimize", (NUMBER,), "score", sums.squared_miss, sums.root_share),
    Metric("mae", "minimize", (NUMBER,), "score", sums.absolute_miss),
    Metric("mape", "minimize", (NUMBER,), "score", sums.relative_miss),
    Metric("r2", "maximize", (NUMBER,), "score", sums.explained, sums.r2, undefined="all labels are equal"),
    Metric("pinball", "minimize", (NUMBER,), "score", sums.tilted_miss),
    Metric("bias", "zero", (NUMBER,), "score", sums.signed_miss),
    Metric("ndcg", "maximize", (RANKED,), "score", queries.ndcg, undefined=NO_RELEVANT),
    Metric("map", "maximize", (RANKED,), "score", queries.average_precision, undefined=NO_RELEVANT),
    Metric("mrr", "maximize", (RANKED,), "score", queries.reciprocal_rank, undefined=NO_RELEVANT),
    Metric("precision_at", "maximize", (RANKED,), "score", queries.precision),
    Metric("recall_at", "maximize", (RANKED,), "score", queries.recall, undefined=NO_RELEVANT),
)  # fmt: skip

METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}


def metric_of(name: str, task: str) -> Metric:
    """The row of `name`, or `UndefinedMetric` naming what this task has."""
    row = METRICS.get(name)
    if row is None:
        known = ", ".join(known for known, metric in METRICS.items() if task in metric.tasks)
        raise UndefinedMetric(f"`{name}` is no metric; a {task} task has {known}")
    return row


def score(
    name: str,
    y: Any,
    scores: Any,
    decision: Any = None,
    *,
    task: str = TWO,
    classes: Sequence[Any] = (),
    favourable: int = 1,
    args: Mapping[str, Any] | None = None,
    query: Any = None,
) -> float:
    """The metric `name` on plain arrays, encoded as in `Outcomes`: labels 0/1, class places or numbers; of a ranking with queries."""
    rows = outcomes_of(y, scores, decision, task=task, classes=classes, favourable=favourable, query=query)
    return metric_of(name, rows.task).value(rows, args)
