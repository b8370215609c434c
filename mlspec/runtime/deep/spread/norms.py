"""Batch norms of a training in several processes: mean and variance are those of all rows of a step, wherever they are learned from.

torch has the like for GPUs alone (SyncBatchNorm), as a layer of its own. Here the layers stay what they are, those of libraries too: only what
they ask torch for while they train is answered from the rows of all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any


def share_norms(network: Any, rank: int, size: int) -> None:
    """Let every batch norm of a network, while it trains, normalise by the rows of all processes."""
    from torch.nn.modules.batchnorm import _BatchNorm

    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.forward = partial(_forward, layer, layer.forward, rank, size)  # type: ignore[method-assign]


def _forward(layer: Any, alone: Callable[[Any], Any], rank: int, size: int, rows: Any) -> Any:
    """What the layer makes of its rows; one that does not train asks nobody, since the first process judges by itself."""
    if not layer.training:
        return alone(rows)
    with _answering()(rank, size):
        return alone(rows)


@cache
def _answering() -> Any:
    from torch.nn.functional import batch_norm
    from torch.overrides import TorchFunctionMode

    class Answering(TorchFunctionMode):
        """Answers `batch_norm` for all processes, and leaves the rest to torch."""

        def __init__(self, rank: int, size: int) -> None:
            super().__init__()
            self._rank, self._size = rank, size

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is batch_norm:
                return _normed(self._rank, self._size, *args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    return Answering


def _normed(
    rank: int,
    size: int,
    rows: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """Rows less the mean of all, by the standard deviation of all; the running averages take in both, as torch's do."""
    import torch

    assert training, "a layer that trains normalises by its rows"
    mean, variance, total = _of_all(rank, size, rows.float())
    if running_mean is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((variance * (total / (total - 1))).to(running_var.dtype), momentum)
    factor = (variance + eps).rsqrt().float()
    if weight is not None:
        factor = factor * weight.float()
    shape = (1, -1, *(1,) * (rows.dim() - 2))
    found = (rows.float() - mean.float().view(shape)) * factor.view(shape)
    return (found if bias is None else found + bias.float().view(shape)).to(rows.dtype)


def _of_all(rank: int, size: int, rows: Any) -> tuple[Any, Any, Any]:
    """Mean and variance of each channel over the rows of all processes, in doubles, and how many numbers each is of.

    Every process has a place of its own in one sum, and all put the places together in the same order: so all have the same bits.
    """
    import torch

    variance, mean = torch.var_mean(rows, [0, *range(2, rows.dim())], correction=0)
    mine = torch.stack([mean, variance, torch.full_like(mean, rows.numel() // rows.shape[1])]).double()
    none = torch.zeros_like(mine)
    means, variances, counts = (
        _summed().apply(torch.stack([mine if place == rank else none for place in range(size)])).unbind(1)
    )
    total = counts.sum(0)
    overall = (means * counts).sum(0) / total
    return overall, ((variances + (means - overall) ** 2) * counts).sum(0) / total, total


@cache
def _summed() -> Any:
    """The sum over all processes, through which gradients flow: each process's loss depends on the rows of all."""
    from torch import distributed
    from torch.autograd import Function

    class Summed(Function):
        @staticmethod
        def forward(ctx: Any, tensor: Any) -> Any:
            found = tensor.clone()
            distributed.all_reduce(found)
            return found

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            found = gradients[0].clone()
            distributed.all_reduce(found)
            return found

    return Summed
