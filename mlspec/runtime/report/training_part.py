"""The trainings of the report: loss and metric by epoch, and how each ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.catalogue.frameworks import framework_of
from mlspec.runtime.report.charts import Series, line
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import decimal, metric_name, plain


def training_part(evidence: Evidence) -> list[dict[str, Any]]:
    """One entry per network that was trained."""
    return [_training(name, history) for name, history in evidence.history.items() if history.get("epochs")]


def _training(name: str, history: Mapping[str, Any]) -> dict[str, Any]:
    epochs, metric = history["epochs"], history.get("metric")
    charts = [_chart(name, history, "loss", "loss", "cross entropy or squared error of the training rows, dropout included")]
    if metric:
        note = f"on the part {metric['part']}; best in epoch {history['best']}"
        charts.append(_chart(name, history, metric["name"], metric_name(metric["name"]), note))
    if len({record["lr"] for record in epochs}) > 1:
        charts.append(_chart(name, history, "lr", "learning rate", "of the last update of each epoch"))
    return {
        "name": name, "network": _call(history["network"]), "optimiser": _call(history["optimiser"]), "parameters": history["parameters"],
        "rows": history["rows"], "framework": framework_of(history.get("framework")).title, "ended": _ended(history), "charts": charts, "texts": _texts(history.get("texts")),
    }  # fmt: skip


def _texts(told: Mapping[str, Any] | None) -> str:
    """What of its texts a network was given, in a sentence; nothing where it reads none."""
    if told is None:
        return ""
    cut = f"{told['cut']:,} of {told['rows']:,} texts are longer than {told['length']:,} tokens and cut there (the longest has {told['longest']:,})"
    whole = f"all {told['rows']:,} texts are read whole: the longest has {told['longest']:,} of {told['length']:,} tokens"
    parts = [cut if told["cut"] else whole]
    if told["empty"]:
        parts.append(f"{told['empty']:,} are empty")
    if told["unknown"] is not None:
        parts.append(f"{told['unknown']:.1%} of the words have no place in the vocabulary")
    return f"Of `{told['feature']}`, {', '.join(parts)}."


def _chart(name: str, history: Mapping[str, Any], key: str, title: str, note: str) -> dict[str, Any]:
    points = [(float(record["epoch"]), float(record[key])) for record in history["epochs"]]
    drawn = line(
        [Series(title, points)],
        title=f"{title} of {name} by epoch",
        note=note,
        x_name="epoch",
        y_name=title,
        marks=len(points) <= 60,
    )
    return {"title": title[:1].upper() + title[1:], "note": note, "chart": drawn}


def _call(config: Mapping[str, Any]) -> str:
    """A network or optimiser as a spec writes it."""
    return f"{config['name']}({', '.join(f'{key}: {plain(value)}' for key, value in sorted(config.items()) if key != 'name')})"


def _ended(history: Mapping[str, Any]) -> str:
    done, requested, metric = len(history["epochs"]), history["requested"], history.get("metric")
    told = f"{done} of {requested} epochs"
    if history.get("stopped"):
        told += ", then nothing was gained"
    if metric:
        best = history["epochs"][history["best"] - 1]
        return f"{told}; the weights are those of epoch {history['best']}, {metric_name(metric['name'])} {decimal(best[metric['name']])}"
    return f"{told}; the weights are those of the last"
