"""The slices of the report: every grouping as a table and dots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report.charts import intervals
from mlspec.runtime.report.classes_part import span_of
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import SHARES, metric_name, of_metric

DRAWN = {
    "binary": ("false_pos_rate", "selection_rate", "auc"),
    "multiclass": ("accuracy", "macro_f1"),
    "regression": ("mae", "bias"),
    "ranking": ("ndcg", "mrr"),
}


def slices_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per grouping of every evaluation, for the candidate; what two evaluations found alike stands once."""
    found: dict[str, dict[str, Any]] = {}
    for block, metrics in evidence.evaluations():
        for item in metrics.get("slices", ()):
            candidate = _candidate(metrics)
            said = [
                item["by"],
                candidate,
                metrics["part"],
                [_told(value, candidate) for value in item["values"]],
            ]
            found.setdefault(json.dumps(said, sort_keys=True), _slice(block, metrics, item))
    return list(found.values())


def _candidate(found: Mapping[str, Any]) -> str:
    return str(found.get("candidate") or next(iter(found["models"])))


def _told(value: Mapping[str, Any], model: str) -> list[Any]:
    """What the page shows of a value; the ends of drawn intervals differ between evaluations that draw on their own."""
    return [value["value"], value["n"], value["models"].get(model)]


def _slice(block: str, found: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    candidate = _candidate(found)
    rows = _rows(item, candidate)
    return {
        "block": block, "name": item["by"][1], "model": candidate, "metrics": [metric_name(name) for name in item["metrics"]], "rows": rows,
        "positive": any(row["positive"] is not None for row in rows), "charts": _charts(found, item, candidate),
        "few": sum(row["few"] for row in rows), "min_group": found.get("min_group", 1),
        "confidence": found["confidence"],
    }  # fmt: skip


def _rows(item: Mapping[str, Any], model: str) -> list[dict[str, Any]]:
    """A row per value; the groups that are not told stand as one, behind the others."""
    rows = [_row(value, item["metrics"], model) for value in item["values"]]
    told = [row for row in rows if row["n"] is not None]
    return [*told, *[row for row in rows if row["n"] is None][:1]]


def _row(value: Mapping[str, Any], metrics: list[str], model: str) -> dict[str, Any]:
    values = value["models"].get(model)
    return {
        "name": "(few rows)" if value["n"] is None else value["value"],
        "n": value["n"],
        "positive": value.get("positive_share"),
        "cells": [_cell(name, values[name], value, model) for name in metrics] if values else [],
        "few": values is None,
    }


def _cell(name: str, number: float | None, value: Mapping[str, Any], model: str) -> dict[str, str]:
    """A metric of a slice with its interval, or why it has none."""
    ends = value.get("ends", {}).get(model, {}).get(name)
    why = value.get("why", {}).get(model, {}).get(name, "")
    return {
        "value": of_metric(name, number),
        "span": why.replace("`", "") if ends is None else span_of(name, ends[0], ends[1], why),
        "tip": why,
    }


def _charts(found: Mapping[str, Any], item: Mapping[str, Any], model: str) -> list[dict[str, Any]]:
    charts = []
    for metric in DRAWN[found["label"]["task"]]:
        held = [value for value in item["values"] if model in value["models"]]
        scores = [value["models"][model][metric] for value in held if metric in item["metrics"]]
        if not any(score is not None for score in scores):
            continue
        overall = found["models"][model].get(metric, {}).get("value")
        ends = [value.get("ends", {}).get(model, {}).get(metric, (None, None)) for value in held]
        drawn = intervals([value["value"] for value in held], scores, [low for low, _ in ends], [high for _, high in ends],
                          title=f"{metric_name(metric)} by {item['by'][1]}", note="the dashed line is all rows", reference=overall,
                          percent=metric in SHARES, width=480)  # fmt: skip
        title = f"{metric_name(metric)} by {item['by'][1]}"
        charts.append({"title": title[0].upper() + title[1:], "chart": drawn, "bars": any(low is not None for low, _ in ends)})
    return charts
