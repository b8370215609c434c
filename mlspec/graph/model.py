"""The graph: stages joined by artifacts, frozen, JSON all the way down, without a word about any target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from mlspec.graph.errors import GraphError
from mlspec.graph.schedule import Schedule

MAX_ID = 63


@dataclass(frozen=True, slots=True)
class Resources:
    """What a stage asks of each machine: cores, bytes, a GPU's kind and how many, shared memory, seconds; of `nodes` machines.

    `exclusive` runs alone.
    """

    cpu: int = 1
    memory: int | None = None
    gpu: str | None = None
    time_limit: float | None = None
    retry: int = 0
    exclusive: bool = False
    gpus: int = 0
    nodes: int = 1
    shared_memory: int | None = None

    @property
    def gpus_a_node(self) -> int:
        """How many GPUs each machine has: at least one where a kind is named."""
        return max(self.gpus, 1) if self.gpu is not None else self.gpus

    @property
    def devices(self) -> str:
        """GPUs and machines in words; empty for one machine without a GPU."""
        count = self.gpus_a_node
        gpus = f"{count} {self.gpu or 'GPU'}" if count > 1 else (self.gpu or "a GPU") if count else ""
        return f"{gpus or 'no GPU'} on each of {self.nodes} machines" if self.nodes > 1 else gpus

    def to_json(self) -> dict[str, Any]:
        """The plan format's object; what few stages ask for is there where one does."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in found.items() if name not in RARE or value != getattr(_NOTHING, name)}


RARE = ("gpus", "nodes", "shared_memory")
"""Fields that a plan has only where a stage asks for more than nothing."""

_NOTHING = Resources()


@dataclass(frozen=True, slots=True)
class Stage:
    """One unit of work. `inputs` maps a name to `stage-id/output`, `outputs` a name to an artifact type, `after` is order only."""

    id: str
    kind: str
    block: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    resources: Resources = Resources()

    def upstream(self) -> Iterator[tuple[str, str, str]]:
        """(input name, stage id, output name) of every input, in the order of names."""
        for name in sorted(self.inputs):
            stage, _, output = self.inputs[name].rpartition("/")
            yield name, stage, output

    def waits_for(self) -> list[str]:
        """The ids of all stages that must be complete first."""
        return list(dict.fromkeys([*(stage for _, stage, _ in self.upstream()), *self.after]))

    def to_json(self) -> dict[str, Any]:
        """The plan format's object, without the id."""
        return {
            "kind": self.kind,
            "block": self.block,
            "config": dict(self.config),
            "inputs": dict(self.inputs),
            "after": list(self.after),
            "outputs": dict(self.outputs),
            "resources": self.resources.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Graph:
    """The stages of one spec, by id, in topological order, and when they run by themselves.

    `pins` are the digests of the files that a stage may read and no others, by stage id and path, where `mlspec.lock` says so.
    """

    spec: str
    spec_digest: str
    stages: Mapping[str, Stage]
    schedules: tuple[Schedule, ...] = ()
    pins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, stages: Iterable[Stage], spec: str = "graph", spec_digest: str | None = None, schedules: Iterable[Schedule] = ()
    ) -> Graph:
        """A checked graph; raises GraphError for a duplicate id, a dangling reference, a cycle or a wrong type.

        Without `spec_digest` it is the digest of the stages themselves, as tests and benchmarks want it.
        """
        from mlspec.graph.canonical import digest_of
        from mlspec.graph.passes import check_schedules, check_stages, topological_order

        by_id: dict[str, Stage] = {}
        for stage in stages:
            if stage.id in by_id:
                raise GraphError(f"two stages have the id `{stage.id}`", f"stages.{stage.id}")
            by_id[stage.id] = stage
        check_stages(by_id)
        ordered = {name: by_id[name] for name in topological_order(by_id)}
        if spec_digest is None:
            spec_digest = digest_of({name: stage.to_json() for name, stage in ordered.items()})
        graph = cls(spec, spec_digest, MappingProxyType(ordered), tuple(schedules))
        check_schedules(graph.schedules, graph.stages)
        return graph

    def of_these(self, stages: Iterable[Stage], spec: str = "", schedules: Iterable[Schedule] = ()) -> Graph:
        """A graph of other stages for the same spec: a part of this one, or its stages with other resources."""
        made = Graph.of(stages, spec=spec or self.spec, spec_digest=self.spec_digest, schedules=schedules)
        return replace(made, pins={name: files for name, files in self.pins.items() if name in made.stages})

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages.values())

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, stage_id: str) -> Stage:
        return self.stages[stage_id]

    def downstream(self, stage_id: str) -> list[str]:
        """The ids of all stages that read, directly or not, what `stage_id` writes, in topological order."""
        reached = {stage_id}
        found = []
        for stage in self:
            if any(source in reached for _, source, _ in stage.upstream()):
                reached.add(stage.id)
                found.append(stage.id)
        return found

    def needed_for(self, targets: Iterable[str]) -> list[str]:
        """The targets and everything that they wait for, in topological order."""
        wanted: set[str] = set()
        pending = list(targets)
        while pending:
            name = pending.pop()
            if name not in wanted:
                wanted.add(name)
                pending.extend(self.stages[name].waits_for())
        return [name for name in self.stages if name in wanted]


def own_name(block: str) -> str:
    """The name of a block in its own file, by which it draws numbers: `orders` of the imported `shared.orders`."""
    return block.rpartition(".")[2]


def stage_id(block: str, step: str) -> str:
    """`block-step` with `_` as `-`; one that would be too long, or no id, ends in a hash of the whole, so that ids stay apart."""
    whole = f"{block}-{step}".replace("_", "-").replace(".", "-").lower()
    words = "-".join(word for word in whole.split("-") if word)
    if words == whole and len(whole) <= MAX_ID and whole[0].isalpha():
        return whole
    mark = hashlib.sha256(f"{block}-{step}".encode()).hexdigest()[:8]
    start = words if words[:1].isalpha() else f"b{words}"
    return f"{start[: MAX_ID - 9].rstrip('-')}-{mark}"
