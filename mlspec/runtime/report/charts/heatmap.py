"""A grid of shaded cells: correlations, confusions."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.scale import label

NAME_WIDTH = 120.0


def heatmap(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]], *, title: str, note: str = "",
    signed: bool = True, percent: bool = False, width: float = 640,
) -> Markup:  # fmt: skip
    """Cells shaded by value: from -1 to 1 in two hues when `signed`, else from 0 to the highest in one. None stays empty."""
    room = svg.room_for(rows, NAME_WIDTH)
    cell = max(min((width - room - 8) / max(len(columns), 1), 64.0), 26.0)
    tall = min(cell, 34.0)
    top = 74.0 if len(columns) > 4 else 26.0
    limit = 1.0 if signed else max((value for line in values for value in line if value is not None), default=1.0) or 1.0
    parts: list[Markup] = []
    for place, name in enumerate(columns):
        x = room + (place + 0.5) * cell
        turned = svg.element("text", svg.shorten(name, 96 if top > 30 else cell), x=x, y=top - 8, class_="tick",
                             text_anchor="start" if top > 30 else "middle",
                             transform=f"rotate(-40 {svg.number(x)} {svg.number(top - 8)})" if top > 30 else None)  # fmt: skip
        parts.append(turned)
    for line, name in enumerate(rows):
        y = top + line * tall
        parts.append(svg.text(room - 8, y + tall / 2 + 4, svg.shorten(name, room - 10), "name", "end"))
        parts += [_cell(room + place * cell, y, cell, tall, value, limit, f"{name}, {columns[place]}", percent)
                  for place, value in enumerate(values[line])]  # fmt: skip
    return svg.chart(parts, max(room + cell * len(columns) + 48, 240), top + tall * len(rows) + 6, title, note, "heatmap")


def _cell(
    x: float, y: float, width: float, height: float, value: float | None, limit: float, name: str, percent: bool
) -> Markup:
    if value is None:
        return svg.box(x + 1, y + 1, width - 2, height - 2, "empty", f"{name}: no value")
    strength = min(abs(value) / limit, 1.0)
    shown = label(value, True) if percent else f"{round(value, 2) or 0.0:.2f}" if limit == 1.0 else label(value)
    rect = svg.element("rect", svg.element("title", f"{name}: {shown}"), x=x + 1, y=y + 1, width=width - 2, height=height - 2, rx=2.0,
                       class_="below" if value < 0 else "above", fill_opacity=strength * 0.92 + 0.04)  # fmt: skip
    kind = "strong" if strength > 0.6 else "cell"
    return svg.join([rect, svg.text(x + width / 2, y + height / 2 + 4, svg.shorten(shown, width, 6.0), kind, "middle")])


def confusion(classes: Sequence[str], counts: Sequence[Sequence[int]], *, title: str, note: str = "") -> Markup:
    """True classes down, decided ones across, shaded by the share of the true class."""
    shares: list[list[float | None]] = [[count / sum(line) if sum(line) else None for count in line] for line in counts]
    return heatmap(classes, classes, shares, title=title, note=note, signed=False, percent=True)
