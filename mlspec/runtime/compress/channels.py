"""Which channels of a graph are the same ones: everything that has to go when one of them goes.

A channel begins where a layer makes it, passes what treats channels one by one (functions of one number, norms, pooling, depthwise
filters, constants for each channel), and ends where a layer reads it. Where two values are added or multiplied channel by channel, as
in a residual sum, their channels are the same: a channel goes from all layers that make it at once, or from none. What mixes
channels in another way, or puts them into another order, holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlspec.runtime.compress import graphs
from mlspec.runtime.compress.flows import Shapes
from mlspec.runtime.compress.layers import Layer, attribute, layers_of


@dataclass
class Channels:
    """`constants` are (name, axis, numbers a channel); `held` is the operator that holds them, `ends` says that they are the answers."""

    size: int
    makers: list[Layer] = field(default_factory=list)
    readers: list[tuple[Layer, int]] = field(default_factory=list)
    constants: list[tuple[str, int, int]] = field(default_factory=list)
    reshaped: list[tuple[str, int]] = field(default_factory=list)
    depthwise: list[Layer] = field(default_factory=list)
    held: str | None = None
    ends: bool = False


@dataclass(frozen=True)
class Mark:
    """That the second axis of a value is channels: which ones, and how many numbers each has there."""

    channels: int
    block: int


_PASS = frozenset((
    "AveragePool", "Cast", "Clip", "Dropout", "Elu", "Erf", "Exp", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity",
    "LeakyRelu", "MaxPool", "Mish", "Neg", "Relu", "Sigmoid", "Softplus", "Sqrt", "Tanh",
))  # fmt: skip
_TOGETHER = frozenset(("Add", "Div", "Max", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum"))
_SHAPED = frozenset(("Flatten", "Reshape", "Squeeze", "Unsqueeze"))


def channels_of(graph: Any, shapes: Shapes) -> list[Channels]:
    """Those that a layer makes and another reads, in the order in which rows pass them."""
    walk = _Walk(graph, shapes)
    for node in graph.graph.node:
        walk.visit(node)
    walk.see_ends()
    return [each for each in walk.whole() if each.makers and not each.ends]


class _Walk:
    """One pass over the nodes of a graph; `self._of` are the channels by number, `self._joined` what became of each number."""

    def __init__(self, graph: Any, shapes: Shapes) -> None:
        self._graph, self._shapes = graph, shapes
        self._constants = {str(each.name): tuple(each.dims) for each in graph.graph.initializer}
        self._layers = {layer.output: layer for layer in layers_of(graph)}
        self._of: list[Channels] = []
        self._joined: list[int] = []
        self._marks: dict[str, Mark] = {}

    def visit(self, node: Any) -> None:
        """What a node does to the channels that flow into it."""
        layer = self._layers.get(str(node.output[0]))
        if layer is not None:
            self._layer(node, layer)
        else:
            _RULES.get(node.op_type, _Walk._hold)(self, node)

    def see_ends(self) -> None:
        """Mark the channels that are answered: those of every value from which no layer lies between it and the outputs."""
        made = {str(name): node for node in self._graph.graph.node for name in node.output}
        pending, seen = [str(each.name) for each in self._graph.graph.output], set[str]()
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            if (mark := self._marks.get(name)) is not None:
                self._at(mark).ends = True
            if name in made and name not in self._layers:
                pending += [str(each) for each in made[name].input if each]

    def whole(self) -> list[Channels]:
        """The channels, each once."""
        return [each for place, each in enumerate(self._of) if self._joined[place] == place]

    def _at(self, mark: Mark) -> Channels:
        return self._of[self._root(mark.channels)]

    def _root(self, place: int) -> int:
        while self._joined[place] != place:
            place = self._joined[place]
        return place

    def _new(self, size: int) -> Mark:
        self._of.append(Channels(size))
        self._joined.append(len(self._joined))
        return Mark(len(self._of) - 1, 1)

    def _join(self, first: Mark, second: Mark) -> None:
        """Two values have the same channels from here on."""
        one, other = sorted((self._root(first.channels), self._root(second.channels)))
        if one == other:
            return
        into, gone = self._of[one], self._of[other]
        for name in ("makers", "readers", "constants", "reshaped", "depthwise"):
            getattr(into, name).extend(getattr(gone, name))
        into.held, into.ends = into.held or gone.held, into.ends or gone.ends
        self._joined[other] = one

    def _marked(self, node: Any) -> list[tuple[str, Mark]]:
        return [(str(name), self._marks[name]) for name in node.input if name in self._marks]

    def _hold(self, node: Any) -> None:
        """A node of which nothing is known holds what flows into it."""
        for _, mark in self._marked(node):
            self._at(mark).held = self._at(mark).held or str(node.op_type)

    def _pass(self, node: Any) -> None:
        mark = self._marks.get(str(node.input[0]))
        if mark is not None:
            self._marks[str(node.output[0])] = mark

    def _layer(self, node: Any, layer: Layer) -> None:
        """A layer reads channels and makes others; depthwise filters have one channel each."""
        mark = self._marks.get(layer.source)
        outputs = self._shapes[layer.output][1]
        groups = int(attribute(node, "group", 1)) if layer.operator == "Conv" else 1
        if groups > 1 and mark is not None and groups == outputs == self._at(mark).size and mark.block == 1:
            self._at(mark).depthwise.append(layer)
            self._at(mark).constants += [(str(name), 0, 1) for name in node.input[1:] if name]
            self._marks[layer.output] = mark
            return
        plain = groups == 1 and (layer.operator == "Conv" or len(self._shapes[layer.source]) == 2)
        self._marks[layer.output] = made = self._new(outputs if plain else self._shapes[layer.output][-1])
        self._at(made).makers.append(layer)
        if mark is not None:
            self._at(mark).readers.append((layer, mark.block))
        if not plain:
            what = f"{node.op_type} in {groups} groups" if groups > 1 else f"{node.op_type} of every place"
            for each in (made, mark):
                if each is not None:
                    self._at(each).held = what

    def _norm(self, node: Any) -> None:
        """A batch norm has four constants for each channel."""
        mark = self._marks.get(str(node.input[0]))
        if mark is None:
            return
        if mark.block != 1 or any(name not in self._constants for name in node.input[1:]):
            self._hold(node)
            return
        self._at(mark).constants += [(str(name), 0, 1) for name in node.input[1:]]
        self._marks[str(node.output[0])] = mark

    def _together(self, node: Any) -> None:
        """Number by number: constants for each channel go with it, and channels of two values become the same."""
        marked, shape = self._marked(node), self._shapes[str(node.output[0])]
        wide = [(name, mark) for name, mark in marked if self._spans(self._shapes[name], shape)]
        if not wide:
            return
        first = wide[0][1]
        if any(mark.block != first.block for _, mark in wide) or len(wide) != len(marked) or self._strangers(node, shape):
            self._hold(node)
            return
        for _, mark in wide[1:]:
            self._join(first, mark)
        for name in node.input:
            axis = len(self._constants.get(name, ())) - len(shape) + 1
            if name in self._constants and axis >= 0 and self._constants[name][axis] == shape[1] > 1:
                self._at(first).constants.append((str(name), axis, first.block))
        self._marks[str(node.output[0])] = first

    def _spans(self, shape: Sequence[int], whole: Sequence[int]) -> bool:
        """Whether a value has the channels of what it is computed with, and not one number for all of them."""
        return len(shape) == len(whole) and shape[1] == whole[1]

    def _strangers(self, node: Any, shape: Sequence[int]) -> bool:
        """Whether something without known channels comes in that is as wide as they are."""
        others = [name for name in node.input if name and name not in self._marks and name not in self._constants]
        return any(len(self._shapes[name]) >= len(shape) and self._shapes[name][1] == shape[1] > 1 for name in others)

    def _reduce(self, node: Any) -> None:
        """A mean, a sum or the like over lines and columns."""
        mark = self._marks.get(str(node.input[0]))
        if mark is None:
            return
        axes = self._axes(node)
        rank = len(self._shapes[str(node.input[0])])
        if axes is None or not {int(axis) % rank for axis in axes}.isdisjoint((0, 1)):
            self._hold(node)
            return
        self._marks[str(node.output[0])] = mark

    def _axes(self, node: Any) -> Any:
        given = attribute(node, "axes", None)
        if given is not None or len(node.input) < 2:
            return given
        return graphs.constant(self._graph, node.input[1]) if node.input[1] in self._constants else None

    def _shape(self, node: Any) -> None:
        """Another shape of the same numbers: a channel's numbers stay side by side on the second axis, or behind it."""
        mark = self._marks.get(str(node.input[0]))
        if mark is None:
            return
        before, after = self._shapes[str(node.input[0])], self._shapes[str(node.output[0])]
        if len(after) < 2 or before[0] != after[0] or after[1] % (before[1] or 1):
            self._hold(node)
            return
        found = Mark(mark.channels, mark.block * (after[1] // before[1]))
        if node.op_type == "Reshape":
            self._at(mark).reshaped.append((str(node.output[0]), found.block))
        self._marks[str(node.output[0])] = found

    def _pad(self, node: Any) -> None:
        """A margin around lines and columns."""
        mark = self._marks.get(str(node.input[0]))
        if mark is None:
            return
        rank = len(self._shapes[str(node.input[0])])
        pads = graphs.constant(self._graph, node.input[1]) if node.input[1] in self._constants else None
        if pads is None or len(pads) != 2 * rank or np.any(pads[[0, 1, rank, rank + 1]]):
            self._hold(node)
            return
        self._marks[str(node.output[0])] = mark

    def _look(self, node: Any) -> None:
        """Asking how many rows there are changes nothing; asking for more than that holds what is asked about."""
        if int(attribute(node, "start", 0)) != 0 or int(attribute(node, "end", -1)) != 1:
            self._hold(node)


_RULES: Mapping[str, Callable[[_Walk, Any], None]] = {
    **dict.fromkeys(_PASS, _Walk._pass), **dict.fromkeys(_TOGETHER, _Walk._together), **dict.fromkeys(_SHAPED, _Walk._shape),
    **{f"Reduce{name}": _Walk._reduce for name in ("Max", "Mean", "Min", "Sum", "L2")},
    "BatchNormalization": _Walk._norm, "Pad": _Walk._pad, "Shape": _Walk._look,
}  # fmt: skip
