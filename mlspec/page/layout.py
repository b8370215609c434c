"""Places for the nodes of a directed graph: layers from left to right, few crossings, short edges. Equal graphs get equal places.

The usual four steps: a layer for each node, a place-holder in every layer that an edge passes, an order in each layer by the mean place of the
neighbours, and heights as near to the neighbours' as order and distance allow.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 12
HOLDER = "\0"
MANY = 4_000
"""With more edges than this two sweeps must do."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The layer of each node, its height in it, and per edge the points that it passes on its way: (layer, height)."""

    layer: Mapping[str, int]
    height: Mapping[str, float]
    bends: Sequence[Sequence[tuple[int, float]]]


@dataclass(slots=True)
class _Grid:
    """Nodes and place-holders by layer, with the neighbours on both sides; `group` keeps its members together."""

    rows: list[list[str]]
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)
    group: Mapping[str, str] = field(default_factory=dict)


def place(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], *, layers: Mapping[str, int] | None = None, group: Mapping[str, str] | None = None,
    gap: float = 1.0, group_gap: float = 1.0,
) -> Placed:  # fmt: skip
    """Places for all nodes, in steps of one row; `layers` fixes their layers, `group` names what stays together."""
    layer = dict(layers) if layers is not None else longest_paths(nodes, edges)
    grid, chains = _grid(nodes, edges, layer, group or {})
    _order(grid, 2 if len(edges) > MANY else SWEEPS)
    height = _heights(grid, gap, group_gap)
    bends = [[(layer[edge[0]] + step, height[name]) for step, name in chain] for edge, chain in zip(edges, chains, strict=True)]
    return Placed(layer, {name: height[name] for name in nodes}, bends)


def longest_paths(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """A layer for each node: behind all that lead to it. `nodes` are in topological order."""
    before: dict[str, list[str]] = {}
    for source, target in edges:
        before.setdefault(target, []).append(source)
    layer: dict[str, int] = {}
    for name in nodes:
        layer[name] = max((layer.get(source, -1) + 1 for source in before.get(name, ())), default=0)
    return layer


def _grid(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], layer: Mapping[str, int], group: Mapping[str, str]
) -> tuple[_Grid, list[list[tuple[int, str]]]]:
    """The layers with a place-holder wherever an edge passes one, and per edge its place-holders."""
    grid = _Grid([[] for _ in range(max(layer.values(), default=0) + 1)], group=group)
    for name in nodes:
        grid.rows[layer[name]].append(name)
    chains, known = [], set[tuple[str, str]]()
    for source, target in edges:
        # Edges of one node share their way as long as they can: a bundle is one line to the eye.
        chain = [(step, f"{HOLDER}{step}.{source}") for step in range(1, layer[target] - layer[source])]
        path = [source, *(name for _, name in chain), target]
        for one, other in pairwise(path):
            if (one, other) in known:
                continue
            known.add((one, other))
            if other.startswith(HOLDER):
                grid.rows[layer[source] + path.index(other)].append(other)
            grid.after.setdefault(one, []).append(other)
            grid.before.setdefault(other, []).append(one)
        chains.append(chain)
    return grid, chains


def _order(grid: _Grid, sweeps: int) -> None:
    """Sort every layer by the mean place of its neighbours, to and fro; the order with the fewest crossings stays."""
    best, fewest = [list(row) for row in grid.rows], _crossings(grid)
    for sweep in range(sweeps):
        forward = sweep % 2 == 0
        neighbours = grid.before if forward else grid.after
        for row in grid.rows[1:] if forward else grid.rows[-2::-1]:
            _sort(grid, row, neighbours)
        found = _crossings(grid)
        if found < fewest:
            best, fewest = [list(row) for row in grid.rows], found
    grid.rows[:] = best


def _sort(grid: _Grid, row: list[str], neighbours: Mapping[str, list[str]]) -> None:
    place = {name: index for layer in grid.rows for index, name in enumerate(layer)}
    mean = {name: _mean([place[other] for other in neighbours.get(name, ())], place[name]) for name in row}
    members: dict[str, list[float]] = {}
    for name in row:
        members.setdefault(_group_of(grid, name), []).append(mean[name])
    means = {key: _mean(values, 0) for key, values in members.items()}
    row.sort(key=lambda name: (means[_group_of(grid, name)], _group_of(grid, name), mean[name], place[name]))


def _group_of(grid: _Grid, name: str) -> str:
    return grid.group.get(name, name)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else float(otherwise)


def _crossings(grid: _Grid) -> int:
    """How many pairs of edges cross between neighbouring layers."""
    total = 0
    for one, other in pairwise(grid.rows):
        place = {name: index for index, name in enumerate(other)}
        seen: list[int] = []
        for name in one:
            ends = sorted(place[target] for target in grid.after.get(name, ()) if target in place)
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(grid: _Grid, gap: float, group_gap: float) -> dict[str, float]:
    """Heights that pull every node to its neighbours, as far as the order and the distances allow."""
    offsets = [_offsets(grid, row, gap, group_gap) for row in grid.rows]
    height = {name: offset for row, own in zip(grid.rows, offsets, strict=True) for name, offset in zip(row, own, strict=True)}
    for sweep in range(8):
        order = range(len(grid.rows)) if sweep % 2 == 0 else range(len(grid.rows) - 1, -1, -1)
        for index in order:
            row = grid.rows[index]
            wanted = [
                _mean([height[other] for other in (*grid.before.get(name, ()), *grid.after.get(name, ()))], height[name])
                for name in row
            ]
            height.update(zip(row, _settle(wanted, offsets[index]), strict=True))
    least = min(height.values(), default=0.0)
    return {name: value - least for name, value in height.items()}


def _offsets(grid: _Grid, row: Sequence[str], gap: float, group_gap: float) -> list[float]:
    """The least distance of each from the first: place-holders need less room, and another group more."""
    found, at = [], 0.0
    for index, name in enumerate(row):
        if index:
            narrow = name.startswith(HOLDER) and row[index - 1].startswith(HOLDER)
            apart = grid.group.get(name) != grid.group.get(row[index - 1])
            at += gap * 0.35 if narrow else gap + (group_gap if apart and name in grid.group else 0.0)
        elif name in grid.group:
            at = group_gap
        found.append(at)
    return found


def _settle(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The heights nearest to the wanted ones, by least squares, that keep the distances: neighbours that would overlap move as one."""
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, size = blocks.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
    base = [mean for mean, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(base, offsets, strict=True)]
