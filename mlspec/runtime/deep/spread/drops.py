"""What dropout drops in a training in several processes on CPUs: what it would drop in one.

Each process draws for the rows of a whole step, and takes what is drawn for its own: the draws depend on the seed, the epoch and the step, and not on
how many share it. Texts are as long in all processes as the longest of the step, so that a draw has the same shape. GPUs do not do so: every
one of them would draw for all, and they draw otherwise than CPUs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any


class Drops:
    """The draws of process `rank` of `size`, which are the same in all; `rows` is how many the step has that is being learned from."""

    def __init__(self, rank: int, size: int) -> None:
        import torch

        self._rank, self._size, self.rows = rank, size, 0
        self.generator = torch.Generator()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """While this lasts, dropout asks here, and so do texts for how long they are."""
        before = _ACTIVE.set(self)
        try:
            with _answering()(self):
                yield
        finally:
            _ACTIVE.reset(before)

    def dropped(self, values: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        """The values of own rows, some of them 0 and the others as much larger; in doing so torch's own arithmetic for CPUs is kept to."""
        import torch

        if not training or p == 0.0:
            return values
        own, start = self._own()
        each, rest = divmod(values.shape[0], own)
        if rest:  # not by rows: each process draws for itself
            return torch.nn.functional.dropout(values, p, training, inplace)
        shape = (each * self.rows, *values.shape[1:])
        lie = sorted(range(values.dim()), key=lambda place: -values.stride(place))
        drawn = torch.empty_permuted(shape, lie, dtype=values.dtype).bernoulli_(1.0 - p, generator=self.generator)
        factor = drawn[each * start : each * (start + own)].div_(1.0 - p) if p < 1.0 else 0.0
        return values.mul_(factor) if inplace else values * factor

    def longest(self, count: int) -> int:
        """The largest such number of all processes."""
        import torch
        from torch import distributed

        found = torch.tensor([count])
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return int(found[0])

    def _own(self) -> tuple[int, int]:
        """How many rows of the step are this process's, and how many are before them."""
        each, more = divmod(self.rows, self._size)
        return each + (self._rank < more), each * self._rank + min(self._rank, more)


_ACTIVE: ContextVar[Drops | None] = ContextVar("drops", default=None)


def longest(count: int) -> int:
    """How long the texts of a step are that has these, the longest of them `count`; of several processes those of all."""
    drops = _ACTIVE.get()
    return count if drops is None else drops.longest(count)


@cache
def _answering() -> Any:
    from torch.nn.functional import dropout
    from torch.overrides import TorchFunctionMode

    class Answering(TorchFunctionMode):
        """Answers `dropout`, of layers and of functions, and leaves the rest to torch."""

        def __init__(self, drops: Drops) -> None:
            super().__init__()
            self._drops = drops

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is dropout:
                return self._drops.dropped(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    return Answering
