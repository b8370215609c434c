"""Which stage starts next: dependencies, free cores, longest way to the end first, exclusive stages alone."""

from __future__ import annotations

from collections.abc import Iterable

from mlspec.graph.model import Graph, Stage
from mlspec.runtime.kinds import PARALLEL


class Schedule:
    """The stages still to run. It holds no processes: `next` says what to start, `ended` what became of it."""

    def __init__(self, graph: Graph, to_run: Iterable[str], jobs: int) -> None:
        self._graph = graph
        self._jobs = jobs
        self._waiting = list(to_run)
        self._open = set(self._waiting)
        self._running: dict[str, int] = {}
        self._length = _lengths(graph)

    @property
    def idle(self) -> bool:
        """Nothing runs."""
        return not self._running

    def next(self) -> str | None:
        """The stage to start now, or None when none may start yet."""
        if any(self._graph[name].resources.exclusive for name in self._running):
            return None
        ready = [name for name in self._waiting if not self._blockers(name)]
        ready.sort(key=lambda name: (self._graph[name].resources.exclusive, -self._length[name]))
        for name in ready:
            stage = self._graph[name]
            if self._fits(stage):
                self._waiting.remove(name)
                self._running[name] = self._cost(stage)
                return name
        return None

    def _blockers(self, name: str) -> list[str]:
        return [source for source in self._graph[name].waits_for() if source in self._open]

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
        self._waiting.append(name)

    def ended(self, name: str, *, failed: bool) -> list[str]:
        """The stage is complete, or failed: then the stages that wait for it will not run, and are returned."""
        del self._running[name]
        if not failed:
            self._open.discard(name)
            return []
        lost = {name}
        dropped = []
        for stage in self._graph:
            if stage.id in self._waiting and lost.intersection(stage.waits_for()):
                lost.add(stage.id)
                dropped.append(stage.id)
        self._waiting = [waiting for waiting in self._waiting if waiting not in lost]
        return dropped


def _lengths(graph: Graph) -> dict[str, int]:
    """For each stage, how many stages the longest chain behind it has."""
    lengths = dict.fromkeys(graph.stages, 0)
    for stage in reversed(list(graph)):
        for source in stage.waits_for():
            lengths[source] = max(lengths[source], lengths[stage.id] + 1)
    return lengths
