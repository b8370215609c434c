"""Partial dependence: the mean as a line or dots, its interval, and the spread of the single rows behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.bars import legend
from mlspec.runtime.report.charts.scale import Scale, label, linear, ticks

WIDTH, HEIGHT = 340.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 10.0, 10.0, 26.0

Points = Sequence[Mapping[str, Any]]


def of_number(points: Points, ends: tuple[float, float], *, title: str, note: str, percent: bool) -> Markup:
    """The mean over a number, with the middle half and 80 % of the rows as bands and marks where the mean was taken."""
    x, y = _scales([float(point["at"]) for point in points], ends)
    parts = [_grid(y, ends, percent), *_numbers_below(x, points)]
    for low, high, tip in ((0, 4, "80% of the rows"), (1, 3, "half of the rows")):
        lower = [(x(point["at"]), y(point["quantiles"][low])) for point in points]
        upper = [(x(point["at"]), y(point["quantiles"][high])) for point in points]
        parts.append(svg.path([*lower, *reversed(upper)], "band c0", tip))
    parts.append(svg.path([(x(point["at"]), y(point["mean"])) for point in points], "line s0", "mean"))
    for point in points:
        place = x(point["at"])
        parts += [
            _span(place, y, point["low"], point["high"]),
            svg.dot(place, y(point["mean"]), 3, "c0", _tip(point, percent)),
        ]
    return svg.chart(parts, WIDTH, HEIGHT, title, note)


def of_category(points: Points, ends: tuple[float, float], *, title: str, note: str, percent: bool) -> Markup:
    """A line per value: the mean as a dot with its interval, behind it the middle half and 80 % of the rows."""
    room = svg.room_for([str(point["at"]) for point in points], 124)
    bottom = 8 + 20.0 * len(points)
    x = linear(*ends, room, WIDTH - 22)
    parts: list[Markup] = [svg.rule(x(tick), 4, x(tick), bottom) for tick in ticks(*ends, 4)]
    parts += [svg.text(x(tick), bottom + 14, label(tick, percent), "tick", "middle") for tick in ticks(*ends, 4)]
    for place, point in enumerate(points):
        y = 4 + 20.0 * (place + 0.5)
        parts.append(svg.text(room - 8, y + 4, svg.shorten(str(point["at"]), room - 8), "tick", "end"))
        for low, high in ((0, 4), (1, 3)):
            start, end = x(point["quantiles"][low]), x(point["quantiles"][high])
            parts.append(svg.box(start, y - 4, end - start, 8, "band c0"))
        if point["low"] is not None:
            parts.append(svg.rule(x(point["low"]), y, x(point["high"]), y, "whisker"))
        parts.append(svg.dot(x(point["mean"]), y, 4, "c0", _tip(point, percent)))
    return svg.chart(parts, WIDTH, bottom + 20, title, note)


def of_classes(points: Points, classes: Sequence[str], number: bool, *, title: str, note: str) -> Markup:
    """A line per class over a number, dots per class over the values of a category."""
    ends = (0.0, 1.0)
    places = [float(point["at"]) if number else float(at) for at, point in enumerate(points)]
    x, y = _scales(places, ends, top=24.0) if number else _scales([-0.5, len(points) - 0.5], ends, top=24.0)
    parts = [_grid(y, ends, True)]
    if number:
        parts += _numbers_below(x, points)
    else:
        step = (WIDTH - LEFT - RIGHT) / len(points)
        parts += [
            svg.text(x(at), HEIGHT - BOTTOM + 16, svg.shorten(str(point["at"]), step), "tick", "middle")
            for at, point in enumerate(points)
        ]
    for order, name in enumerate(classes):
        if number:
            parts.append(
                svg.path(
                    [(x(at), y(point["mean"][order])) for at, point in zip(places, points, strict=True)], f"line s{order}", name
                )
            )
        for at, point in zip(places, points, strict=True):
            shift = 0.0 if number else (order - (len(classes) - 1) / 2) * 8
            place = x(at) + shift
            parts.append(_span(place, y, point["low"][order], point["high"][order]))
            parts.append(
                svg.dot(
                    place,
                    y(point["mean"][order]),
                    3,
                    f"c{order}",
                    f"{name} at {_at(point)}: {label(point['mean'][order], True)}",
                )
            )
    parts.append(legend(classes, LEFT, 14))
    return svg.chart(parts, WIDTH, HEIGHT, title, note)


def _scales(places: Sequence[float], ends: tuple[float, float], top: float = TOP) -> tuple[Scale, Scale]:
    return linear(min(places), max(places), LEFT + 4, WIDTH - RIGHT - 4), linear(*ends, HEIGHT - BOTTOM, top)


def _grid(y: Scale, ends: tuple[float, float], percent: bool) -> Markup:
    rows = []
    for tick in ticks(*ends, 4):
        rows += [
            svg.rule(LEFT, y(tick), WIDTH - RIGHT, y(tick)),
            svg.text(LEFT - 6, y(tick) + 4, label(tick, percent), "tick", "end"),
        ]
    return svg.join(rows)


def _numbers_below(x: Scale, points: Points) -> list[Markup]:
    low, high = float(points[0]["at"]), float(points[-1]["at"])
    base = HEIGHT - BOTTOM
    return [svg.rule(LEFT, base, WIDTH - RIGHT, base, "axis"),
            *(svg.text(x(tick), base + 16, label(tick), "tick", "middle") for tick in ticks(low, high, 5))]  # fmt: skip


def _span(place: float, y: Scale, low: float | None, high: float | None) -> Markup:
    return Markup("") if low is None or high is None else svg.rule(place, y(low), place, y(high), "whisker")


def _at(point: Mapping[str, Any]) -> str:
    return label(point["at"]) if isinstance(point["at"], (int, float)) else str(point["at"])


def _tip(point: Mapping[str, Any], percent: bool) -> str:
    span = "" if point["low"] is None else f" [{label(point['low'], percent)}, {label(point['high'], percent)}]"
    return f"{_at(point)}: {label(point['mean'], percent)}{span}"
