"""What the report draws of a ranking: quality by how far people look, and how it differs from query to query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlspec.runtime.evaluate.means import mean_interval
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric
from mlspec.runtime.evaluate.queries import FIRST, ndcg_by_query, ranked, recall_by_query

FURTHEST = 20
BARS = 20


def query_curves(rows: Outcomes, plots: Sequence[str], confidence: float) -> dict[str, Any]:
    """The curves of a ranking that `plots` names."""
    found: dict[str, Any] = {}
    if "ndcg_by_k" in plots:
        furthest = range(1, min(FURTHEST, ranked(rows).longest) + 1)
        found["ndcg_by_k"] = [_point(k, ndcg_by_query(rows, k), confidence) for k in furthest]
        found["recall_by_k"] = [_point(k, recall_by_query(rows, k), confidence) for k in furthest]
    if "queries" in plots:
        found["queries"] = _queries(rows)
    return found


def _point(k: int, values: Floats, confidence: float) -> dict[str, Any]:
    """The mean over queries with its interval; every query counts as one."""
    known = values[np.isfinite(values)]
    try:
        interval = mean_interval(known, confidence)
    except UndefinedMetric:
        return {"k": k, "value": float(known.mean()) if len(known) else None, "low": None, "high": None}
    return {"k": k, "value": float(known.mean()), "low": max(interval.low, 0.0), "high": min(interval.high, 1.0)}


def _queries(rows: Outcomes) -> dict[str, Any]:
    """How NDCG lies over the queries, and how many rows and relevant rows these have."""
    found, values = ranked(rows), ndcg_by_query(rows, FIRST)
    known = values[np.isfinite(values)]
    lengths = np.bincount(found.query, minlength=found.count)
    bars = np.minimum((known * BARS).astype(np.int64), BARS - 1)
    return {
        "k": FIRST, "n": found.count, "without": int(found.count - len(known)), "bars": np.bincount(bars, minlength=BARS).tolist(),
        "rows": [int(lengths.min()), float(np.median(lengths)), int(lengths.max())],
        "relevant": [int(found.found.min()), float(np.median(found.found)), int(found.found.max())],
    }  # fmt: skip
