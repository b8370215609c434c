"""The models of the report: metrics side by side, and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.figures import class_name, class_names
from mlspec.runtime.report.charts import Series, calibration, confusion, grouped_bars, histogram, line
from mlspec.runtime.report.charts.residuals import residual_bands
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import metric_name, of_metric

PR = "precision_recall"
BETTER = {"maximize": "higher is better", "minimize": "lower is better", "zero": "nearest 0 is best"}


def models_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per evaluation: a table and charts."""
    return [_block(name, found) for name, found in evidence.metrics.items()]


def _block(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    models = sorted(found["models"], key=lambda model: (model != found.get("candidate"), model))
    known: Mapping[str, Any] = next(iter(found["models"].values()), {})
    metrics = [metric for metric in METRICS if metric in known]
    return {
        "name": name, "models": models, "candidate": found.get("candidate"), "part": found["part"], "n": found["n"],
        "confidence": found["confidence"], "rows": [_row(metric, found["models"], models) for metric in metrics],
        "charts": _charts(found, models), "label": found["label"],
    }  # fmt: skip


def _row(metric: str, values: Mapping[str, Any], models: Sequence[str]) -> dict[str, Any]:
    known = {name: values[name][metric]["value"] for name in models if values[name][metric]["value"] is not None}
    direction = METRICS[metric].direction
    best = None
    if len(known) > 1 and metric != "selection_rate":
        order = {
            "maximize": lambda name: -known[name],
            "minimize": lambda name: known[name],
            "zero": lambda name: abs(known[name]),
        }
        best = min(known, key=order[direction])
    note = "" if metric == "selection_rate" else BETTER[direction]
    return {
        "name": metric_name(metric),
        "note": note,
        "cells": [_cell(metric, values[name][metric], name == best) for name in models],
    }


def _cell(metric: str, entry: Mapping[str, Any], best: bool) -> dict[str, Any]:
    span = ""
    if entry.get("low") is not None and entry.get("high") is not None:
        span = f"{of_metric(metric, entry['low'])} to {of_metric(metric, entry['high'])}"
    return {
        "value": of_metric(metric, entry["value"]),
        "span": span,
        "best": best,
        "tip": entry.get("problem") or entry.get("method") or "",
    }


def _charts(found: Mapping[str, Any], models: Sequence[str]) -> list[dict[str, Any]]:
    task, candidate = found["label"]["task"], str(found.get("candidate") or models[0])
    curves = found["curves"]
    if task == "regression":
        return _regression(curves.get(candidate, {}), candidate)
    charts = []
    if task == "binary":
        charts = [
            *_rankings(curves, models, found["label"]),
            *_probabilities(curves.get(candidate, {}), candidate, found["label"]),
        ]
    classes = class_names(found["label"])
    return charts + [
        {"title": f"Decisions of {name}", "note": "rows by true class (down) and decision (across), share of the true class",
         "chart": confusion(classes, curves[name]["confusion"]["counts"], title=f"confusion of {name}"), "counts": _counts(classes, curves[name])}
        for name in models
        if "confusion" in curves.get(name, {})
    ][:2]  # fmt: skip


def _counts(classes: Sequence[str], curves: Mapping[str, Any]) -> str:
    if len(classes) != 2:
        return ""
    (right_no, alarm), (miss, hit) = curves["confusion"]["counts"]
    return f"{hit:,} found, {miss:,} missed, {alarm:,} false alarms, {right_no:,} rightly left"


def _rankings(curves: Mapping[str, Any], models: Sequence[str], label: Mapping[str, Any]) -> list[dict[str, Any]]:
    roc = [Series(name, [(a, b) for a, b in curves[name]["roc"]]) for name in models if "roc" in curves.get(name, {})]
    pr = [Series(name, [(a, b) for a, b in curves[name][PR]]) for name in models if PR in curves.get(name, {})]
    charts = []
    if roc:
        drawn = line(roc, title="ROC curves", x_name="false-positive rate", y_name="recall", x=(0, 1), y=(0, 1), diagonal=True)
        charts.append({"title": "ROC", "note": "recall bought with false alarms, over all thresholds", "chart": drawn})
    if pr:
        drawn = line(pr, title="precision-recall curves", x_name="recall", y_name="precision", x=(0, 1), y=(0, 1))
        note = f"how clean the list of {class_name(label['positive'])} stays as it grows"
        charts.append({"title": "Precision and recall", "note": note, "chart": drawn})
    return charts


def _probabilities(curves: Mapping[str, Any], model: str, label: Mapping[str, Any]) -> list[dict[str, Any]]:
    charts = []
    if bins := curves.get("calibration"):
        drawn = calibration([item["score"] for item in bins], [item["observed"] for item in bins], [int(item["n"]) for item in bins],
                            title=f"calibration of {model}")  # fmt: skip
        charts.append(
            {"title": f"Calibration of {model}", "note": "ten bins of equal mass; on the line, 30% means 30%", "chart": drawn}
        )
    if bars := curves.get("histogram"):
        charts.append(
            {"title": f"Scores of {model}", "note": "share of each true class by score", "chart": _scores(bars, model, label)}
        )
    return charts


def _scores(bars: Mapping[str, Any], model: str, label: Mapping[str, Any]) -> Any:
    """Both classes' scores in twenty bars, each as a share of its class."""
    series = {}
    for key, name in zip(("negative", "positive"), class_names(label), strict=True):
        total = sum(bars[key]) or 1
        series[name] = [(bars[key][at] + bars[key][at + 1]) / total for at in range(0, len(bars[key]), 2)]
    names = [f"{at / 20:.2f}" for at in range(20)]
    return grouped_bars(names, series, title=f"scores of {model} by true class", height=300)


def _regression(curves: Mapping[str, Any], model: str) -> list[dict[str, Any]]:
    charts = []
    if found := curves.get("residuals"):
        drawn = residual_bands(
            found["bins"], title=f"errors of {model}", note="median, half and 90 % of the rows by prediction"
        )
        charts.append(
            {"title": f"Errors of {model} by prediction", "note": "median, half of the rows, 90 % of the rows", "chart": drawn}
        )
    if bars := curves.get("histogram"):
        step = (bars["high"] - bars["low"]) / len(bars["count"])
        edges = [bars["low"] + step * at for at in range(len(bars["count"]) + 1)]
        drawn = histogram(edges, bars["count"], title=f"distribution of the errors of {model}", height=260)
        charts.append({"title": f"Errors of {model}", "note": "prediction minus label", "chart": drawn})
    return charts
