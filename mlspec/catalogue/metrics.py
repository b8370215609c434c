"""Metrics: of a model on rows, and of a package under load."""

from __future__ import annotations

from functools import cache
from typing import Any

_TWO, _MANY, _REAL, _ANY = ("binary",), ("multiclass",), ("regression",), ("binary", "multiclass")
_RANK = ("ranking",)
_CLASS = (("class", "class", None),)
_FIRST = (("k", "const:int", 10),)
_TIES = "rows of one score count as in the mean of all their orders; queries without a relevant row are left out"
_NONE = ()
# What `robustness(…, of:)` may be asked of: metrics that need no argument of their own.
_PLAIN = (
    "auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1", "weighted_f1", "log_loss",
    "brier", "calibration_error", "selection_rate", "false_pos_rate", "false_neg_rate", "rmse", "mae", "mape", "r2", "bias",
    "ndcg", "map", "mrr", "precision_at", "recall_at",
)  # fmt: skip


def _metric(
    name: str, tasks: tuple[str, ...], type: str, direction: str, interval: str, doc: str, *,
    parameters: tuple[tuple[str, str, Any], ...] = _NONE, built: bool = True, formula: str = "", source: str = "",
) -> tuple[Any, ...]:  # fmt: skip
    """One metric; most take no arguments beside the model."""
    return (name, tasks, type, direction, interval, parameters, built, doc, formula, source)


METRICS = (
    _metric(
        "auc",
        _TWO,
        "ratio",
        "higher",
        "delong",
        "The chance that a positive scores above a negative.",
        formula="area under ROC",
        source="Hanley and McNeil 1982",
    ),
    _metric(
        "average_precision",
        _TWO,
        "ratio",
        "higher",
        "bootstrap",
        "Precision averaged over recall.",
        formula="Σ (R_n - R_{n-1}) P_n",
    ),
    _metric("accuracy", _ANY, "ratio", "higher", "wilson", "The share of right decisions.", formula="right / n"),
    _metric(
        "balanced_accuracy",
        _ANY,
        "ratio",
        "higher",
        "bootstrap",
        "The mean recall of the classes.",
        formula="mean of TP_c / n_c",
    ),
    _metric(
        "precision",
        _ANY,
        "ratio",
        "higher",
        "wilson",
        "The share of right ones among those called positive.",
        parameters=_CLASS,
        formula="TP / (TP + FP)",
    ),
    _metric(
        "recall",
        _ANY,
        "ratio",
        "higher",
        "wilson",
        "The share of positives that are found.",
        parameters=_CLASS,
        formula="TP / (TP + FN)",
    ),
    _metric(
        "f1",
        _ANY,
        "ratio",
        "higher",
        "bootstrap",
        "The harmonic mean of precision and recall.",
        parameters=_CLASS,
        formula="2 TP / (2 TP + FP + FN)",
    ),
    _metric("macro_f1", _MANY, "ratio", "higher", "bootstrap", "F1, averaged over the classes.", formula="mean of F1_c"),
    _metric(
        "weighted_f1", _MANY, "ratio", "higher", "bootstrap", "F1, averaged over the rows' classes.", formula="Σ n_c F1_c / n"
    ),
    _metric(
        "log_loss",
        _ANY,
        "float",
        "lower",
        "bootstrap",
        "The mean surprise at the truth.",
        formula="-mean ln p(true)",
        source="scores are held 1e-15 away from 0 and 1",
    ),
    _metric(
        "brier",
        _TWO,
        "ratio",
        "lower",
        "bootstrap",
        "The mean squared error of the probability.",
        formula="mean (p - y)²",
        source="Brier 1950",
    ),
    _metric(
        "calibration_error",
        _TWO,
        "ratio",
        "lower",
        "bootstrap",
        "How far probabilities are from frequencies.",
        formula="ECE over 10 bins of equal mass: Σ n_b |mean p - mean y| / n",
        source="Naeini 2015",
    ),
    _metric(
        "selection_rate",
        _TWO,
        "ratio",
        "none",
        "wilson",
        "The share of rows with a favourable decision.",
        formula="favourable / n",
    ),
    _metric(
        "false_pos_rate",
        _TWO,
        "ratio",
        "lower",
        "wilson",
        "The share of negatives that are called positive.",
        formula="FP / (FP + TN)",
    ),
    _metric(
        "false_neg_rate", _TWO, "ratio", "lower", "wilson", "The share of positives that are missed.", formula="FN / (FN + TP)"
    ),
    _metric(
        "cost",
        _TWO,
        "float",
        "lower",
        "bootstrap",
        "The mean cost of wrong decisions.",
        parameters=(("false_pos", "const:float", ...), ("false_neg", "const:float", ...)),
        formula="(c_fp FP + c_fn FN) / n",
    ),
    _metric(
        "top_k",
        _MANY,
        "ratio",
        "higher",
        "wilson",
        "How often the truth is among the k best.",
        parameters=(("k", "const:int", ...),),
    ),
    _metric(
        "rmse", _REAL, "float", "lower", "bootstrap", "The root of the mean squared error.", formula="(mean (ŷ - y)²)^(1/2)"
    ),
    _metric("mae", _REAL, "float", "lower", "bootstrap", "The mean error without sign.", formula="mean |ŷ - y|"),
    _metric(
        "mape",
        _REAL,
        "ratio",
        "lower",
        "bootstrap",
        "The mean error as a share of the truth; rows with truth 0 fail.",
        formula="mean |ŷ - y| / |y|",
    ),
    _metric(
        "r2",
        _REAL,
        "ratio",
        "higher",
        "bootstrap",
        "The share of the spread that is explained.",
        formula="1 - Σ (ŷ - y)² / Σ (y - mean)²",
    ),
    _metric(
        "pinball",
        _REAL,
        "float",
        "lower",
        "bootstrap",
        "The loss of a quantile.",
        parameters=(("at", "const:ratio", 0.5),),
        formula="mean max(q (y - ŷ), (q - 1)(y - ŷ))",
        source="Koenker and Bassett 1978",
    ),
    _metric("bias", _REAL, "float", "none", "bootstrap", "The mean error.", formula="mean (ŷ - y)"),
    _metric(
        "ndcg",
        _RANK,
        "ratio",
        "higher",
        "bootstrap",
        "The gain of the first k rows of a query, those further down discounted, as a share of that of the best order; the mean over queries.",
        parameters=_FIRST,
        formula="Σ (2^rel - 1) / log2(1 + rank), over the same of the best order",
        source="Järvelin and Kekäläinen 2002, gains of Burges 2005; " + _TIES,
    ),
    _metric(
        "map",
        _RANK,
        "ratio",
        "higher",
        "bootstrap",
        "The precision at the place of each relevant row, averaged over these and then over queries.",
        formula="mean over relevant rows of (relevant up to it / its rank)",
        source=_TIES,
    ),
    _metric(
        "mrr",
        _RANK,
        "ratio",
        "higher",
        "bootstrap",
        "One over the rank of the first relevant row, the mean over queries.",
        formula="mean 1 / rank",
        source=_TIES,
    ),
    _metric(
        "precision_at",
        _RANK,
        "ratio",
        "higher",
        "bootstrap",
        "The share of relevant rows among the first k, the mean over queries; a query of fewer rows counts as if irrelevant ones followed.",
        parameters=_FIRST,
        formula="relevant among the first k / k",
    ),
    _metric(
        "recall_at",
        _RANK,
        "ratio",
        "higher",
        "bootstrap",
        "The share of a query's relevant rows that are among the first k, the mean over queries.",
        parameters=_FIRST,
        formula="relevant among the first k / relevant",
        source=_TIES,
    ),
    _metric(
        "latency",
        ("package",),
        "samples:duration",
        "lower",
        "measured",
        "The time to answer one request under a load.",
        parameters=(("load", "const:rate", None), ("cpu", "const:int", 1)),
        formula="best of 3 windows of 10 s",
    ),
    _metric("size", ("package",), "bytes", "lower", "exact", "The size of the package.", formula="sum of its files"),
    _metric(
        "load_time",
        ("package",),
        "duration",
        "lower",
        "measured",
        "The time to load the package in a fresh process, its digests checked.",
        formula="best of 3",
    ),
    _metric(
        "robustness",
        ("package",),
        "ratio",
        "higher",
        "wilson",
        "The share of decisions that stay when the columns that the model reads are changed; with `of:` that metric on the changed rows. "
        "`noise:` and `shift:` move numbers by standard deviations of the rows that the model was fitted on, `missing:` takes away this "
        "share of the values that may be null, `unseen:` puts a value that no row had into this share of open categories.",
        parameters=(
            ("noise", "const:float", None),
            ("missing", "const:ratio", None),
            ("unseen", "const:ratio", None),
            ("shift", "const:float", None),
            ("of", "enum:" + "|".join(_PLAIN), None),
        ),
        formula="same / n; x' = x + noise σ z + shift σ, whole numbers rounded, ranges kept",
    ),
    _metric(
        "invariant",
        ("package",),
        "ratio",
        "higher",
        "wilson",
        "The share of rows whose decision stays whatever the column holds: each of its values, or where it has more than 24 that of another row.",
        parameters=(("to", "input", ...),),
        formula="same for all values / n",
        source="Ribeiro 2020",
    ),
    _metric(
        "monotone",
        ("package",),
        "ratio",
        "higher",
        "wilson",
        "The share of rows whose score never falls (`up`) or never rises (`down`) while the column goes up through its deciles.",
        parameters=(("along", "input", ...), ("direction", "enum:up|down", "up")),
        formula="rows where it holds / n",
        source="Ribeiro 2020",
    ),
    _metric(
        "ttft",
        ("generation",),
        "samples:duration",
        "lower",
        "measured",
        "The time to the first token.",
        parameters=(("load", "const:rate", None),),
        built=False,
    ),
    _metric(
        "judged",
        ("generation",),
        "ratio",
        "higher",
        "bootstrap",
        "The share of replies that a judge accepts by a rubric.",
        parameters=(("by", "judge", ...), ("rubric", "const:string", ...)),
        built=False,
    ),
    _metric("refused", ("generation",), "samples:bool", "none", "wilson", "Whether the reply declines to answer.", built=False),
    _metric(
        "leaked",
        ("generation",),
        "samples:bool",
        "lower",
        "wilson",
        "Whether the reply gives away the prompt or a secret.",
        built=False,
    ),
    _metric(
        "pii_found", ("generation",), "samples:bool", "lower", "wilson", "Whether the reply holds personal data.", built=False
    ),
)


class Metric:
    """One metric: the tasks that it fits, its type, which way is better (higher, lower, none), and how its interval is made."""

    __slots__ = ("built", "direction", "doc", "formula", "interval", "name", "parameters", "source", "tasks", "type")

    def __init__(self, row: tuple[Any, ...]) -> None:
        (
            self.name, self.tasks, self.type, self.direction, self.interval, self.parameters,
            self.built, self.doc, self.formula, self.source,
        ) = row  # fmt: skip

    def __repr__(self) -> str:
        return f"Metric({self.name})"

    def fits(self, task: str) -> bool:
        """Whether it can be taken of a model of this task; metrics of the package fit every task."""
        return task in self.tasks or "package" in self.tasks


@cache
def metric(name: str) -> Metric | None:
    """The metric `name`, None where there is none."""
    return next((Metric(row) for row in METRICS if row[0] == name), None)


def metric_names(task: str = "") -> list[str]:
    """The metrics of a task, or all, in the order of the table."""
    return [row[0] for row in METRICS if not task or task in row[1]]
