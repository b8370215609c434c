"""Gradient descent for what a step trains: in batches whose order the seed alone decides, on the CPU, with sums that come out equal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.deep.course import batches
from mlspec.runtime.deep.device import CPU, settled
from mlspec.runtime.deep.examples import Examples
from mlspec.runtime.deep.optimisers import optimiser_of
from mlspec.runtime.errors import StageError


@dataclass(frozen=True)
class Settings:
    """How a network of a `train` block is trained, as far as a step goes on in the same way."""

    optimiser: Mapping[str, Any]
    batch: int
    threads: int
    epochs: int
    seed: Callable[[int], int]
    where: str
    progress: Callable[[int, int], None]


def learn(forward: Callable[[Any], Any], weights: Sequence[Any], examples: Examples, loss: Any, settings: Settings) -> None:
    """Change the weights so that the loss of `forward(rows)` against the labels gets less; StageError MLS814 where it has no value."""
    try:
        _learn(forward, weights, examples, loss, settings)
    finally:
        examples.close()


def _learn(forward: Callable[[Any], Any], weights: Sequence[Any], examples: Examples, loss: Any, settings: Settings) -> None:
    """The same, of examples that somebody else closes."""
    import torch

    with settled(settings.threads, "fp32", CPU):
        optimiser = optimiser_of(settings.optimiser, weights)
        bounds = batches(len(examples), settings.batch)
        for epoch in range(1, settings.epochs + 1):
            torch.manual_seed(settings.seed(epoch))
            order = torch.from_numpy(np.random.Generator(np.random.PCG64(settings.seed(epoch))).permutation(len(examples)))
            total = torch.zeros((), dtype=torch.float64)
            coming = [order[start:end] for start, end in bounds]
            examples.begin(epoch, coming)
            for some in coming:
                optimiser.zero_grad(set_to_none=True)
                rows, labels = examples.take(some)
                found = loss(forward(rows), labels)
                found.backward()
                optimiser.step()
                total.add_(found.detach(), alpha=len(some))
            _refuse_infinite(float(total), epoch, settings)
            settings.progress(epoch, settings.epochs)


def _refuse_infinite(total: float, epoch: int, settings: Settings) -> None:
    if not math.isfinite(total):
        raise StageError(
            "MLS814", f"the loss is no finite number in epoch {epoch}", settings.where, expected="a finite loss", found=str(total),
            help="lower the learning rate of the `train` block, or prune less",
        )  # fmt: skip
