"""The loss of every row: what errors are ranked and slices are compared by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate import queries, sums
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes

NAMES = {"binary": "log loss", "multiclass": "log loss", "regression": "absolute error", "ranking": "1 - NDCG of its query"}


def row_losses(rows: Outcomes) -> Floats:
    """Log loss of a classification, absolute error of a regression; of a ranking what its query lacks, nothing where it has no relevant row."""
    if rows.task == "ranking":
        values = queries.ndcg_by_query(rows, queries.FIRST)
        return np.ascontiguousarray(np.where(np.isfinite(values), 1.0 - values, 0.0)[queries.ranked(rows).query])
    terms = sums.absolute_miss(rows, {}) if rows.task == "regression" else sums.surprise(rows, {})
    return np.ascontiguousarray(terms[:, 0])


def expected_losses(rows: Outcomes) -> Floats | None:
    """The log loss that the model expects of each row by its own probabilities; a number says nothing of it."""
    if rows.task in ("regression", "ranking"):
        return None
    given = rows.score if rows.score.ndim > 1 else np.column_stack([1 - rows.score, rows.score])
    bounded = np.clip(given, sums.EPSILON, 1 - sums.EPSILON)
    return np.asarray(-(bounded * np.log(bounded)).sum(axis=1))


def wrong_rows(rows: Outcomes) -> NDArray[np.bool_]:
    """The rows decided otherwise than their label; a regression has no decisions."""
    return np.asarray(rows.y != rows.decision)
