"""What the run found, read once: the one thing that the report and the card are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.runtime import files

FILES = {
    "metrics": "metrics.json", "analysis": "analysis.json", "verdict": "verdict.json", "checks": "metrics.json", "package": "package.json",
    "study": "study.json", "history": "history.json", "steps": "steps.json", "statistics": "statistics.json",
}  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """Every finding by kind and block, as the stages wrote it."""

    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    analysis: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: dict[str, dict[str, Any]] = field(default_factory=dict)
    study: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    package: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    statistics: dict[str, dict[str, Any]] = field(default_factory=dict)

    def gates(self) -> list[dict[str, Any]]:
        """The gates of every block, with their block."""
        return [{**gate, "block": block} for block, verdict in self.verdict.items() for gate in verdict["gates"]]

    def evaluations(self) -> list[tuple[str, dict[str, Any]]]:
        """Every evaluation with its block; those that gates judged first."""
        return sorted(self.metrics.items(), key=lambda pair: (pair[0] not in self.verdict, pair[0]))

    @property
    def passed(self) -> bool | None:
        """Whether every verdict passed; None without any."""
        return all(verdict["passed"] for verdict in self.verdict.values()) if self.verdict else None

    def candidates(self) -> list[str]:
        """The models that the gates judge."""
        return [str(found["candidate"]) for found in self.metrics.values() if found.get("candidate")]


def read_evidence(inputs: Mapping[str, Path]) -> Evidence:
    """All findings among a stage's inputs; predictions and what has no place in a report are left where they are."""
    found = Evidence()
    for name, folder in sorted(inputs.items()):
        kind, _, block = name.partition(".")
        held = getattr(found, kind, None)
        if isinstance(held, dict) and (document := _document(kind, folder)) is not None:
            held[block] = document
    return found


def _document(kind: str, folder: Path) -> dict[str, Any] | None:
    """The JSON file of an artifact, by its name: outside the store a manifest lies beside it."""
    path = folder / FILES[kind]
    return files.read_json(path) if path.is_file() else None
