"""The loss of each task: cross entropy of classes, squared error of numbers, averaged over the rows of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Loss = Callable[[Any, Any], Any]


def loss_of(task: str, weights: Sequence[float] | None, device: str) -> Loss:
    """A function of (outputs, labels); with class weights each row counts as much as its class does."""
    import torch
    from torch.nn import functional

    if task == "regression":
        return lambda outputs, labels: functional.mse_loss(outputs[:, 0], labels)
    if weights is None:
        if task == "binary":
            return lambda outputs, labels: functional.binary_cross_entropy_with_logits(outputs[:, 0], labels)
        return functional.cross_entropy
    known = torch.tensor(weights, dtype=torch.float32, device=device)
    if task == "binary":
        return lambda outputs, labels: functional.binary_cross_entropy_with_logits(
            outputs[:, 0], labels, weight=known[labels.long()]
        )
    return lambda outputs, labels: (functional.cross_entropy(outputs, labels, reduction="none") * known[labels]).mean()
