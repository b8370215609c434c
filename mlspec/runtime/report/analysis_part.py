"""The analyses of the report: what the candidate goes by, where it is weak, and its worst errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.figures import class_name
from mlspec.runtime.report.charts import bars
from mlspec.runtime.report.charts.dependence import of_category, of_classes, of_number
from mlspec.runtime.report.charts.scale import label
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.rankings_part import worst_queries_of
from mlspec.runtime.report.shown import SHARES, decimal, metric_name
from mlspec.runtime.report.texts_part import texts_part


def analysis_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per `evaluate` block that asked for analyses."""
    return [
        {
            "name": name, "candidate": found["candidate"], "part": found["part"], "n": found["n"], "rows": found["rows"],
            "searched": found["searched"], "confidence": found["confidence"], "min_cell": found["min_cell"], "loss": found["loss"],
            "importance": _importance(found), "dependence": _dependence(found), "weak": _weak(found), "examples": _examples(found), "texts": texts_part(found), "queries": worst_queries_of(found),
        }
        for name, found in evidence.analysis.items()
    ]  # fmt: skip


def _importance(found: Mapping[str, Any]) -> dict[str, Any] | None:
    own = found.get("importance")
    if own is None:
        return None
    rows, share = own["features"], own["metric"] in SHARES
    names = [", ".join(entry["features"]) for entry in rows]
    chart = None
    if rows:
        tips = [_drop_tip(name, entry, share) for name, entry in zip(names, rows, strict=True)]
        chart = bars(
            names, [_points(entry["value"], share) for entry in rows], title=f"fall of the {metric_name(own['metric'])} without each feature",
            width=480, low=[_points(entry["low"], share) for entry in rows], high=[_points(entry["high"], share) for entry in rows], tips=tips,
        )  # fmt: skip
    direction = {"maximize": "falls", "minimize": "rises", "zero": "moves away from 0"}[METRICS[own["metric"]].direction]
    return {
        "metric": metric_name(own["metric"]), "unit": " in points" if share else "", "chart": chart, "problem": own["problem"], "direction": direction,
        "base": None if own["base"] is None else label(own["base"], True) if share else decimal(own["base"]),
        "repeats": len(rows[0]["repeats"]) if rows else 0, "method": rows[0]["method"] if rows else "",
        "together": any(len(entry["features"]) > 1 for entry in rows),
    }  # fmt: skip


def _drop_tip(name: str, entry: Mapping[str, Any], share: bool) -> str:
    span = (
        ""
        if entry["low"] is None
        else f" [{label(_points(entry['low'], share) or 0)}, {label(_points(entry['high'], share) or 0)}]"
    )
    return f"{name}: {label(_points(entry['value'], share) or 0)}{span}"


def _points(value: float | None, share: bool) -> float | None:
    """A fall of a share in points, any other as it is."""
    return None if value is None else value * 100 if share else value


def _dependence(found: Mapping[str, Any]) -> dict[str, Any] | None:
    own = found.get("dependence")
    if own is None:
        return None
    task = found["label"]["task"]
    drawn = [entry for entry in own["features"] if not entry["problem"]]
    ends = _common_ends(drawn, task)
    charts = [{"title": entry["feature"], "chart": _chart(entry, own, ends, task)} for entry in drawn]
    missing = [f"{entry['feature']} ({entry['problem']})" for entry in own["features"] if entry["problem"]]
    first = drawn[0]["points"][0]["method"] if drawn else ""
    what = {"binary": f"the score of {class_name(found['label'].get('positive'))}", "multiclass": "the score of each class"}
    return {
        "charts": charts, "missing": missing, "left_out": own["left_out"], "rows": own["rows"], "method": first,
        "what": what.get(task, "the prediction"), "bands": task != "multiclass", "classes_left_out": own["classes_left_out"],
    }  # fmt: skip


def _common_ends(entries: Sequence[Mapping[str, Any]], task: str) -> tuple[float, float]:
    """One scale for all features, so that steep looks steep."""
    if task == "multiclass" or not entries:
        return (0.0, 1.0)
    points = [point for entry in entries for point in entry["points"]]
    known = [
        value
        for point in points
        for value in (*point["quantiles"], point["mean"], point["low"], point["high"])
        if value is not None
    ]
    room = (max(known) - min(known)) * 0.04 or 0.5
    if task == "binary":
        return (max(0.0, min(known) - room), min(1.0, max(known) + room))
    return (min(known) - room, max(known) + room)


def _chart(entry: Mapping[str, Any], own: Mapping[str, Any], ends: tuple[float, float], task: str) -> Any:
    title, number = f"partial dependence on {entry['feature']}", entry["kind"] == "number"
    if task == "multiclass":
        return of_classes(
            entry["points"], [str(name) for name in own["classes"]], number, title=title, note="mean score by class"
        )
    draw = of_number if number else of_category
    return draw(entry["points"], ends, title=title, note="mean, and the spread of the rows", percent=task == "binary")


def _weak(found: Mapping[str, Any]) -> dict[str, Any] | None:
    own = found.get("weak_slices")
    if own is None:
        return None
    return {
        **{key: own[key] for key in ("correction", "tested", "significant", "least_rows", "least_effect", "columns", "left_out", "problem")},
        "overall": decimal(own["loss"]), "level": f"{own['level']:.2g}", "rows": [_weak_row(row) for row in own["slices"]],
        "expected": any(row["expected"] is not None for row in own["slices"]), "wrong": any(row["wrong"] for row in own["slices"]),
    }  # fmt: skip


def _weak_row(row: Mapping[str, Any]) -> dict[str, Any]:
    wrong = row["wrong"]
    return {
        "name": " and ".join(f"{column} {value}" for column, value in row["where"]), "n": row["n"], "loss": decimal(row["loss"]),
        "expected": None if row["expected"] is None else decimal(row["expected"]), "difference": f"+{decimal(row['difference'])}",
        "span": f"{decimal(row['low'])} to {decimal(row['high'])}", "effect": f"{row['effect']:.2f}",
        "p": "<0.001" if row["p"] < 0.001 else f"{row['p']:.3f}", "wrong": "" if wrong is None else f"{wrong['value']:.1%}",
        "wrong_span": "" if wrong is None or wrong["low"] is None else f"{wrong['low']:.1%} to {wrong['high']:.1%}",
    }  # fmt: skip


def _examples(found: Mapping[str, Any]) -> dict[str, Any] | None:
    own = found.get("examples")
    if own is None or "kinds" not in own:
        return None
    regression = found["label"]["task"] == "regression"
    kinds = [{**kind, "rows": [_example(row, regression) for row in kind["rows"]]} for kind in own["kinds"]]
    confused = [{**pair, "share": f"{pair['share']:.1%}"} for pair in own.get("confused", ())]
    return {"columns": own["columns"], "kinds": kinds, "masked": own["masked"], "regression": regression, "confused": confused}


def _example(row: Mapping[str, Any], regression: bool) -> dict[str, Any]:
    label_of = decimal(row["label"]) if regression else row["label"]
    return {
        "row": row["row"], "label": label_of, "decision": "" if regression else row["decision"], "loss": decimal(row["loss"]),
        "score": decimal(row["score"]) if regression else f"{row['score']:.1%}",
        "cells": [decimal(value) if isinstance(value, float) else "" if isinstance(value, dict) else value for value in row["values"]],
        "pictures": [value["picture"] if isinstance(value, dict) else None for value in row["values"]],
        "numbers": [isinstance(value, float) for value in row["values"]],
    }  # fmt: skip
