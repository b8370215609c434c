"""What several targets made of one graph, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlspec.graph import Graph

_OF_THE_RUN = frozenset({"track", "register"})
"""Kinds whose results name the run itself, so that no two runs make the same."""

MEANING = {
    "extract": "rows", "verify": "checks of the data", "split": "split ids", "explore": "statistics", "features": "features",
    "fit": "model", "search": "model", "evaluate": "metrics", "reference": "reference", "verdict": "verdict",
    "enforce": "release", "report": "report", "card": "card",
}  # fmt: skip
"""What a stage's artifacts are to a reader; of other kinds the kind's own name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run on one target ended: `passed` is None when it broke; `artifacts` maps `stage-id/output` to a digest."""

    target: str
    passed: bool | None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One artifact: what it is, and its digest on every target, None where the target did not make it."""

    name: str
    meaning: str
    digests: Mapping[str, str | None]

    @property
    def equal(self) -> bool:
        """Whether all targets made the same, or none made it."""
        return len(set(self.digests.values())) == 1


def compared(graph: Graph) -> dict[str, str]:
    """The artifacts that parity compares, with their meaning: all but readings of clocks and what names the run."""
    return {
        f"{stage.id}/{output}": MEANING.get(stage.kind, stage.kind)
        for stage in graph
        if stage.kind not in _OF_THE_RUN
        for output, kind in stage.outputs.items()
        if kind != "measurements"
    }


def rows_of(graph: Graph, outcomes: Sequence[Outcome]) -> list[Row]:
    """One row for each compared artifact that some target made, in the order of the graph."""
    rows = []
    for name, meaning in compared(graph).items():
        row = Row(name, meaning, {outcome.target: outcome.artifacts.get(name) for outcome in outcomes})
        if any(row.digests.values()):
            rows.append(row)
    return rows
