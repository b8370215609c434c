"""The models of the report that were made smaller: size and loss of every step. How fast each answers is no part of a digested page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report.charts import bars
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import SHARES, decimal, metric_name, of_metric, plain
from mlspec.runtime.wording import literal

NAMES = {
    "original": "as it was",
    "distil": "distilled",
    "prune": "pruned",
    "quantise": "quantised",
    "export": "exported",
    "copy": "copied",
}


def compression_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per `compress`."""
    return [_compression(name, found) for name, found in evidence.steps.items() if found.get("steps")]


def _compression(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    steps, metrics = found["steps"], found["metrics"]
    first, last = steps[0]["bytes"], steps[-1]["bytes"]
    return {
        "name": name, "model": found["model"], "part": found["part"], "n": found["n"], "confidence": found["confidence"], "fitted": found["fitted"],
        "change": f"{literal(last, 'bytes')}, {last / first:.0%} of {literal(first, 'bytes')}",
        "metrics": [metric_name(metric) for metric in metrics], "rows": [_row(step, metrics, first) for step in steps],
        "charts": [_sizes(name, steps), _losses(name, found, metrics[0])],
    }  # fmt: skip


def _name(step: Mapping[str, Any]) -> str:
    """A state in words."""
    return NAMES.get(str(step["step"]), str(step["step"]))


def _row(step: Mapping[str, Any], metrics: list[str], first: int) -> dict[str, Any]:
    return {
        "name": _name(step), "call": _call(step["config"]), "size": literal(step["bytes"], "bytes"),
        "share": f"{step['bytes'] / first:.0%}", "facts": facts_text(step["facts"]),
        "same": "–" if step["same"] is None else f"{step['same']:.1%}",
        "cells": [_cell(metric, step["quality"][metric], (step["loss"] or {}).get(metric)) for metric in metrics],
    }  # fmt: skip


def _cell(metric: str, quality: Mapping[str, Any], loss: Mapping[str, Any] | None) -> dict[str, Any]:
    change = span = ""
    if loss is not None and loss["value"] is not None:
        change = _difference(metric, loss["value"])
        if loss["low"] is not None and loss["high"] is not None:
            span = f"{_difference(metric, loss['low'])} to {_difference(metric, loss['high'])}"
    tip = quality.get("problem") or (loss or quality).get("method") or ""
    return {"value": of_metric(metric, quality["value"]), "change": change, "span": span, "tip": tip}


def _difference(metric: str, value: float) -> str:
    return f"{value * 100:+.2f}pp" if metric in SHARES or metric == "auc" else f"{'+' if value > 0 else ''}{decimal(value)}"


_USUAL = (("temperature", 1.0), ("norm", "none"))


def _call(config: Mapping[str, Any] | None) -> str:
    """A step as a spec writes it."""
    if config is None:
        return ""
    given = {**{key: value for key, value in config.items() if key not in ("name", "params")}, **(config.get("params") or {})}
    said = {key: value for key, value in given.items() if value and (key, value) not in _USUAL}
    return f"{config['name']}({', '.join(f'{key}: {_value(value)}' for key, value in said.items())})"


def _value(value: Any) -> str:
    return _call(value) if isinstance(value, dict) and "name" in value else plain(value)


def facts_text(facts: Mapping[str, Any]) -> str:
    """What a model is made of, in words."""
    parts = [str(facts["estimator"]).rpartition(".")[2], f"by {facts['engine']}"]
    parts += [f"{facts[name]:,} {name}" for name in ("rounds", "leaves", "weights") if name in facts]
    if facts.get("zeros"):
        parts.append(f"{facts['zeros'] / facts['weights']:.0%} zeros")
    return ", ".join([*parts, *(["8-bit integers"] if facts.get("format") == "int8" else [])])


def _sizes(name: str, steps: list[Mapping[str, Any]]) -> dict[str, Any]:
    names = [_name(step) for step in steps]
    kib = [step["bytes"] / 1024 for step in steps]
    return {
        "title": "Size of the package",
        "note": "KiB after each step",
        "chart": bars(names, kib, title=f"size of {name} after each step"),
    }


def _losses(name: str, found: Mapping[str, Any], metric: str) -> dict[str, Any]:
    steps = [step for step in found["steps"] if step["loss"] is not None]
    losses = [step["loss"][metric] for step in steps]
    scale = 100 if metric in SHARES or metric == "auc" else 1
    values, low, high = (
        [None if each[key] is None else each[key] * scale for each in losses] for key in ("value", "low", "high")
    )
    drawn = bars(
        [_name(step) for step in steps],
        values,
        low=low,
        high=high,
        title=f"change of {metric_name(metric)} of {name}",
    )
    unit = "percentage points" if scale == 100 else metric_name(metric)
    return {
        "title": f"Change of {metric_name(metric)}",
        "note": f"{unit} against the original, paired on rows, with {found['confidence']:.0%} interval",
        "chart": drawn,
    }
