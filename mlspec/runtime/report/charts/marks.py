"""Values with intervals on one axis, as for slices and gates; and a line small enough to stand in text."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.scale import label, linear, ticks

NAME_WIDTH = 170.0
ROW = 26.0


def intervals(
    names: Sequence[str], values: Sequence[float | None], low: Sequence[float | None], high: Sequence[float | None], *, title: str,
    note: str = "", reference: float | None = None, percent: bool = False, width: float = 640,
) -> Markup:  # fmt: skip
    """A dot and its interval per name on a common axis; `reference` is a threshold to compare with."""
    known = [value for value in (*values, *low, *high, reference) if value is not None]
    room = (max(known) - min(known)) * 0.06 or 0.05 if known else 0.5
    ends = (min(known) - room, max(known) + room) if known else (0.0, 1.0)
    x = linear(*ends, NAME_WIDTH, width - 70)
    bottom = ROW * len(names) + 6
    parts = [svg.rule(x(tick), 0, x(tick), bottom) for tick in ticks(*ends, 5)]
    parts += [svg.text(x(tick), bottom + 15, label(tick, percent), "tick", "middle") for tick in ticks(*ends, 5)]
    for place, name in enumerate(names):
        y = ROW * (place + 0.5) + 2
        parts.append(svg.text(NAME_WIDTH - 10, y + 4, svg.shorten(name, NAME_WIDTH - 12), "name", "end"))
        value, least, most = values[place], low[place], high[place]
        if least is not None and most is not None:
            parts.append(svg.rule(x(least), y, x(most), y, "whisker thick"))
        if value is None:
            parts.append(svg.text(NAME_WIDTH + 4, y + 4, "no value", "tick"))
        else:
            span = "" if least is None or most is None else f" [{label(least, percent)}, {label(most, percent)}]"
            parts += [svg.dot(x(value), y, 4.5, "c0", f"{name}: {label(value, percent)}{span}"),
                      svg.text(width - 62, y + 4, label(value, percent), "value")]  # fmt: skip
    if reference is not None:
        parts.append(svg.rule(x(reference), 0, x(reference), bottom, "reference"))
    return svg.chart(parts, width, bottom + 22, title, note)


def sparkline(values: Sequence[float], *, title: str, width: float = 120, height: float = 28) -> Markup:
    """A line without axes."""
    x, y = (
        linear(0, max(len(values) - 1, 1), 2, width - 2),
        linear(min(values, default=0), max(values, default=1), height - 3, 3),
    )
    return svg.chart(
        [svg.path([(x(place), y(value)) for place, value in enumerate(values)], "line s0")], width, height, title, "", "spark"
    )
