"""Errors of a regression by prediction: bands between quantiles, and the median."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.scale import label, linear, ticks


def residual_bands(
    bins: Sequence[Mapping[str, Any]], *, title: str, note: str, width: float = 420, height: float = 300
) -> Markup:
    """For each bin of predictions the 5, 25, 50, 75 and 95 % of prediction minus label."""
    xs = [float(item["prediction"]) for item in bins]
    ys = [float(value) for item in bins for value in item["error"]]
    x_ends, y_ends = _ends(xs), _ends([*ys, 0.0])
    x, y = linear(*x_ends, 58, width - 12), linear(*y_ends, height - 42, 12)
    parts: list[Markup] = []
    for tick in ticks(*y_ends, 6):
        parts += [svg.rule(58, y(tick), width - 12, y(tick)), svg.text(52, y(tick) + 4, label(tick), "tick", "end")]
    parts += [svg.text(x(tick), height - 26, label(tick), "tick", "middle") for tick in ticks(*x_ends, 6)]
    for low, high, kind in ((0, 4, "band c0"), (1, 3, "band c0")):
        lower = [(x(at), y(item["error"][low])) for at, item in zip(xs, bins, strict=True)]
        upper = [(x(at), y(item["error"][high])) for at, item in zip(xs, bins, strict=True)]
        parts.append(svg.path([*lower, *reversed(upper)], kind, "90 % of the rows" if low == 0 else "half of the rows"))
    parts.append(svg.rule(58, y(0), width - 12, y(0), "reference"))
    parts.append(svg.path([(x(at), y(item["error"][2])) for at, item in zip(xs, bins, strict=True)], "line s0", "median error"))
    parts.append(svg.text(width / 2 + 24, height - 6, "prediction", "name", "middle"))
    parts.append(svg.text(62, 10, "prediction minus label", "tick"))
    return svg.chart(parts, width, height, title, note)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return low - room, high + room
