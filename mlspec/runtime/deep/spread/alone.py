"""A training in one process: all rows are its own, and nobody has to be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mlspec.runtime.deep.checkpoints import Checkpoints, Saved


class Alone:
    """What the loop asks of the processes that train together; here there is one."""

    rank = 0
    size = 1

    def prepared(self, network: Any) -> Any:
        """The network as its weights lie in this process; to be called before its optimiser is made."""
        return network

    def learner(self, network: Any) -> Any:
        """The network as the forward pass of a training goes through it."""
        return network

    def share(self, rows: Any) -> Any:
        """Of the rows of a step those of this process."""
        return rows

    def settle(self, learner: Any, last: bool, rows: int) -> None:
        """Say of how many rows the next step is, and whether it is the last one of its update: only then gradients are put together."""

    def begin(self, seed: Callable[[str], int]) -> None:
        """Seed what an epoch draws: what dropout drops."""
        import torch

        torch.manual_seed(seed("dropout"))

    def drawing(self) -> AbstractContextManager[None]:
        """What surrounds the forward pass of a step."""
        return nullcontext()

    def drawn(self) -> dict[str, Any]:
        """What the rest of an epoch depends on that is drawn alike by all processes."""
        return {}

    def draw_on(self, tensors: Mapping[str, Any]) -> None:
        """Take that from a state."""

    def sum(self, total: Any) -> float:
        """The sum of what every process has."""
        return float(total)

    def decide(self, value: bool) -> bool:
        """What the first process decides."""
        return value

    def value(self, of: Callable[[], float]) -> float:
        """A number that the first process works out."""
        return of()

    def each(self, name: str, tensor: Any) -> dict[str, Any]:
        """The tensor of each process by a name of its own, in the first one; the name of rank 0 is the plain one."""
        return {name: tensor}

    def own(self, name: str, tensors: Mapping[str, Any]) -> Any:
        """Of tensors that `each` gave that of this process."""
        return tensors[name]

    def whole(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Tensors as one process would hold them."""
        return dict(tensors)

    def placed(self, tensor: Any, like: Any) -> Any:
        """A whole tensor as this process holds it: as `like` lies."""
        return tensor

    def newest(self, checkpoints: Checkpoints, epochs: int) -> Saved | None:
        """The state to go on from, the same in all processes."""
        return checkpoints.newest(epochs)


def rank_name(name: str, rank: int) -> str:
    """What a tensor of one of several processes is called in a state."""
    return name if rank == 0 else f"{name}.{rank}"
