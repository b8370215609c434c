"""Models beside each other: the differences of every metric on the same rows, as a table and a forest plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.evaluate.metrics import METRICS
from mlspec.runtime.report.charts.forest import forest_line
from mlspec.runtime.report.shown import SHARES, decimal, metric_name, of_metric
from mlspec.runtime.wording import number

UNITS = {"rmse": "label", "mae": "label", "bias": "label", "mape": "share", "r2": "r2"}
VERDICTS = {"better": ("good", "better"), "worse": ("bad", "worse"), "open": ("", "not decided")}


def comparisons_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry per pair of models of an evaluation."""
    return [_pair(found, item) for item in found.get("comparisons", ())]


def _pair(found: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    one, other = item["model"], item["against"]
    metrics = [metric for metric in METRICS if metric in item["metrics"]]
    ends = _common_ends(item["metrics"])
    return {
        "model": one, "against": other,
        "rows": [_row(metric, item["metrics"][metric], ends, found["models"], one, other) for metric in metrics],
        "methods": sorted({entry["method"] for entry in item["metrics"].values() if entry["low"] is not None}),
    }  # fmt: skip


def _row(
    metric: str,
    entry: Mapping[str, Any],
    ends: Mapping[str, tuple[float, float]],
    models: Mapping[str, Any],
    one: str,
    other: str,
) -> dict[str, Any]:
    kind, verdict = VERDICTS.get(str(entry["verdict"]), ("", ""))
    return {
        "name": metric_name(metric), "one": of_metric(metric, models[one][metric]["value"]), "other": of_metric(metric, models[other][metric]["value"]),
        "difference": "–" if entry["value"] is None else _signed(metric, entry["value"]), "span": _span(metric, entry),
        "kind": kind, "verdict": verdict, "chart": _chart(metric, entry, ends),
    }  # fmt: skip


def _span(metric: str, entry: Mapping[str, Any]) -> str:
    """The interval, or why there is none."""
    if entry["value"] is None:
        return str(entry["problem"]).replace("`", "")
    if entry["low"] is None:
        return str(entry["method"]).replace("`", "")
    return f"{_signed(metric, entry['low'])} to {_signed(metric, entry['high'])}"


def _signed(metric: str, value: float) -> str:
    """A difference with its sign; of shares in points."""
    text = f"{number(round(value * 100, 2))}pp" if metric in SHARES else decimal(value)
    return text if value <= 0 else f"+{text}"


def _gain(metric: str, entry: Mapping[str, Any]) -> tuple[float, float | None, float | None]:
    """The difference and its ends, positive where the first model is better."""
    if METRICS[metric].direction == "maximize":
        return entry["value"], entry["low"], entry["high"]
    turned = [None if entry[key] is None else -entry[key] for key in ("high", "low")]
    return -entry["value"], turned[0], turned[1]


def _common_ends(entries: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The ends of the axis of each unit, no difference among them."""
    known: dict[str, list[float]] = {}
    for metric, entry in entries.items():
        if entry["value"] is not None and metric != "selection_rate":
            gains: Sequence[float | None] = _gain(metric, entry)
            known.setdefault(UNITS.get(metric, "score"), [0.0]).extend(value for value in gains if value is not None)
    return {
        unit: (min(values), max(values) if max(values) > min(values) else min(values) + 1) for unit, values in known.items()
    }


def _chart(metric: str, entry: Mapping[str, Any], ends: Mapping[str, tuple[float, float]]) -> Any:
    unit = UNITS.get(metric, "score")
    # That more or fewer rows are selected is no gain and no loss.
    if entry["value"] is None or metric == "selection_rate" or unit not in ends:
        return None
    value, low, high = _gain(metric, entry)
    return forest_line(
        value,
        low,
        high,
        ends[unit],
        entry["verdict"],
        lambda item: _signed(metric, item),
        title=f"gain in {metric_name(metric)}",
    )
