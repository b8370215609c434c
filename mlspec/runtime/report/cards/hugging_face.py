"""The model card as the Hugging Face hub reads it: metadata with the results of the evaluation, then the card itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlspec.runtime.report.cards.facts import TABULAR, Judged, judged, written
from mlspec.runtime.report.cards.front_matter import front_matter
from mlspec.runtime.report.evidence import Evidence
from mlspec.runtime.report.shown import metric_name

# Names of the hub's list of metrics, where they differ from ours.
METRICS = {"auc": "roc_auc", "macro_f1": "f1", "weighted_f1": "f1", "r2": "r_squared"}


def hugging_face_card(config: Mapping[str, Any], evidence: Evidence, body: str) -> str:
    """`README.md` of a model's repository."""
    return front_matter(metadata(config, evidence)) + "\n" + body


def metadata(config: Mapping[str, Any], evidence: Evidence) -> dict[str, Any]:
    """The fields of the metadata block; what nobody said is left out."""
    found = judged(evidence)
    models = list(dict.fromkeys(one.model for one in found))
    tasks = list(dict.fromkeys(TABULAR[one.task] for one in found if one.task in TABULAR))
    source = next((str(one["name"]) for one in config.get("sources") or ()), str(config["spec"]))
    return {
        "license": written(config, "license"),
        "library_name": "mlspec",
        "pipeline_tag": tasks[0] if tasks else None,
        "tags": ["mlspec", *tasks, *dict.fromkeys(str(evidence.package[name]["engine"]) for name in models if name in evidence.package)],
        "metrics": list(dict.fromkeys(METRICS.get(name, name) for one in found for name, *_ in one.values())),
        "model-index": [
            {"name": name, "results": [_result(one, source) for one in found if one.model == name]} for name in models
        ],
    }  # fmt: skip


def _result(one: Judged, source: str) -> dict[str, Any]:
    """What gates judged on one part."""
    return {
        "task": {"type": TABULAR.get(one.task, one.task), "name": f"{one.label} ({one.task})"},
        "dataset": {"type": source, "name": f"{source}, {one.rows:,} held-out rows", "split": one.part},
        "metrics": [
            {"type": METRICS.get(name, name), "value": value, "name": _named(name, low, high, one.confidence)}
            for name, value, low, high in one.values()
        ],
    }


def _named(name: str, low: float | None, high: float | None, confidence: float) -> str:
    """A metric with its interval, for which the format has no field."""
    title = metric_name(name)
    return title if low is None or high is None else f"{title} ({confidence * 100:g}% interval {low:.6g} to {high:.6g})"
