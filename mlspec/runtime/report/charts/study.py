"""A study between its objectives and its parameters: the Pareto front, and parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.bars import legend
from mlspec.runtime.report.charts.scale import Scale, label, linear, ticks

LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 30.0, 40.0


@dataclass(frozen=True, slots=True)
class Point:
    """A trial between two objectives."""

    number: int
    family: str
    x: float
    y: float
    feasible: bool = True


def front(
    points: Sequence[Point], families: Sequence[str], best: int, ends: Sequence[int], *, title: str, note: str, x_name: str, y_name: str,
    width: float = 640, height: float = 320,
) -> Markup:  # fmt: skip
    """A dot per trial, faint where it breaks a constraint; a line through the front's trials `ends`, a ring around the best."""
    across, up = _widened([point.x for point in points]), _widened([point.y for point in points])
    bottom = height - BOTTOM
    x, y = linear(*across, LEFT, width - RIGHT), linear(*up, bottom, TOP)
    parts: list[Markup] = []
    for tick in ticks(*up, 5):
        parts += [svg.rule(LEFT, y(tick), width - RIGHT, y(tick)), svg.text(LEFT - 6, y(tick) + 4, label(tick), "tick", "end")]
    parts += [svg.text(x(tick), bottom + 16, label(tick), "tick", "middle") for tick in ticks(*across, 6)]
    parts += [
        svg.rule(LEFT, bottom, width - RIGHT, bottom, "axis"),
        svg.text((LEFT + width) / 2, height - 6, x_name, "name", "middle"),
    ]
    on_front = sorted((point.x, point.y) for point in points if point.number in ends)
    parts.append(svg.path([(x(a), y(b)) for a, b in on_front], "line so-far", "the Pareto front"))
    for point in points:
        kind = f"c{families.index(point.family) % 6}{'' if point.feasible else ' faint'}"
        tip = f"trial {point.number}, {point.family}: {y_name} {label(point.y)}, {x_name} {label(point.x)}"
        tip += "" if point.feasible else ", breaks a constraint"
        if point.number == best:
            parts.append(svg.dot(x(point.x), y(point.y), 8, "ring"))
        parts.append(svg.dot(x(point.x), y(point.y), 4 if point.feasible else 2.5, kind, tip))
    parts += [legend(list(families), LEFT, 14), svg.text(width - RIGHT, 14, y_name, "tick", "end")]
    return svg.chart(parts, width, height, title, note)


@dataclass(frozen=True, slots=True)
class Line:
    """A trial through parallel axes: a value or None on each."""

    name: str
    values: Sequence[Any]
    best: bool = False


def parallel(
    axes: Sequence[str], lines: Sequence[Line], *, colour: int, title: str, note: str, width: float = 1040, height: float = 260
) -> Markup:
    """A line per trial across one axis for each parameter; the best is drawn last and thick, where it does not apply a line has a gap."""
    gap = (width - 2 * LEFT) / max(len(axes) - 1, 1)
    parts: list[Markup] = []
    scales = []
    for place, name in enumerate(axes):
        x = LEFT + gap * place
        scale, marks = _axis([line.values[place] for line in lines], height)
        scales.append((x, scale))
        parts += [
            svg.rule(x, TOP, x, height - BOTTOM, "axis"),
            svg.text(x, height - 14, svg.shorten(name, gap - 6), "name", "middle"),
        ]
        parts += [svg.text(x + 5, y + 4, text, "tick") for text, y in marks]
    drawn = []
    for line in sorted(lines, key=lambda one: one.best):
        kind = f"line s{colour % 6}{' best' if line.best else ' thin'}"
        for piece in _pieces(
            [(x, scale(value)) if value is not None else None for (x, scale), value in zip(scales, line.values, strict=True)]
        ):
            drawn.append(svg.path(piece, kind, line.name))
    return svg.chart([*drawn, *parts], width, height, title, note)


def _pieces(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    found: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            found.append([])
        else:
            found[-1].append(point)
    return [piece for piece in found if len(piece) > 1]


def _axis(values: Sequence[Any], height: float) -> tuple[Any, list[tuple[str, float]]]:
    """Where each value lies on an axis, and its marks: round numbers, powers of ten, or one mark a name."""
    top, bottom = TOP, height - BOTTOM
    given = [value for value in values if value is not None]
    if any(isinstance(value, (bool, str)) for value in given) or not given:
        names = sorted({_named(value) for value in given})
        place = linear(-0.5, len(names) - 0.5, bottom, top)
        return (lambda value: place(names.index(_named(value)))), [
            (svg.shorten(name, 90), place(at)) for at, name in enumerate(names)
        ]
    low, high = float(min(given)), float(max(given))
    if low > 0 and high / low > 20:
        powers: Scale = linear(math.log10(low), math.log10(high), bottom, top)
        ends = ticks(math.log10(low), math.log10(high), 4)
        return (lambda value: powers(math.log10(value))), [(label(10.0**tick), powers(tick)) for tick in ends]
    plain = linear(low, high, bottom, top)
    return (lambda value: plain(float(value))), [(label(tick), plain(tick)) for tick in ticks(low, high, 4)]


def _named(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _widened(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 0.5
    return low - room, high + room
