"""The operators of ONNX graphs as torch functions, for training that goes on through a package's graph.

Each is given its node and the values of its inputs. Everything is computed in the precision of training, so casts change nothing; what
normalises by moments of the training normalises by these still.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.compress.flows import window_of
from mlspec.runtime.compress.layers import attribute

Operator = Callable[..., Any]


def operators() -> Mapping[str, Operator]:
    """Those that are known, by their names in a graph."""
    import torch
    from torch.nn import functional

    return {
        "MatMul": lambda node, a, b: a @ b,
        "Add": lambda node, a, b: a + b,
        "Sub": lambda node, a, b: a - b,
        "Mul": lambda node, a, b: a * b,
        "Div": lambda node, a, b: a / b,
        "Pow": lambda node, a, b: a**b,
        "Sqrt": lambda node, a: torch.sqrt(a),
        "Erf": lambda node, a: torch.erf(a),
        "Relu": lambda node, a: torch.relu(a),
        "Tanh": lambda node, a: torch.tanh(a),
        "Sigmoid": lambda node, a: torch.sigmoid(a),
        "HardSigmoid": lambda node, a: torch.clamp(attribute(node, "alpha", 0.2) * a + attribute(node, "beta", 0.5), 0.0, 1.0),
        "HardSwish": lambda node, a: a * torch.clamp(a / 6.0 + 0.5, 0.0, 1.0),
        "LeakyRelu": lambda node, a: functional.leaky_relu(a, attribute(node, "alpha", 0.01)),
        "Clip": lambda node, a, low=None, high=None: a if low is None and high is None else torch.clamp(a, low, high),
        "Identity": lambda node, a: a,
        "Cast": lambda node, a: a,
        "Gather": lambda node, a, places: a.index_select(1, places),
        "ReduceMean": _mean,
        "Reshape": lambda node, a, shape: a.reshape(_shape(a, shape)),
        "Flatten": lambda node, a: a.flatten(int(attribute(node, "axis", 1))),
        "Gemm": _gemm,
        "Conv": _convolution,
        "MaxPool": _pool,
        "AveragePool": _pool,
        "GlobalAveragePool": lambda node, a: a.mean(dim=(2, 3), keepdim=True),
        "BatchNormalization": _norm,
        "LayerNormalization": _layer_norm,
        "Softmax": lambda node, a: torch.softmax(a, int(attribute(node, "axis", -1))),
        "Transpose": lambda node, a: a.permute(*attribute(node, "perm", tuple(reversed(range(a.dim()))))),
    }


def is_known(node: Any, known: Mapping[str, Operator]) -> bool:
    """Whether there is a function for a node, with what it asks of it."""
    if node.op_type == "Gather":
        return int(attribute(node, "axis", 0)) == 1
    if node.op_type in ("AveragePool", "MaxPool"):
        pads, way = list(attribute(node, "pads", ())), attribute(node, "auto_pad", b"NOTSET")
        even = way in (b"NOTSET", b"VALID") and pads[: len(pads) // 2] == pads[len(pads) // 2 :]
        padded = node.op_type == "MaxPool" and not int(attribute(node, "ceil_mode", 0))
        return len(node.output) == 1 and (even or padded)
    return node.op_type in known


def _mean(node: Any, a: Any, axes: Any) -> Any:
    return a.mean(dim=[int(axis) for axis in axes], keepdim=bool(attribute(node, "keepdims", 1)))


def _shape(a: Any, shape: Any) -> list[int]:
    """Sides of a value; 0 is a side as it was."""
    return [int(side) or a.shape[place] for place, side in enumerate(shape)]


def _gemm(node: Any, a: Any, b: Any, c: Any = None) -> Any:
    found = (a.t() if attribute(node, "transA", 0) else a) @ (b.t() if attribute(node, "transB", 0) else b)
    found = found * attribute(node, "alpha", 1.0)
    return found if c is None else found + c * attribute(node, "beta", 1.0)


def _convolution(node: Any, a: Any, weight: Any, bias: Any = None) -> Any:
    from torch.nn import functional

    window = window_of(node, a.shape[2:], weight.shape[2:])
    groups = int(attribute(node, "group", 1))
    return functional.conv2d(_around(a, window.margin, 0.0), weight, bias, window.step, 0, window.spread, groups)


def _pool(node: Any, a: Any) -> Any:
    """The greatest number, or the mean, of each window."""
    from torch.nn import functional

    window = window_of(node, a.shape[2:], attribute(node, "kernel_shape", ()))
    top, left, bottom, right = window.margin
    margin = (top, left) if (top, left) == (bottom, right) else None
    a = a if margin is not None else _around(a, window.margin, float("-inf"))
    whole = bool(attribute(node, "ceil_mode", 0))
    if node.op_type == "AveragePool":
        counted = bool(attribute(node, "count_include_pad", 0))
        return functional.avg_pool2d(a, window.size, window.step, margin or 0, whole, counted)
    return functional.max_pool2d(a, window.size, window.step, margin or 0, window.spread, whole)


def _around(a: Any, margin: Sequence[int], value: float) -> Any:
    """A value with lines and columns around it."""
    from torch.nn import functional

    top, left, bottom, right = margin
    return functional.pad(a, (left, right, top, bottom), value=value) if any(margin) else a


def _norm(node: Any, a: Any, scale: Any, base: Any, mean: Any, variance: Any) -> Any:
    """A batch norm by the moments that were learned."""
    import torch

    along = (1, -1, *(1,) * (a.dim() - 2))
    factor = scale / torch.sqrt(variance + attribute(node, "epsilon", 1e-5))
    return a * factor.reshape(along) + (base - mean * factor).reshape(along)


def _layer_norm(node: Any, a: Any, scale: Any, base: Any = None) -> Any:
    """Mean 0 and variance 1 along the last axes."""
    from torch.nn import functional

    shape = a.shape[int(attribute(node, "axis", -1)) :]
    return functional.layer_norm(a, shape, scale, base, attribute(node, "epsilon", 1e-5))
