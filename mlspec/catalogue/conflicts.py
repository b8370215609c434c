"""What an estimator refuses only once it is fitted: values of parameters that do not go with a task, or with another parameter.

The libraries' signatures say none of it; it was found by fitting every option, and `tests/unit/test_catalogue_conflicts.py` fits it again.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_LOGISTIC = ("sklearn.LogisticRegression", "sklearn.LogisticRegressionCV")
_VECTORS = ("sklearn.SVR", "sklearn.NuSVR", "sklearn.KernelRidge")
_NEIGHBOURS = (
    "sklearn.KNeighborsClassifier", "sklearn.KNeighborsRegressor", "sklearn.RadiusNeighborsClassifier", "sklearn.RadiusNeighborsRegressor",
)  # fmt: skip
_OBJECTS = ("precomputed", "pyfunc", "seuclidean", "mahalanobis")
_FORESTS = (
    "sklearn.RandomForestClassifier", "sklearn.RandomForestRegressor", "sklearn.ExtraTreesClassifier", "sklearn.ExtraTreesRegressor",
)  # fmt: skip
_ANY = ()


class Numbers:
    """Every number between two, which are of them themselves; iterated, some to try."""

    def __init__(self, low: float, high: float, *some: float) -> None:
        self.low, self.high, self.some = low, high, some or (low, high)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high

    def __iter__(self) -> Iterator[float]:
        return iter(self.some)


CONFLICTS: tuple[tuple[tuple[str, ...], str, tuple[Any, ...] | Numbers, tuple[str, ...], str, tuple[Any, ...], str], ...] = (
    (("sklearn.GradientBoostingClassifier",), "loss", ("exponential",), ("multiclass",), "", _ANY, '`"log_loss"`, or a label of two classes'),
    (_LOGISTIC, "solver", ("liblinear",), ("multiclass",), "", _ANY, '`"lbfgs"`, `"newton-cg"`, `"sag"` or `"saga"`'),
    (_LOGISTIC, "dual", (True,), _ANY, "solver", ("liblinear",), '`solver = "liblinear"` beside it'),
    (_LOGISTIC, "penalty", ("l1",), _ANY, "solver", ("liblinear", "saga"), '`solver = "saga"` or `"liblinear"` beside it'),
    (_LOGISTIC, "penalty", ("elasticnet",), _ANY, "solver", ("saga",), '`solver = "saga"` beside it'),
    (("sklearn.LogisticRegression",), "l1_ratio", Numbers(1e-300, 1 - 1e-9, 0.1, 0.5), _ANY, "solver", ("saga",), '`solver = "saga"` beside it'),
    (("sklearn.LogisticRegression",), "l1_ratio", (1.0,), _ANY, "solver", ("liblinear", "saga"), '`solver = "saga"` or `"liblinear"` beside it'),
    (("sklearn.LinearDiscriminantAnalysis",), "shrinkage", Numbers(0, 1, 0.0, 0.5, 1.0), _ANY, "solver", ("lsqr", "eigen"), '`solver = "lsqr"` or `"eigen"` beside it'),
    (("sklearn.LinearDiscriminantAnalysis",), "shrinkage", ("auto",), _ANY, "solver", ("lsqr", "eigen"), '`solver = "lsqr"` or `"eigen"` beside it'),
    (("sklearn.Ridge",), "solver", ("lbfgs",), _ANY, "positive", (True,), "`positive = true` beside it"),
    (_FORESTS, "max_samples", Numbers(0, 1e300, 0.5, 5), _ANY, "bootstrap", (True,), "`bootstrap = true` beside it"),
    (_FORESTS, "oob_score", (True,), _ANY, "bootstrap", (True,), "`bootstrap = true` beside it"),
    (("sklearn.SGDRegressor",), "learning_rate", ("pa1", "pa2"), _ANY, "loss", ("epsilon_insensitive",),
     '`loss = "epsilon_insensitive"` beside it'),
    (_VECTORS, "kernel", ("precomputed",), _ANY, "", _ANY, "a kernel that is computed from features"),
    (_NEIGHBOURS, "metric", _OBJECTS, _ANY, "", _ANY, "a metric that needs no object besides"),
    (("sklearn.QuantileRegressor",), "solver", ("interior-point",), _ANY, "", _ANY, '`"highs"`'),
)  # fmt: skip
"""Estimators, parameter, its values, tasks (all where none is named), the other parameter, those of its values that go with it, the way out."""

TAKES_OVER = {"l1_ratio": "penalty"}
"""Where the second of these is given, the estimator does not read the first one."""
