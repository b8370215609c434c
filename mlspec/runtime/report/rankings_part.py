"""The rankings of the report: quality by how far people look, and how it differs between queries; the worst queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.report.charts import Series, histogram, line
from mlspec.runtime.report.shown import decimal


def ranking_charts(curves: Mapping[str, Any], models: Sequence[str], candidate: str) -> list[dict[str, Any]]:
    """NDCG and recall by k of every model, and the queries of the candidate."""
    charts = []
    for key, title, note in (
        ("ndcg_by_k", "NDCG of the first k", "how good the order is for who looks at k rows"),
        ("recall_by_k", "Recall of the first k", "the share of relevant rows that are found among k"),
    ):
        series = [_series(name, curves[name][key]) for name in models if key in curves.get(name, {})]
        if series and any(item.points for item in series):
            drawn = line(
                series, title=f"{title}, by k", x_name="k", y_name=title.partition(" ")[0], y=(0, _top(series)), marks=True
            )
            charts.append(
                {"title": title, "note": f"{note}; the mean over queries, bands are Student's t over queries", "chart": drawn}
            )
    if found := curves.get(candidate, {}).get("queries"):
        charts.append(_queries(found, candidate))
    return charts


def _series(name: str, points: Sequence[Mapping[str, Any]]) -> Series:
    told = [point for point in points if point["value"] is not None]
    spread = [(float(point["k"]), point["low"], point["high"]) for point in told if point["low"] is not None]
    return Series(name, [(float(point["k"]), point["value"]) for point in told], around=spread)


def _top(series: Sequence[Series]) -> float:
    """The upper end of the axis: the next tenth above everything that is drawn."""
    most = max(high for item in series for high in (*(b for _, b in item.points), *(end for _, _, end in item.around)))
    return min(1.0, (int(most * 10) + 1) / 10)


def _queries(found: Mapping[str, Any], model: str) -> dict[str, Any]:
    edges = [at / len(found["bars"]) for at in range(len(found["bars"]) + 1)]
    drawn = histogram(edges, found["bars"], title=f"queries by the NDCG at {found['k']} of {model}", height=260)
    without = f"; {found['without']:,} have no relevant row and are left out" if found["without"] else ""
    rows, relevant = (
        f"{decimal(low)} to {decimal(high)}, in the median {decimal(middle)}"
        for low, middle, high in (found["rows"], found["relevant"])
    )
    return {
        "title": f"Queries by their NDCG at {found['k']}, {model}",
        "note": f"{found['n']:,} queries of {rows} rows, relevant {relevant}{without}", "chart": drawn,
    }  # fmt: skip


def worst_queries_of(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The worst queries with their rows; None where none were asked for."""
    own = found.get("examples")
    if own is None or "queries" not in own:
        return None
    queries = [
        {**query, "ndcg": decimal(query["ndcg"]), "shown": [_shown(row) for row in query["shown"]]} for query in own["queries"]
    ]
    return {**own, "queries": queries}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rank": row["rank"], "row": row["row"], "label": decimal(row["label"]), "score": decimal(row["score"]),
        "cells": [decimal(value) if isinstance(value, float) else value for value in row["values"]],
        "numbers": [isinstance(value, float) for value in row["values"]],
    }  # fmt: skip
