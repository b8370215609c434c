"""What all formats of a card ask of a run: the candidate, its evaluation, and the metrics with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.report.evidence import Evidence

TABULAR = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
    "ranking": "tabular-regression",
}


@dataclass(frozen=True)
class Judged:
    """A candidate on the held-out rows that its gates judged it on."""

    block: str
    model: str
    part: str
    rows: int
    confidence: float
    task: str
    label: str
    metrics: Mapping[str, Mapping[str, Any]]
    digest: str | None

    def values(self) -> Iterator[tuple[str, float, float | None, float | None]]:
        """(metric, value, low, high) of every metric that has a value."""
        for name, entry in self.metrics.items():
            if entry.get("value") is not None:
                yield name, float(entry["value"]), entry.get("low"), entry.get("high")


def judged(evidence: Evidence) -> list[Judged]:
    """Every evaluation that gates judged, of its candidate."""
    found = []
    for block, verdict in evidence.verdict.items():
        metrics = evidence.metrics.get(block)
        if metrics is None or metrics.get("candidate") not in metrics["models"]:
            continue
        model, label = str(metrics["candidate"]), metrics["label"]
        found.append(Judged(
            block, model, str(metrics["part"]), int(metrics["n"]), float(metrics["confidence"]), str(label["task"]), str(label["column"]),
            metrics["models"][model], verdict.get("packages", {}).get(model),
        ))  # fmt: skip
    return found


def written(config: Mapping[str, Any], field: str) -> Any:
    """What people wrote in the `card` block, None where they did not."""
    return (config.get("card") or {}).get(field) or None


def listed(config: Mapping[str, Any], field: str) -> list[str]:
    """A list that people wrote."""
    return [str(item) for item in written(config, field) or ()]
