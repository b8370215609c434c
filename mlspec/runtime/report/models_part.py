"""The models of the report: metrics side by side, and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.figures import class_name, class_names
from mlspec.runtime.report.charts import Series, calibration, confusion, grouped_bars, histogram, line, scatter
from mlspec.runtime.report.charts.residuals import residual_bands
from mlspec.runtime.report.classes_part import cell_of, classes_of
from mlspec.runtime.report.comparisons_part import comparisons_of
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.rankings_part import ranking_charts
from mlspec.runtime.report.shown import decimal, metric_name

PR = "precision_recall"
BETTER = {"maximize": "higher is better", "minimize": "lower is better", "zero": "nearest 0 is best"}


def models_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per evaluation: a table and charts."""
    return [
        _block(name, found, _drawn_elsewhere(name, evidence), name in evidence.verdict)
        for name, found in evidence.evaluations()
    ]


def _drawn_elsewhere(name: str, evidence: Evidence) -> str:
    """The evaluation of the same rows that draws all curves of this one: a page shows a curve once."""
    own = evidence.metrics[name]
    for other, found in evidence.metrics.items():
        same = all(own[key] == found[key] for key in ("part", "n", "candidate", "label"))
        if other != name and other not in evidence.verdict and same and _drawings(own) <= _drawings(found):
            return other
    return ""


def _drawings(found: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(model, curve) for model, curves in found["curves"].items() for curve in curves}


def _block(name: str, found: Mapping[str, Any], elsewhere: str, judged: bool) -> dict[str, Any]:
    models = sorted(found["models"], key=lambda model: (model != found.get("candidate"), model))
    known: Mapping[str, Any] = next(iter(found["models"].values()), {})
    metrics = [metric for metric in METRICS if metric in known]
    return {
        "name": name, "models": models, "candidate": found.get("candidate"), "part": found["part"], "n": found["n"],
        "confidence": found["confidence"], "rows": [_row(metric, found["models"], models) for metric in metrics],
        "charts": [] if elsewhere else _charts(found, models), "elsewhere": elsewhere, "label": found["label"],
        "comparisons": [] if elsewhere else comparisons_of(found), "classes": None if elsewhere else classes_of(found),
        "tenths": None if elsewhere else tenths_of(found), "numbers": [] if judged else _numbers(found),
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
    return {**cell_of(metric, entry), "best": best}


def _numbers(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers that an `evaluate` block defines, each with its interval."""
    return [
        {
            "name": name, "text": entry["text"], "value": "–" if entry["value"] is None else decimal(entry["value"]),
            "span": entry["problem"] or (entry["method"] if entry["low"] is None else f"{decimal(entry['low'])} to {decimal(entry['high'])}"),
            "groups": [f"{group}: {'no value' if row.get('value') is None else decimal(row['value'])} (n = {row['n']:,})"
                       for group, row in (entry.get("groups") or {}).items()],
        }
        for name, entry in found.get("quantities", {}).items()
    ]  # fmt: skip


def tenths_of(found: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The errors of the candidate by tenths of its prediction, None of a task without."""
    rows = found["curves"].get(str(found.get("candidate")), {}).get("tenths")
    if not rows:
        return None
    return [
        {"name": f"{decimal(row['from'])} to {decimal(row['to'])}", "n": row["n"], "cells": [cell_of(name, {**row[name], "problem": _unspread(row[name])}) for name in ("mae", "bias")]}
        for row in rows
    ]  # fmt: skip


def _unspread(entry: Mapping[str, Any]) -> str | None:
    return None if entry["low"] is not None else "one row, or one group, has no spread"


def _charts(found: Mapping[str, Any], models: Sequence[str]) -> list[dict[str, Any]]:
    task, candidate = found["label"]["task"], str(found.get("candidate") or models[0])
    curves = found["curves"]
    if task == "ranking":
        return ranking_charts(curves, models, candidate)
    if task == "regression":
        return _regression(curves.get(candidate, {}), candidate)
    charts = []
    if task == "binary":
        charts = [
            *_rankings(curves, models, found["label"]),
            *_probabilities(curves.get(candidate, {}), candidate, found["label"]),
        ]
    elif "one_vs_rest" in curves.get(candidate, {}):
        charts = [_against_rest(curves[candidate]["one_vs_rest"], candidate, found["label"])]
    classes = class_names(found["label"])
    return charts + [
        {"title": f"Decisions of {name}", "note": "rows by true class (down) and decision (across), share of the true class",
         "chart": confusion(classes, curves[name]["confusion"]["counts"], title=f"confusion of {name}"), "counts": _counts(classes, curves[name])}
        for name in models
        if "confusion" in curves.get(name, {})
    ][:2]  # fmt: skip


def _against_rest(curves: Sequence[Mapping[str, Any]], model: str, label: Mapping[str, Any]) -> dict[str, Any]:
    series = [Series(class_name(item["class"]), [(a, b) for a, b in item["points"]]) for item in curves]
    drawn = line(series, title=f"ROC curves of {model}, each class against the rest", x_name="false-positive rate", y_name="recall", x=(0, 1), y=(0, 1),
                 diagonal=True)  # fmt: skip
    more = len(label["classes"]) - len(curves)
    note = "each class against the rest" + (f"; {more} more are not drawn" if more > 0 else "")
    return {"title": f"ROC of {model}", "note": note, "chart": drawn}


def _counts(classes: Sequence[str], curves: Mapping[str, Any]) -> str:
    if len(classes) != 2:
        return ""
    (right_no, alarm), (miss, hit) = curves["confusion"]["counts"]
    return f"{hit:,} found, {miss:,} missed, {alarm:,} false alarms, {right_no:,} rightly left"


def _rankings(curves: Mapping[str, Any], models: Sequence[str], label: Mapping[str, Any]) -> list[dict[str, Any]]:
    roc, pr = ([_banded(name, curves[name], kind) for name in models if kind in curves.get(name, {})] for kind in ("roc", PR))
    charts = []
    if roc:
        drawn = line(roc, title="ROC curves", x_name="false-positive rate", y_name="recall", x=(0, 1), y=(0, 1), diagonal=True)
        charts.append(
            {"title": "ROC", "note": "recall bought with false alarms, over all thresholds" + _band_note(roc), "chart": drawn}
        )
    if pr:
        drawn = line(pr, title="precision-recall curves", x_name="recall", y_name="precision", x=(0, 1), y=(0, 1))
        note = f"how clean the list of {class_name(label['positive'])} stays as it grows" + _band_note(pr)
        charts.append({"title": "Precision and recall", "note": note, "chart": drawn})
    return charts


def _banded(name: str, curves: Mapping[str, Any], kind: str) -> Series:
    """A curve with its band, where draws gave one."""
    band = [(at, low, high) for at, low, high in curves.get("bands", {}).get(kind, ())]
    return Series(name, [(a, b) for a, b in curves[kind]], around=band)


def _band_note(series: Sequence[Series]) -> str:
    return "; bands are its interval at each place, by bootstrap" if any(item.around for item in series) else ""


def _probabilities(curves: Mapping[str, Any], model: str, label: Mapping[str, Any]) -> list[dict[str, Any]]:
    charts = []
    if bins := curves.get("calibration"):
        drawn = calibration([item["score"] for item in bins], [item["observed"] for item in bins], [int(item["n"]) for item in bins],
                            [(item.get("low"), item.get("high")) for item in bins], title=f"calibration of {model}")  # fmt: skip
        charts.append(
            {
                "title": f"Calibration of {model}",
                "note": "ten bins of equal mass with intervals; on the line, 30% means 30%",
                "chart": drawn,
            }
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
    if points := curves.get("quantiles"):
        drawn = scatter([(a, b) for a, b in points], title=f"quantiles of the errors of {model} against a normal distribution",
                        x_name="normal quantile", y_name="error in standard deviations", diagonal=True)  # fmt: skip
        note = "on the line the errors are normal; ends that leave it are large errors more often than that"
        charts.append({"title": f"Quantiles of the errors of {model}", "note": note, "chart": drawn})
    return charts
