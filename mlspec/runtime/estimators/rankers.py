"""Estimators that learn to rank: they are given rows query by query."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_QUERIES = {"LGBMRanker": "group", "XGBRanker": "qid"}
"""How each is told which rows belong together: by the number of rows of each query, or by a number for each row."""


def is_ranker(estimator: Any) -> bool:
    """Whether an estimator is given rows query by query."""
    return type(estimator).__name__ in _QUERIES


def fit_ranker(estimator: Any, matrix: Floats, target: Target, where: str = "") -> None:
    """Fit in place; the rows of a query keep their order, and queries stand by their numbers."""
    if target.groups is None:
        raise StageError(
            "MLS307", f"`{type(estimator).__name__}` is not told which rows are ranked together", where, expected="a split with a `group`",
            found="rows that each stand alone", help="set `group` of the split to the query of the label",
        )  # fmt: skip
    order = np.argsort(target.groups, kind="stable")
    query = target.groups[order]
    told = query if _QUERIES[type(estimator).__name__] == "qid" else np.unique(query, return_counts=True)[1]
    estimator.fit(matrix[order], target.y[order].astype(np.int64), **{_QUERIES[type(estimator).__name__]: told})
