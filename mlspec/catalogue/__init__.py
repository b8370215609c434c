"""The catalogue: every function, metric, estimator and unit of the first edition, as tables.

It imports nothing of mlspec, so that the runtime reads the very rows that the checker reads.
"""

from __future__ import annotations

from mlspec.catalogue.estimators import Estimator, estimator, estimator_names
from mlspec.catalogue.functions import Function, function_names, functions
from mlspec.catalogue.metrics import Metric, metric, metric_names

__all__ = [
    "Estimator",
    "Function",
    "Metric",
    "estimator",
    "estimator_names",
    "function_names",
    "functions",
    "metric",
    "metric_names",
]
