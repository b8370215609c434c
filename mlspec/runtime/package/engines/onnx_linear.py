"""Linear models of scikit-learn as ONNX graphs in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.package.engines.onnx_graph import Graph
from mlspec.runtime.transform.target import Target

_CLASSIFIERS = frozenset({"LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis"})
_NUMBERS = frozenset(
    {
        "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "LarsCV", "Lasso", "LassoCV",
        "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression", "LinearSVR", "OrthogonalMatchingPursuit",
        "OrthogonalMatchingPursuitCV", "PassiveAggressiveRegressor", "QuantileRegressor", "Ridge", "RidgeCV", "SGDRegressor",
        "TheilSenRegressor",
    }
)  # fmt: skip
_COUNTS = frozenset({"GammaRegressor", "PoissonRegressor"})


def handles(estimator: Any) -> bool:
    """Whether this fitted estimator is one of the linear models that are written here."""
    name = type(estimator).__name__
    return type(estimator).__module__.startswith("sklearn.") and name in _CLASSIFIERS | _NUMBERS | _COUNTS


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The graph of the fitted model: X times coefficients, plus intercept, through its link."""
    coefficients = np.asarray(estimator.coef_, dtype=np.float64).reshape(-1, width)
    intercept = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), (len(coefficients),))
    graph = Graph(width).product(np.ascontiguousarray(coefficients.T)).add(intercept)
    outputs = len(coefficients)
    return graph.ending(_ending(type(estimator).__name__, target), outputs).finish(outputs)


def _ending(name: str, target: Target) -> str | None:
    if name in _COUNTS:
        return "Exp"
    if name in _CLASSIFIERS:
        return "Sigmoid" if target.task == "binary" else "Softmax"
    return None
