"""The processes of a training as each of them sees the others: torch's data parallel, whole (DDP) or with sharded weights (FSDP).

Every sum has a fixed order, so that the same number of processes gives the same weights again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from mlspec.runtime.deep.checkpoints import Best, Checkpoints, Saved
from mlspec.runtime.deep.device import GPU
from mlspec.runtime.deep.spread.alone import Alone, rank_name
from mlspec.runtime.deep.spread.drops import Drops

_DRAWN = "random.all"


class Group(Alone):
    """Process `rank` of `size`; all of them call the same methods in the same order."""

    def __init__(self, rank: int, size: int, device: str) -> None:
        self.rank, self.size, self.device = rank, size, device
        self._drops = Drops(rank, size) if size > 1 and device != GPU else None

    def prepared(self, network: Any) -> Any:
        """The network, its batch norms as those of all processes."""
        from mlspec.runtime.deep.spread.norms import share_norms

        if self.size > 1:
            share_norms(network, self.rank, self.size)
        return network

    def learner(self, network: Any) -> Any:
        """The network in a wrapper that averages gradients while they are computed."""
        from torch.nn.parallel import DistributedDataParallel

        # A search for unused weights keeps the order in which gradients are summed: without one it changes after the first
        # batch, so that a training that goes on from a state would round otherwise than one that was never stopped.
        return DistributedDataParallel(network, find_unused_parameters=True)

    def share(self, rows: Any) -> Any:
        """A run of the rows, as long as those of the others but for one."""
        return rows.tensor_split(self.size)[self.rank]

    def settle(self, learner: Any, last: bool, rows: int) -> None:
        """Only the last step of an update waits for the others."""
        if self._drops is not None:
            self._drops.rows = rows
        self._wait(learner, last)

    def _wait(self, learner: Any, last: bool) -> None:
        learner.require_backward_grad_sync = last

    def begin(self, seed: Callable[[str], int]) -> None:
        """What all draw alike has a generator of its own: networks may draw other things, and each process its own."""
        import torch

        if self._drops is not None:
            self._drops.generator.manual_seed(seed("dropout"))
        torch.manual_seed(seed(rank_name("dropout", self.rank if self._drops is None else self.rank + 1)))

    def drawing(self) -> AbstractContextManager[None]:
        """Dropout as one process has it, on CPUs."""
        return super().drawing() if self._drops is None else self._drops.drawing()

    def drawn(self) -> dict[str, Any]:
        """The generator of what all draw alike."""
        return {} if self._drops is None else {_DRAWN: self._drops.generator.get_state()}

    def draw_on(self, tensors: Mapping[str, Any]) -> None:
        """Go on from that of a state."""
        if self._drops is not None:
            self._drops.generator.set_state(tensors[_DRAWN])

    def sum(self, total: Any) -> float:
        """The sum over all processes."""
        from torch import distributed

        found = total.clone()
        distributed.all_reduce(found)
        return float(found)

    def decide(self, value: bool) -> bool:
        """What the first process decides: clocks differ."""
        return bool(self.value(lambda: float(value)))

    def value(self, of: Callable[[], float]) -> float:
        """The number as the first process has it; the others wait."""
        import torch

        told = torch.tensor([of() if self.rank == 0 else 0.0], dtype=torch.float64)
        torch.distributed.broadcast(told, 0)
        return float(told[0])

    def each(self, name: str, tensor: Any) -> dict[str, Any]:
        """The tensors of all, gathered by the first process."""
        import torch

        mine = tensor.detach().cpu()
        found = [torch.empty_like(mine) for _ in range(self.size)] if self.rank == 0 else None
        torch.distributed.gather(mine, found, 0)
        return {rank_name(name, rank): each for rank, each in enumerate(found or ())}

    def own(self, name: str, tensors: Mapping[str, Any]) -> Any:
        """The tensor of this process."""
        return tensors[rank_name(name, self.rank)]

    def newest(self, checkpoints: Checkpoints, epochs: int) -> Saved | None:
        """The state that the first process finds: it alone reads, so that no two go on from different ones."""
        from safetensors import torch as safetensors

        saved = checkpoints.newest(epochs) if self.rank == 0 else None
        said = json.loads(self._told(b"" if self.rank else json.dumps(_plain(saved)).encode()))
        if said is None:
            return None
        data = self._told(safetensors.save(dict(saved.tensors)) if saved is not None else b"")
        if saved is not None:
            return saved
        best = [Best(item["epoch"], item["loss"], {}) for item in said["best"]]  # whose weights the first process keeps
        return Saved(said["epoch"], said["batch"], said["history"], said["scaler"], safetensors.load(data), best)

    def _told(self, data: bytes) -> bytes:
        """What the first process says to the others."""
        import torch

        length = torch.tensor([len(data)], dtype=torch.int64)
        torch.distributed.broadcast(length, 0)
        room = torch.empty(int(length[0]), dtype=torch.uint8)
        if self.rank == 0:
            room = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        torch.distributed.broadcast(room, 0)
        return data if self.rank == 0 else room.numpy().tobytes()


class Sharded(Group):
    """Processes that each hold a piece of every weight, and put a layer together when it computes."""

    def prepared(self, network: Any) -> Any:
        """The network with its weights in pieces, layer by layer."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh("cuda" if self.device == GPU else "cpu", (self.size,))
        super().prepared(network)
        for layer in layers_of(network):
            fully_shard(layer, mesh=mesh)
        return fully_shard(network, mesh=mesh)

    def learner(self, network: Any) -> Any:
        """The network itself: its layers ask each other."""
        return network

    def _wait(self, learner: Any, last: bool) -> None:
        learner.set_requires_gradient_sync(last)

    def value(self, of: Callable[[], float]) -> float:
        """All work it out, since no process has all weights; that of the first one counts."""
        found = of()
        return super().value(lambda: found)

    def whole(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Tensors put together from the pieces of all, by name: an optimiser that took in a state has its tensors in another order."""
        from torch.distributed.tensor import DTensor

        ordered = sorted(tensors.items())
        return {name: value.full_tensor() if isinstance(value, DTensor) else value for name, value in ordered}

    def placed(self, tensor: Any, like: Any) -> Any:
        """The piece of a whole tensor that this process holds."""
        from torch.distributed.tensor import DTensor, distribute_tensor

        if not isinstance(like, DTensor) or tensor.shape != like.shape:
            return tensor
        return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def layers_of(network: Any) -> list[Any]:
    """The outermost layers with weights that stand in a row: what is put together at one time."""
    from torch import nn

    found = []
    for child in network if isinstance(network, nn.Sequential | nn.ModuleList) else ():
        if next(child.parameters(), None) is not None:
            found.append(child)
    return found or [layer for child in network.children() for layer in layers_of(child)]


def _plain(saved: Saved | None) -> Any:
    if saved is None:
        return None
    return {
        "epoch": saved.epoch, "batch": saved.batch, "history": list(saved.history), "scaler": dict(saved.scaler),
        "best": [{"epoch": item.epoch, "loss": item.loss} for item in saved.best],
    }  # fmt: skip
