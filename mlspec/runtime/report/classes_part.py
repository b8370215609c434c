"""The classes of the report: each against the rest, and which are taken for each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.figures import class_name
from mlspec.runtime.report.shown import metric_name, of_metric


def classes_of(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The table of classes of the candidate, and its most frequent confusions; None of a task without many classes."""
    rows = found.get("classes") or ()
    if not rows:
        return None
    metrics = list(rows[0]["metrics"])
    top = found["curves"].get(str(found["candidate"]), {}).get("confusion", {}).get("top", ())
    return {
        "model": found["candidate"], "metrics": [metric_name(metric) for metric in metrics],
        "rows": [_row(row, metrics) for row in rows], "confused": [_confused(item) for item in top],
    }  # fmt: skip


def _row(row: Mapping[str, Any], metrics: list[str]) -> dict[str, Any]:
    return {
        "name": class_name(row["class"]), "n": row["n"], "decided": row["decided"],
        "cells": [cell_of(metric, row["metrics"][metric]) for metric in metrics],
    }  # fmt: skip


def cell_of(metric: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """A value, below it its interval or why it has none."""
    span = str(entry.get("problem") or entry.get("method") or "").replace("`", "")
    if entry.get("low") is not None and entry.get("high") is not None:
        span = span_of(metric, entry["low"], entry["high"], str(entry.get("method")))
    return {"value": of_metric(metric, entry["value"]), "span": span, "tip": entry.get("method") or ""}


def span_of(metric: str, low: float, high: float, method: str) -> str:
    """An interval; one whose ends coincide because no draw differs is none, however certain it looks."""
    if low == high and method.startswith("bootstrap"):
        return "no interval: all draws are alike"
    return f"{of_metric(metric, low)} to {of_metric(metric, high)}"


def _confused(item: Mapping[str, Any]) -> dict[str, Any]:
    span = "" if item["low"] is None else f"{item['low']:.1%} to {item['high']:.1%}"
    return {
        "label": class_name(item["label"]), "decision": class_name(item["decision"]), "n": item["n"], "of": item["of"],
        "share": f"{item['share']:.1%}", "span": span or "no interval: one row, or one group, has no spread",
    }  # fmt: skip
