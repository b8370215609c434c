"""Magnitude pruning of a graph with convolutions: weights of filters and matrices become zero, or whole channels go.

As in tables a weight counts as much as it can move what comes out, its size times the spread of what it multiplies, and what goes is
taken over by least squares: by what the same filter sees beside it and by its bias, on drawn patches. Of a patch of very many numbers
only the mean is taken over, by the bias. At the margin, where a filter multiplies zeros, that mean is too large or too small; the
patches of the margin are among the drawn ones, so it is right on average and not at each place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.channels import Channels, channels_of
from mlspec.runtime.compress.flows import flows_into, shapes_of
from mlspec.runtime.compress.layers import Layer, add_to_outputs, layers_of, matrices, node_of, put_matrices, separate
from mlspec.runtime.compress.least_squares import column_by_column, lowest, taken_over
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats

_WIDEST = 640  # numbers of a patch up to which a least squares is solved: 3 by 3 places of 64 channels are 576
_INSTEAD = "say `structured: false`, which sets single weights to zero, or train a network without it"


def prune(graph: Any, config: Mapping[str, Any], matrix: Floats, where: str) -> None:
    """Make the graph sparser, or smaller. What flows is what flows in the unpruned graph."""
    separate(graph)
    shapes, share = shapes_of(graph, matrix), float(config["sparsity"])
    if config["structured"]:
        found = channels_of(graph, shapes)
        _refuse_held(found, where)
        read = list(dict.fromkeys(layer for each in found for layer, _ in each.readers))
        _thin(graph, found, flows_into(graph, read, shapes, matrix), shapes, share)
        graphs.drop_unread(graph)
        return
    layers = layers_of(graph)
    flows = flows_into(graph, layers, shapes, matrix)
    for layer in layers:
        _zeros(graph, layer, flows[layer.output].astype(np.float64), share)


def _zeros(graph: Any, layer: Layer, flow: Floats, share: float) -> None:
    """Zeros in the place of the least weights of a layer."""
    weight = matrices(graph, layer)
    gone = np.zeros(weight.size, dtype=bool)
    gone[lowest(np.abs(weight) * flow.std(axis=0)[:, :, None], share)] = True
    parts = zip(weight, gone.reshape(weight.shape), np.moveaxis(flow, 1, 0), strict=True)
    left = np.stack([column_by_column(seen, part, out, _WIDEST) for part, out, seen in parts])
    put_matrices(graph, layer, left)
    add_to_outputs(graph, layer, np.einsum("gi,gio->go", flow.mean(axis=0), weight - left).reshape(-1))


def _refuse_held(found: Sequence[Channels], where: str) -> None:
    """StageError MLS209 where channels cannot go: what mixes them, or puts them into another order, lies behind them."""
    held = next((each.held for each in found if each.held is not None), None)
    if held is not None or not found:
        raise StageError(
            "MLS209", "channels of this network cannot go one by one", where, help=_INSTEAD,
            expected="convolutions in one group or depthwise, norms and functions channel by channel, pooling, sums of such",
            found=f"`{held}` behind a layer's channels" if held else "one layer, whose outputs are the answers",
        )  # fmt: skip


def _thin(graph: Any, found: Sequence[Channels], flows: Mapping[str, Floats], shapes: Any, share: float) -> None:
    """Every group of channels loses its least important ones: first what makes and passes them, then what reads them."""
    kept = [_kept(graph, each, flows, share) for each in found]
    for each, stays in zip(found, kept, strict=True):
        _narrow(graph, each, stays, shapes)
    for each, stays in zip(found, kept, strict=True):
        for layer, block in each.readers:
            _read_less(
                graph, layer, flows[layer.output][:, 0].astype(np.float64), _spread(stays, block * _kernel(graph, layer))
            )


def _kept(graph: Any, channels: Channels, flows: Mapping[str, Floats], share: float) -> Any:
    """The places of those that stay; a channel counts for each of its readers as much as the others do for it."""
    importance = np.zeros(channels.size)
    for layer, _ in channels.readers:
        moved = np.abs(matrices(graph, layer)[0]).sum(axis=1) * flows[layer.output][:, 0].astype(np.float64).std(axis=0)
        by_channel = moved.reshape(channels.size, -1).sum(axis=1)
        importance += by_channel / (by_channel.mean() or 1.0)
    gone = lowest(importance, min(share, 1.0 - 1.0 / channels.size))
    return np.setdiff1d(np.arange(channels.size), gone)


def _narrow(graph: Any, channels: Channels, kept: Any, shapes: Any) -> None:
    """Only the channels that stay are made and passed on."""
    from onnx import helper

    for layer in channels.makers:
        put_matrices(graph, layer, matrices(graph, layer)[:, :, kept])
        node = node_of(graph, layer)
        if layer.operator != "MatMul" and len(node.input) > 2 and node.input[2]:
            graphs.put(graph, node.input[2], graphs.constant(graph, node.input[2])[..., kept])
    for name, axis, block in channels.constants:
        graphs.put(graph, name, graphs.constant(graph, name).take(_spread(kept, block), axis=axis))
    for layer in channels.depthwise:
        group = next(each for each in node_of(graph, layer).attribute if each.name == "group")
        group.CopyFrom(helper.make_attribute("group", len(kept)))
    for output, block in channels.reshaped:
        node = next(each for each in graph.graph.node if output in each.output)
        node.input[1] = f"{output}.shape"
        graphs.put(graph, node.input[1], np.array([-1, len(kept) * block, *shapes[output][2:]], dtype=np.int64))


def _read_less(graph: Any, layer: Layer, flow: Floats, kept: Any) -> None:
    """A layer without the inputs that are gone; the others and its bias take them over."""
    weight = matrices(graph, layer)[0]
    gone = np.setdiff1d(np.arange(len(weight)), kept)
    if len(weight) > _WIDEST:
        more, shift = np.zeros((1, 1)), flow.mean(axis=0)[gone] @ weight[gone]
    else:
        more, shift = taken_over(flow, weight, gone, kept)
    put_matrices(graph, layer, (weight[kept] + more)[None])
    add_to_outputs(graph, layer, shift)


def _kernel(graph: Any, layer: Layer) -> int:
    """How many numbers of a patch are of one input channel."""
    shape = graphs.constant(graph, node_of(graph, layer).input[1]).shape
    return int(np.prod(shape[2:])) if layer.operator == "Conv" else 1


def _spread(kept: Any, block: int) -> Any:
    """The places of numbers of which each channel has so many, side by side."""
    return (kept[:, None] * block + np.arange(block)).reshape(-1)
