"""Out of memory while TensorFlow trains: where, and which batch would fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlspec.runtime.deep.memory import BatchSize, too_large


@contextmanager
def located(size: BatchSize | None, where: str) -> Iterator[None]:
    """StageError MLS810 at the batch where memory does not hold its rows; without a size at the network."""
    import tensorflow as tf

    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise too_large(size, where, _said(str(error))) from error


def _said(text: str) -> str:
    """The line of TensorFlow's message that speaks of memory; around it stands where in the graph that was."""
    return next((line for line in text.splitlines() if "OOM" in line), text)
