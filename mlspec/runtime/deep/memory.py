"""Out of memory while training: where, and which batch would fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mlspec.runtime.errors import StageError

# What torch's allocator of the CPU says; it has no error class of its own.
_CPU_ALLOCATOR = ("DefaultCPUAllocator", "can't allocate memory")


@dataclass(frozen=True)
class BatchSize:
    """How many rows a process has in memory at once: those of an update, taken in so many steps; `row` is about what one takes, in bytes."""

    rows: int
    steps: int
    row: int
    processes: int = 1

    @property
    def at_once(self) -> int:
        """The rows of one step."""
        return -(-self.rows // (self.steps * self.processes))


@contextmanager
def located(size: BatchSize | None, where: str) -> Iterator[None]:
    """StageError MLS810 at the batch where memory does not hold its rows, with one of half as many; without a size at the network."""
    import torch

    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise too_large(size, where, str(error)) from error
    except RuntimeError as error:
        if not any(text in str(error) for text in _CPU_ALLOCATOR):
            raise
        raise too_large(size, where, str(error)) from error


def too_large(size: BatchSize | None, where: str, said: str) -> StageError:
    found = said.strip().partition("\n")[0][:200] or "out of memory"
    if size is None:
        return StageError(
            "MLS810", f"the network of `{where}` does not fit into memory", f"{where}.network", expected="memory for its weights and the rows",
            found=found, help="make the network smaller, or give it more `memory`",
        )  # fmt: skip
    half = 1 << max(0, (size.at_once // 2).bit_length() - 1)
    steps = -(-size.rows // (half * size.processes))
    about = size.at_once * size.row / 1024**2
    smaller = half * size.processes
    if size.at_once == 1:
        wanted, help = "memory for one row", "give it more memory, or make the network smaller"
    else:
        wanted = f"memory for {size.at_once:,} rows at once, about {about:,.0f} MiB beside the weights"
        help = (
            f"take {half:,} rows at once: with `gradient_accumulation = {steps}` an update is the same up to rounding, but for a batch norm; "
            f"or a smaller `global_batch = {smaller}`, or more `memory`"
        )
    return StageError(
        "MLS810", f"a batch of {size.rows:,} rows of `{where}` does not fit into memory", f"{where}.global_batch", expected=wanted,
        found=found, help=help,
    )  # fmt: skip
