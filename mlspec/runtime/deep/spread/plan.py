"""Over what a training is spread, as its config says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.deep.device import CPU, GPU


@dataclass(frozen=True)
class Spread:
    """`processes` on each of `nodes` machines, each with a GPU of its own where they have some."""

    strategy: str
    nodes: int
    processes: int
    gpus: bool

    @property
    def size(self) -> int:
        """How many processes there are together."""
        return self.nodes * self.processes

    @property
    def device(self) -> str:
        """Where each process computes."""
        return GPU if self.gpus else CPU


def spread_of(config: Mapping[str, Any]) -> Spread | None:
    """The spread of a training; None where it is one process."""
    strategy = config["strategy"]
    if strategy["name"] == "single":
        return None
    if strategy["name"] == "ray":
        return Spread("ray", 1, int(strategy["workers"]), bool(strategy["gpus"]))
    gpus = int(strategy["gpus_per_node"])
    return Spread(str(strategy["name"]), int(strategy["nodes"]), gpus or int(strategy.get("processes") or 1), bool(gpus))
