"""Metrics: of a model on rows, and of a package under load."""

from __future__ import annotations

from functools import cache
from typing import Any

_TWO, _MANY, _REAL, _ANY = ("binary",), ("multiclass",), ("regression",), ("binary", "multiclass")
_CLASS = (("class", "class", None),)
_NONE = ()

# name, tasks, type, direction, interval method, parameters, built, doc, formula, source
METRICS = (
    ("auc", _TWO, "ratio", "higher", "delong", _NONE, True, "The chance that a positive scores above a negative.", "area under ROC",
     "Hanley and McNeil 1982"),
    ("average_precision", _TWO, "ratio", "higher", "bootstrap", _NONE, True, "Precision averaged over recall.", "Σ (R_n - R_{n-1}) P_n", ""),
    ("accuracy", _ANY, "ratio", "higher", "wilson", _NONE, True, "The share of right decisions.", "right / n", ""),
    ("balanced_accuracy", _ANY, "ratio", "higher", "bootstrap", _NONE, True, "The mean recall of the classes.", "mean of TP_c / n_c", ""),
    ("precision", _ANY, "ratio", "higher", "wilson", _CLASS, True, "The share of right ones among those called positive.",
     "TP / (TP + FP)", ""),
    ("recall", _ANY, "ratio", "higher", "wilson", _CLASS, True, "The share of positives that are found.", "TP / (TP + FN)", ""),
    ("f1", _ANY, "ratio", "higher", "bootstrap", _CLASS, True, "The harmonic mean of precision and recall.", "2 TP / (2 TP + FP + FN)", ""),
    ("macro_f1", _MANY, "ratio", "higher", "bootstrap", _NONE, True, "F1, averaged over the classes.", "mean of F1_c", ""),
    ("weighted_f1", _MANY, "ratio", "higher", "bootstrap", _NONE, True, "F1, averaged over the rows' classes.", "Σ n_c F1_c / n", ""),
    ("log_loss", _ANY, "float", "lower", "bootstrap", _NONE, True, "The mean surprise at the truth.", "-mean ln p(true)",
     "scores are held 1e-15 away from 0 and 1"),
    ("brier", _TWO, "ratio", "lower", "bootstrap", _NONE, True, "The mean squared error of the probability.", "mean (p - y)²", "Brier 1950"),
    ("calibration_error", _TWO, "ratio", "lower", "bootstrap", _NONE, True, "How far probabilities are from frequencies.",
     "ECE over 10 bins of equal mass: Σ n_b |mean p - mean y| / n", "Naeini 2015"),
    ("selection_rate", _TWO, "ratio", "none", "wilson", _NONE, True, "The share of rows with a favourable decision.", "favourable / n", ""),
    ("false_pos_rate", _TWO, "ratio", "lower", "wilson", _NONE, True, "The share of negatives that are called positive.", "FP / (FP + TN)",
     ""),
    ("false_neg_rate", _TWO, "ratio", "lower", "wilson", _NONE, True, "The share of positives that are missed.", "FN / (FN + TP)", ""),
    ("cost", _TWO, "float", "lower", "bootstrap", (("false_pos", "const:float", ...), ("false_neg", "const:float", ...)), True,
     "The mean cost of wrong decisions.", "(c_fp FP + c_fn FN) / n", ""),
    ("top_k", _MANY, "ratio", "higher", "wilson", (("k", "const:int", ...),), True, "How often the truth is among the k best.", "", ""),
    ("rmse", _REAL, "float", "lower", "bootstrap", _NONE, True, "The root of the mean squared error.", "(mean (ŷ - y)²)^(1/2)", ""),
    ("mae", _REAL, "float", "lower", "bootstrap", _NONE, True, "The mean error without sign.", "mean |ŷ - y|", ""),
    ("mape", _REAL, "ratio", "lower", "bootstrap", _NONE, True, "The mean error as a share of the truth; rows with truth 0 fail.",
     "mean |ŷ - y| / |y|", ""),
    ("r2", _REAL, "ratio", "higher", "bootstrap", _NONE, True, "The share of the spread that is explained.",
     "1 - Σ (ŷ - y)² / Σ (y - mean)²", ""),
    ("pinball", _REAL, "float", "lower", "bootstrap", (("at", "const:ratio", 0.5),), True, "The loss of a quantile.",
     "mean max(q (y - ŷ), (q - 1)(y - ŷ))", "Koenker and Bassett 1978"),
    ("bias", _REAL, "float", "none", "bootstrap", _NONE, True, "The mean error.", "mean (ŷ - y)", ""),
    # of the package
    ("latency", ("package",), "samples:duration", "lower", "measured",
     (("load", "const:rate", None), ("cpu", "const:float", 1)), True, "The time to answer one request under a load.",
     "best of 3 windows of 10 s", ""),
    ("size", ("package",), "bytes", "lower", "exact", _NONE, True, "The size of the package.", "sum of its files", ""),
    ("load_time", ("package",), "duration", "lower", "measured", _NONE, True, "The time to load the package.", "best of 3", ""),
    ("robustness", ("package",), "ratio", "higher", "wilson",
     (("noise", "const:float", None), ("missing", "const:ratio", None)), True,
     "The share of decisions that stay when inputs get noise (in standard deviations) or lose values.", "same / n", ""),
    # of a language model
    ("ttft", ("generation",), "samples:duration", "lower", "measured", (("load", "const:rate", None),), False,
     "The time to the first token.", "", ""),
    ("judged", ("generation",), "ratio", "higher", "bootstrap", (("by", "judge", ...), ("rubric", "const:string", ...)), False,
     "The share of replies that a judge accepts by a rubric.", "", ""),
    ("refused", ("generation",), "samples:bool", "none", "wilson", _NONE, False, "Whether the reply declines to answer.", "", ""),
    ("leaked", ("generation",), "samples:bool", "lower", "wilson", _NONE, False, "Whether the reply gives away the prompt or a secret.", "",
     ""),
    ("pii_found", ("generation",), "samples:bool", "lower", "wilson", _NONE, False, "Whether the reply holds personal data.", "", ""),
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
