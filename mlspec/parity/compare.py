"""What several targets made of one graph, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlspec.graph import Graph

_OF_THE_RUN = frozenset({"track", "register"})
"""Kinds whose results name the run itself, so that no two runs make the same."""

MEANING = {
    "extract": "rows", "step": "rows", "verify": "checks of the data", "split": "split ids", "explore": "statistics", "features": "features",
    "fit": "model", "fetch": "model of the registry", "search": "model", "train": "model", "compress": "model", "evaluate": "metrics", "analyse": "analysis", "reference": "reference", "verdict": "verdict",
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
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of each gates block, where the target tells: what verdict.json holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One artifact: what it is, and its digest on every target, None where the target did not make it."""

    name: str
    meaning: str
    digests: Mapping[str, str | None]
    of_readings: bool = False
    """A verdict in which readings of a clock came out unlike, or what was made of it: shown, and no difference."""

    @property
    def equal(self) -> bool:
        """Whether all targets made the same, or none made it, or no two runs need to."""
        return self.of_readings or len(set(self.digests.values())) == 1


@dataclass(frozen=True, slots=True)
class Reading:
    """A gate over a measured number (a latency, a size in memory) that came out unlike: its status on each target."""

    block: str
    gate: str
    statuses: Mapping[str, str]


def unlike_readings(outcomes: Sequence[Outcome]) -> list[Reading]:
    """Measured gates with another status elsewhere, of verdicts that are alike in every gate that is not measured.

    A measured gate says how busy a machine was; what the spec means is the same on a machine that is too slow for it.
    """
    blocks = [block for block in outcomes[0].verdicts if all(block in outcome.verdicts for outcome in outcomes)]
    found = []
    for block in blocks:
        verdicts = [outcome.verdicts[block] for outcome in outcomes]
        if any(_certain(verdict) != _certain(verdicts[0]) for verdict in verdicts):
            continue
        for position, gate in enumerate(verdicts[0]["gates"]):
            statuses = [str(verdict["gates"][position]["status"]) for verdict in verdicts]
            if len(set(statuses)) > 1:
                names = [outcome.target for outcome in outcomes]
                found.append(Reading(block, gate["name"], dict(zip(names, statuses, strict=True))))
    return found


def _certain(verdict: Mapping[str, Any]) -> list[Any]:
    """What of a verdict no clock has a part in; of a measured gate that it is there."""
    return [gate["name"] if gate.get("measured") else gate for gate in verdict["gates"]] + [verdict["packages"]]


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
    blocks = {reading.block for reading in unlike_readings(outcomes)}
    judges = [stage.id for stage in graph if stage.kind == "verdict" and stage.block in blocks]
    loose = {*judges, *(later for judge in judges for later in graph.downstream(judge))}
    rows = []
    for name, meaning in compared(graph).items():
        digests = {outcome.target: outcome.artifacts.get(name) for outcome in outcomes}
        row = Row(name, meaning, digests, of_readings=name.partition("/")[0] in loose)
        if any(row.digests.values()):
            rows.append(row)
    return rows
