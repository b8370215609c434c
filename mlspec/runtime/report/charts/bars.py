"""Bars: of a histogram, of categories, of parts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.scale import Scale, label, linear, ticks

NAME_WIDTH = 150.0
ROW = 22.0


def histogram(
    edges: Sequence[float], counts: Sequence[float | None], *, title: str, note: str = "", percent: bool = False,
    width: float = 420, height: float = 180, unit: str = "rows",
) -> Markup:  # fmt: skip
    """Counts between `edges` (one more than counts). A count of None was withheld and is drawn hatched."""
    left, bottom, top = 46.0, height - 24, 8.0
    x = linear(edges[0], edges[-1], left, width - 8)
    highest = max((count for count in counts if count), default=1)
    y = linear(0, highest, bottom, top)
    parts = [_y_grid(y, highest, left, width - 8, percent)]
    for (low, high), count in zip(pairwise(edges), counts, strict=True):
        span = f"{label(low)} to {label(high)}"
        if count is None:
            parts.append(svg.box(x(low) + 0.5, bottom - 5, x(high) - x(low) - 1, 5, "withheld", f"{span}: withheld, too few"))
        else:
            tip = f"{span}: {label(count, percent)} {'' if percent else unit}".strip()
            parts.append(svg.box(x(low) + 0.5, y(count), max(x(high) - x(low) - 1, 1), bottom - y(count), "c0", tip))
    parts.append(svg.rule(left, bottom, width - 8, bottom, "axis"))
    parts += [svg.text(x(tick), bottom + 16, label(tick), "tick", "middle") for tick in ticks(edges[0], edges[-1], 5)]
    return svg.chart(parts, width, height, title, note)


def _y_grid(y: Scale, highest: float, left: float, right: float, percent: bool, least: float = 0) -> Markup:
    rows = []
    for tick in ticks(least, highest, 4):
        rows += [svg.rule(left, y(tick), right, y(tick)), svg.text(left - 6, y(tick) + 4, label(tick, percent), "tick", "end")]
    return svg.join(rows)


def bars(
    names: Sequence[str], values: Sequence[float | None], *, title: str, note: str = "", percent: bool = False, width: float = 420,
    highest: float | None = None, tips: Sequence[str] = (), reference: float | None = None, low: Sequence[float | None] = (),
    high: Sequence[float | None] = (),
) -> Markup:  # fmt: skip
    """One bar to the right per name, its value behind it; `reference` draws a line across, low and high an interval."""
    top = 4.0
    room = svg.room_for(names, NAME_WIDTH)
    height = top + ROW * max(len(names), 1) + 4
    ends = [value for value in (*values, *high) if value is not None]
    least = min(0, *ends, *(value for value in low if value is not None)) if ends else 0
    x = linear(least, highest if highest is not None else max(0, *ends) or 1 if ends else 1, room, width - 64)
    start = x(0)
    parts: list[Markup] = []
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        y = top + place * ROW
        parts.append(svg.text(room - 8, y + 15, svg.shorten(name, room - 10), "name", "end"))
        if value is None:
            parts.append(svg.text(room + 4, y + 15, "withheld", "tick"))
            continue
        tip = tips[place] if place < len(tips) else f"{name}: {label(value, percent)}"
        parts.append(svg.box(min(start, x(value)), y + 4, max(abs(x(value) - start), 0.75), ROW - 8, "c0", tip))
        end = max(x(value), start)
        if place < len(low) and place < len(high) and low[place] is not None and high[place] is not None:
            parts.append(_whisker(x(low[place] or 0), x(high[place] or 0), y + ROW / 2))
            end = max(end, x(high[place] or 0))
        parts.append(svg.text(end + 6, y + 15, label(value, percent), "value"))
    if reference is not None:
        parts.append(svg.rule(x(reference), 0, x(reference), height, "reference"))
    if least < 0:
        parts.append(svg.rule(start, 0, start, height, "axis"))
    return svg.chart(parts, width, height, title, note)


def _whisker(low: float, high: float, y: float) -> Markup:
    return svg.join(
        [
            svg.rule(low, y, high, y, "whisker"),
            svg.rule(low, y - 4, low, y + 4, "whisker"),
            svg.rule(high, y - 4, high, y + 4, "whisker"),
        ]
    )


def columns(
    names: Sequence[str], values: Sequence[float | None], *, title: str, note: str = "", percent: bool = False, width: float = 420,
    height: float = 180, reference: float | None = None, highest: float | None = None,
) -> Markup:  # fmt: skip
    """One bar upwards per name, for ordered names such as bins; `reference` draws a line across."""
    left, bottom, top = 46.0, height - 24, 8.0
    limit = highest if highest is not None else max((value for value in values if value is not None), default=1) or 1
    least = min([0.0, *(value for value in values if value is not None)])
    y = linear(least, limit, bottom, top)
    step = (width - 8 - left) / max(len(names), 1)
    parts = [_y_grid(y, limit, left, width - 8, percent, least)]
    every = max(1, -(-len(names) * 62 // int(width - left)))
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        x = left + place * step
        if value is None:
            parts.append(svg.box(x + 2, bottom - 5, step - 4, 5, "withheld", f"{name}: withheld, too few"))
        else:
            parts.append(
                svg.box(x + 2, min(y(value), y(0)), step - 4, abs(y(0) - y(value)), "c0", f"{name}: {label(value, percent)}")
            )
        if place % every == 0:
            parts.append(svg.text(x + step / 2, bottom + 16, svg.shorten(name, step * every), "tick", "middle"))
    parts.append(svg.rule(left, y(0), width - 8, y(0), "axis"))
    if reference is not None:
        parts.append(svg.rule(left, y(reference), width - 8, y(reference), "reference"))
    return svg.chart(parts, width, height, title, note)


def grouped_bars(
    names: Sequence[str], series: Mapping[str, Sequence[float | None]], *, title: str, note: str = "", percent: bool = True,
    width: float = 420, height: float = 180,
) -> Markup:  # fmt: skip
    """Bars of several series side by side per name, with a legend: how two parts differ."""
    left, bottom, top = 46.0, height - 24, 26.0
    limit = max((value for values in series.values() for value in values if value is not None), default=1) or 1
    y = linear(0, limit, bottom, top)
    step = (width - 8 - left) / max(len(names), 1)
    bar = (step - 4) / max(len(series), 1)
    every = max(1, -(-len(names) * 62 // int(width - left)))
    parts = [_y_grid(y, limit, left, width - 8, percent), legend(list(series), left, 14)]
    for place, name in enumerate(names):
        for order, (title_of, values) in enumerate(series.items()):
            value = values[place]
            if value is not None:
                x = left + place * step + 2 + order * bar
                parts.append(
                    svg.box(x, y(value), bar, bottom - y(value), f"c{order}", f"{name}, {title_of}: {label(value, percent)}")
                )
        if place % every == 0:
            parts.append(svg.text(left + (place + 0.5) * step, bottom + 16, svg.shorten(name, step * every), "tick", "middle"))
    parts.append(svg.rule(left, bottom, width - 8, bottom, "axis"))
    return svg.chart(parts, width, height, title, note)


def legend(names: Sequence[str], x: float, y: float) -> Markup:
    """A coloured square and a name per series, in a row."""
    parts = []
    for order, name in enumerate(names):
        parts += [svg.box(x, y - 9, 10, 10, f"c{order}"), svg.text(x + 15, y, name, "tick")]
        x += 31 + 6.4 * len(name)
    return svg.join(parts)
