"""Which stage starts next: dependencies, free cores, longest way to the end first, exclusive stages alone."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from mlspec.graph.model import Graph, Stage
from mlspec.runtime.kinds import PARALLEL


class Schedule:
    """The stages still to run. It holds no processes: `next` says what to start, `ended` what became of it."""

    def __init__(self, graph: Graph, to_run: Iterable[str], jobs: int) -> None:
        self._graph = graph
        self._jobs = jobs
        self._open = set(to_run)
        self._missing = {name: sum(source in self._open for source in graph[name].waits_for()) for name in self._open}
        self._readers: dict[str, list[str]] = {name: [] for name in self._open}
        for name in self._open:
            for source in self._open.intersection(graph[name].waits_for()):
                self._readers[source].append(name)
        order = {name: index for index, name in enumerate(graph.stages)}
        length = _lengths(graph)
        self._rank = {name: (graph[name].resources.exclusive, -length[name], order[name]) for name in self._open}
        self._ready = sorted((name for name in self._open if not self._missing[name]), key=self._rank.__getitem__)
        self._running: dict[str, int] = {}

    @property
    def idle(self) -> bool:
        """Nothing runs."""
        return not self._running

    def next(self) -> str | None:
        """The stage to start now, or None when none may start yet."""
        if any(self._graph[name].resources.exclusive for name in self._running):
            return None
        for name in self._ready:
            stage = self._graph[name]
            if self._fits(stage):
                self._ready.remove(name)
                self._running[name] = self._cost(stage)
                return name
        return None

    def _fits(self, stage: Stage) -> bool:
        if stage.resources.exclusive:
            return not self._running
        free = self._jobs - sum(self._running.values())
        # A stage with workers of its own may begin on one free core; it takes the others as they become free.
        return free >= (1 if stage.kind in PARALLEL else self._cost(stage))

    def _cost(self, stage: Stage) -> int:
        return self._jobs if stage.kind in PARALLEL else max(1, min(self._jobs, stage.resources.cpu))

    def again(self, name: str) -> None:
        """The stage failed and shall be tried once more."""
        del self._running[name]
        insort(self._ready, name, key=self._rank.__getitem__)

    def ended(self, name: str, *, failed: bool) -> list[str]:
        """The stage is complete, or failed: then the stages that wait for it will not run, and are returned."""
        del self._running[name]
        if failed:
            return self._lose(name)
        self._open.discard(name)
        for reader in self._readers[name]:
            self._missing[reader] -= 1
            if not self._missing[reader] and reader in self._open:
                insort(self._ready, reader, key=self._rank.__getitem__)
        return []

    def _lose(self, name: str) -> list[str]:
        lost: dict[str, None] = {}
        pending = [name]
        while pending:
            for reader in self._readers[pending.pop()]:
                if reader in self._open and reader not in lost:
                    lost[reader] = None
                    pending.append(reader)
        self._open.difference_update(lost, [name])
        return [stage.id for stage in self._graph if stage.id in lost]


def _lengths(graph: Graph) -> dict[str, int]:
    """For each stage, how many stages the longest chain behind it has."""
    lengths = dict.fromkeys(graph.stages, 0)
    for stage in reversed(list(graph)):
        for source in stage.waits_for():
            lengths[source] = max(lengths[source], lengths[stage.id] + 1)
    return lengths
