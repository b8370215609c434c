"""Steps: each stage of a graph with what will happen to it and the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mlspec.graph import Graph, Stage, graph_keys, graph_leaves, installed_versions, packages_needed, packages_of
from mlspec.graph.differences import differences
from mlspec.graph.leaves import Lookup
from mlspec.plan.last_run import LastRun, last_run

ReasonKind = Literal["first", "field", "file", "upstream", "package", "inputs", "incomplete", "code"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a stage runs. `where` is a place in the spec, a file, a stage or a package, by kind."""

    kind: ReasonKind
    where: str = ""
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage and what will happen to it."""

    stage: Stage
    key: str
    action: Literal["reuse", "run"]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in topological order, and the run that they were compared with."""

    graph: Graph
    steps: tuple[Step, ...]
    compared_with: str | None

    def to_run(self) -> list[Step]:
        """The steps that will do work."""
        return [step for step in self.steps if step.action == "run"]


def make_plan(graph: Graph, root: Path, env: str | None = None, lookup: Lookup | None = None) -> Plan:
    """Compare a graph with the store below the project root. Reads files and writes none; GraphError for a missing source file.

    `lookup` asks registries; without it a stage that reads one is shown as run, since nobody knows.
    """
    state = root / ".mlspec"
    leaves, versions = graph_leaves(graph, root, lookup), installed_versions(packages_needed(graph))
    keys = graph_keys(graph, leaves, versions)
    earlier = last_run(state, graph.spec, env)
    steps = []
    for stage in graph:
        step = Step(stage, keys[stage.id], "reuse" if is_complete(state, keys[stage.id]) else "run")
        if step.action == "run":
            step = replace(step, reasons=tuple(_reasons(graph, stage, keys, leaves, versions, earlier)))
        steps.append(step)
    return Plan(graph, tuple(steps), None if earlier is None else earlier.id)


def is_complete(state: Path, key: str) -> bool:
    """Whether the store holds this stage's result. A run verifies the digests as well, and runs again what is corrupt."""
    import json

    try:
        manifest = json.loads((state / "store" / "stages" / f"{key}.json").read_bytes())
        outputs = manifest["outputs"].values()
        return all((state / "store" / "artifacts" / output["digest"]).is_dir() for output in outputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _reasons(
    graph: Graph, stage: Stage, keys: Mapping[str, str], leaves: Mapping[str, Mapping[str, str]], versions: Mapping[str, str],
    earlier: LastRun | None,
) -> list[Reason]:  # fmt: skip
    before = None if earlier is None else earlier.graph.stages.get(stage.id)
    if earlier is None or before is None or before.kind != stage.kind:
        return [Reason("first")]
    blocks = {other.id: other.block for other in graph}
    found = [Reason("field", item.where, item.old, item.new) for item in differences(graph.spec, before, stage, blocks)]
    found += _files(earlier.leaves.get(stage.id, {}), leaves.get(stage.id, {}))
    found += _packages(stage, earlier.versions, versions)
    found += _inputs(stage, before, keys, earlier)
    if found:
        return found
    if earlier.keys.get(stage.id) == keys[stage.id]:
        return [Reason("incomplete", earlier.id)]
    return [Reason("code", stage.kind)]


def _files(before: Mapping[str, str], after: Mapping[str, str]) -> list[Reason]:
    names = [*after, *(name for name in before if name not in after)]
    return [
        Reason("file", name, before.get(name, "absent")[:12], after.get(name, "absent")[:12])
        for name in names
        if before.get(name) != after.get(name)
    ]


def _packages(stage: Stage, before: Mapping[str, str], after: Mapping[str, str]) -> list[Reason]:
    return [
        Reason("package", name, before.get(name, "not installed"), after.get(name, "not installed"))
        for name in packages_of(stage.kind, stage.config)
        if before.get(name) != after.get(name)
    ]


def _inputs(stage: Stage, before: Stage, keys: Mapping[str, str], earlier: LastRun) -> list[Reason]:
    found = [
        Reason("upstream", source)
        for source in dict.fromkeys(source for _, source, _ in stage.upstream())
        if earlier.keys.get(source) != keys[source]
    ]
    if not found and dict(before.inputs) != dict(stage.inputs):
        changed = [name for name in {*before.inputs, *stage.inputs} if before.inputs.get(name) != stage.inputs.get(name)]
        found = [Reason("inputs", name, before.inputs.get(name, "nothing"), stage.inputs.get(name, "nothing"))
                 for name in sorted(changed)]  # fmt: skip
    return found


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan for programs: `{"format", "spec", "compared_with", "steps": [{"stage", "kind", "block", "action", "key", "reasons"}]}`."""
    steps = [
        {
            "stage": step.stage.id, "kind": step.stage.kind, "block": step.stage.block, "action": step.action, "key": step.key,
            "reasons": [{"kind": item.kind, "where": item.where, "old": item.old, "new": item.new} for item in step.reasons],
        }
        for step in plan.steps
    ]  # fmt: skip
    return {"format": 1, "spec": plan.graph.spec, "spec_digest": plan.graph.spec_digest, "compared_with": plan.compared_with,
            "steps": steps}  # fmt: skip
