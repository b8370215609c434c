"""What flows through a graph with convolutions: the shape of every value, and drawn patches of what each layer multiplies.

A picture has thousands of places at which a filter looks, so patches are drawn from all of them: of all rows and places alike, those
at the margin too, with the zeros beyond it, since these are multiplied as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.layers import Layer, attribute, groups_of, node_of
from mlspec.runtime.transform.columns import Floats

Shapes = Mapping[str, tuple[int, ...]]

_PATCHES = 1 << 14
_NUMBERS = 1 << 22  # of the patches of one layer, and of what is computed at once
_ROWS_OF_SHAPES = 3


@dataclass(frozen=True)
class Window:
    """Where the filters of a convolution look: top and left of the margin, and for the other fields first down, then across."""

    margin: tuple[int, int, int, int]
    step: tuple[int, int]
    size: tuple[int, int]
    spread: tuple[int, int]


def shapes_of(graph: Any, matrix: Floats) -> dict[str, tuple[int, ...]]:
    """The shape of every value of a graph, for three rows."""
    names = list(dict.fromkeys(str(name) for node in graph.graph.node for name in node.output if name))
    session = graphs.probe(graph, names)
    rows = graphs.rows_for(session, np.resize(matrix, (_ROWS_OF_SHAPES, matrix.shape[1])))
    entry = session.get_inputs()[0].name
    return {entry: rows.shape} | {
        name: np.shape(found) for name, found in zip(names, session.run(names, {entry: rows}), strict=True)
    }


def flows_into(graph: Any, layers: Sequence[Layer], shapes: Shapes, matrix: Floats) -> dict[str, Floats]:
    """By the output of each layer: (patches, groups, numbers of a patch), of these rows."""
    names = list(dict.fromkeys(layer.source for layer in layers))
    session = graphs.probe(graph, names)
    entry, rows = session.get_inputs()[0].name, graphs.rows_for(session, matrix)
    drawn = {layer.output: _drawn(graph, layer, shapes, len(rows)) for layer in layers}
    step = max(1, _NUMBERS * _ROWS_OF_SHAPES // sum(int(np.prod(shape)) for shape in shapes.values()))
    found: dict[str, list[Any]] = {layer.output: [] for layer in layers}
    wanted = [name for name in names if name != entry]
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        values = {entry: some, **dict(zip(wanted, session.run(wanted, {entry: some}) if wanted else (), strict=True))}
        for layer in layers:
            at, place = drawn[layer.output]
            inside = (at >= start) & (at < start + len(some))
            found[layer.output].append(_patches(graph, layer, values[layer.source], at[inside] - start, place[inside]))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _drawn(graph: Any, layer: Layer, shapes: Shapes, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows and places whose patches are looked at, the same ones every time."""
    places = int(np.prod(_outlook(layer, shapes)))
    count = min(_PATCHES, rows * places, max(1, _NUMBERS // _width(graph, layer, shapes)))
    chosen = np.sort(np.random.Generator(np.random.PCG64(0)).choice(rows * places, size=count, replace=False))
    return chosen // places, chosen % places


def _outlook(layer: Layer, shapes: Shapes) -> tuple[int, ...]:
    """How many places of a row a layer looks at, down and across."""
    shape = shapes[layer.output]
    return shape[2:] if layer.operator == "Conv" else shape[1:-1]


def _width(graph: Any, layer: Layer, shapes: Shapes) -> int:
    """How many numbers a patch has in all groups."""
    if layer.operator != "Conv":
        return shapes[layer.source][-1]
    return int(np.prod(graphs.constant(graph, node_of(graph, layer).input[1]).shape[1:])) * groups_of(graph, layer)


def _patches(graph: Any, layer: Layer, values: Any, rows: Any, places: Any) -> Floats:
    if layer.operator != "Conv":
        width = values.shape[-1]
        return np.asarray(values.reshape(len(values), -1, width)[rows, places][:, None, :])
    window = window_of(
        node_of(graph, layer), values.shape[2:], graphs.constant(graph, node_of(graph, layer).input[1]).shape[2:]
    )
    top, left, bottom, right = window.margin
    padded = np.pad(values, ((0, 0), (0, 0), (top, bottom), (left, right)))
    across = 1 + (padded.shape[3] - window.spread[1] * (window.size[1] - 1) - 1) // window.step[1]
    down_at = (places // across)[:, None] * window.step[0] + np.arange(window.size[0]) * window.spread[0]
    across_at = (places % across)[:, None] * window.step[1] + np.arange(window.size[1]) * window.spread[1]
    seen = padded[rows[:, None, None], :, down_at[:, :, None], across_at[:, None, :]]  # (patches, down, across, channels)
    return np.ascontiguousarray(seen.transpose(0, 3, 1, 2)).reshape(len(rows), groups_of(graph, layer), -1)


def window_of(node: Any, shape: Sequence[int], kernel: Sequence[int]) -> Window:
    """The window of a convolution over values of this height and width."""
    step, spread = _two(attribute(node, "strides", (1, 1))), _two(attribute(node, "dilations", (1, 1)))
    pads, way = attribute(node, "pads", (0, 0, 0, 0)), bytes(attribute(node, "auto_pad", b"NOTSET")).decode()
    if way.startswith("SAME"):
        whole = [
            max(0, (-(-size // stride) - 1) * stride + wide * (side - 1) + 1 - size)
            for size, stride, wide, side in zip(shape, step, spread, kernel, strict=True)
        ]
        less, more = [each // 2 for each in whole], [each - each // 2 for each in whole]
        pads = (*less, *more) if way == "SAME_UPPER" else (*more, *less)
    top, left, bottom, right = (int(each) for each in pads)
    return Window((top, left, bottom, right), step, _two(kernel), spread)


def _two(sizes: Sequence[int]) -> tuple[int, int]:
    down, across = sizes
    return int(down), int(across)
