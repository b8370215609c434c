"""What a stage or a spec may ask of a target, and what a target says that it can do, as data.

`mlspec targets` prints the table, `mlspec check --target T` compares it with a graph, the pages in `docs/targets/` are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlspec.backend.emitted import Finding
from mlspec.backend.schedules import schedule_findings

if TYPE_CHECKING:
    from mlspec.backend.target import Backend
    from mlspec.graph import Graph, Stage

Support = Literal["native", "emulated", "none"]

NEEDS = {
    "cpu": "more than one core",
    "memory": "a bound on memory",
    "gpu": "a GPU",
    "shared_memory": "memory that processes of a stage share",
    "nodes": "a stage on several machines",
    "time_limit": "a bound on time",
    "retry": "another attempt after a failure",
    "exclusive": "nothing else at the same time, for measured gates",
    "secrets": "secrets by reference",
    "parallel": "stages side by side",
    "cache": "what is unchanged is not done again",
    "gate": "a failed gate stops what depends on it",
    "schedule": "runs at set times",
    "wait": "a second run that waits for the first (`mlspec run --wait`)",
}
"""Each need in words. What a backend's `capabilities` leave out is "none"."""


@dataclass(frozen=True, slots=True)
class Capability:
    """How a target meets a need. `how` is a clause that the warning MLS702 and the table print; `since` a version of the target."""

    support: Support
    how: str = ""
    since: str = ""


def capability(backend: Backend, need: str) -> Capability:
    """What a backend says of a need; a bare word stands for a capability without explanation."""
    given = backend.capabilities.get(need, "none")
    return given if isinstance(given, Capability) else Capability(given)


def needs_of(stage: Stage) -> list[str]:
    """What a stage asks beyond one core. Who schedules what, gates and caches is no stage's to ask."""
    asked = stage.resources
    given = {
        "cpu": asked.cpu > 1,
        "memory": asked.memory is not None,
        "gpu": asked.gpus_a_node > 0,
        "shared_memory": asked.shared_memory is not None,
        "nodes": asked.nodes > 1,
        "time_limit": asked.time_limit is not None,
        "retry": asked.retry > 0,
        "exclusive": asked.exclusive,
        "secrets": bool(stage.config.get("secrets")),
    }
    return [need for need, wanted in given.items() if wanted]


def check_capabilities(backend: Backend, graph: Graph, others: Mapping[str, Backend] | None = None) -> list[Finding]:
    """A finding for every stage that asks for what the backend cannot do (MLS701) or only imitates (MLS702).

    `others` are the targets among which the way out of MLS701 is looked for.
    """
    findings: dict[tuple[str, str], Finding] = {}
    for stage in graph:
        for need in needs_of(stage):
            where = f"{stage.block}.{_field(stage, need)}"
            if (where, need) not in findings and (found := _finding(backend, need, where, stage.block, others or {})):
                findings[where, need] = found
    clock = capability(backend, "schedule").support == "native"
    return [*findings.values(), *schedule_findings(graph, backend.name, clock=clock)]


_WORDS = {"nodes": "a training on several machines, the `strategy`,"}
"""Needs that no field of a spec is named after."""


def _field(stage: Stage, need: str) -> str:
    """The field that asks for it: machines, and GPUs of any kind, are the strategy's."""
    return "strategy" if need == "nodes" or (need == "gpu" and stage.resources.gpu is None) else need


def check_wait(backend: Backend, others: Mapping[str, Backend]) -> list[Finding]:
    """MLS701 where the target cannot wait for a run that is going on."""
    found = _finding(backend, "wait", "", "", others)
    return [replace(found, data={**found.data, "what": "`--wait`"})] if found and found.code == "MLS701" else []


def _finding(backend: Backend, need: str, where: str, block: str, others: Mapping[str, Backend]) -> Finding | None:
    has = capability(backend, need)
    data = {"target": backend.name, "what": f"{_WORDS.get(need, f'`{need}`')} of `{block}`"}
    if has.support == "none":
        able = [name for name, other in others.items() if capability(other, need).support != "none"]
        known = {"known": ", ".join(f"`{name}`" for name in able)} if able else {}
        hint = {"hint": f"or lower it in an `env`: `set {block}.strategy = single()`"} if need == "nodes" else {}
        return Finding("MLS701", where, {**data, "wanted": "a target that has it", **known, **hint})
    if has.support == "emulated":
        return Finding("MLS702", where, {**data, "how": has.how or "a wrapper around the stage does it"})
    return None
