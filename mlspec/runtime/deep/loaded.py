"""Examples that threads make while the device computes: pictures that are changed by chance, or too many to hold as numbers.

A batch is made of what its rows, their epoch and the seed say, so it is the same whoever makes it and when; a training that goes on in the
midst of an epoch asks for the rest of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.deep.device import GPU
from mlspec.runtime.image.augment import Change, random_of
from mlspec.runtime.image.pixels import Pixels, numbers_of


class LoadedPictures:
    """Pixels of n rows with their labels; `ahead` batches are being made or wait."""

    rows_on = "cpu"

    def __init__(
        self, pixels: Pixels, labels: Any, change: Change | None, seed: Callable[[int], int], device: str, workers: int
    ) -> None:
        self._pixels, self._labels, self._change, self._seed, self._device = pixels, labels, change, seed, device
        self._workers = max(1, workers)
        self._pool: ThreadPoolExecutor | None = None
        self._coming: Iterator[Any] = iter(())
        self._waiting: deque[tuple[Any, Future[Any]]] = deque()
        self._epoch_seed = 0

    def __len__(self) -> int:
        return len(self._pixels)

    def begin(self, epoch: int, coming: Iterable[Any]) -> None:
        """Make the first batches; the others follow as these are taken."""
        self._forget()
        self._epoch_seed = self._seed(epoch)
        self._coming = iter(coming)
        self._pool = self._pool or ThreadPoolExecutor(self._workers, thread_name_prefix="loader")
        for _ in range(2 * self._workers):
            self._ask()

    def take(self, rows: Any) -> tuple[Any, Any]:
        """The next batch; it is the one that was said to come."""
        expected, made = self._waiting.popleft()
        if not np.array_equal(expected.numpy(), rows.numpy()):
            raise AssertionError("a batch is asked for that was not said to come")
        inputs = made.result()
        self._ask()
        labels = self._labels.index_select(0, rows)
        if self._device == GPU:
            return inputs.pin_memory().to(self._device, non_blocking=True), labels.to(self._device, non_blocking=True)
        return inputs, labels

    def close(self) -> None:
        """Let go of what was made ahead, and of the threads."""
        self._forget()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _forget(self) -> None:
        for _, made in self._waiting:
            made.cancel()
        self._waiting.clear()

    def _ask(self) -> None:
        rows = next(self._coming, None)
        if rows is not None and self._pool is not None:
            self._waiting.append((rows, self._pool.submit(self._make, rows.numpy(), self._epoch_seed)))

    def _make(self, rows: NDArray[np.int64], seed: int) -> Any:
        import torch

        raw = self._pixels.bytes_at(rows)
        if self._change is not None:
            shape = self._pixels.shape
            changed = [self._change(one.reshape(shape), random_of(seed, int(row))) for one, row in zip(raw, rows, strict=True)]
            raw = np.stack([one.reshape(-1) for one in changed])
        return torch.from_numpy(numbers_of(raw, self._pixels.shape, self._pixels.by).astype(np.float32))
