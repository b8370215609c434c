"""Lines and points on two axes: curves, calibration, search history, residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.bars import legend
from mlspec.runtime.report.charts.scale import Scale, label, linear, ticks


@dataclass(frozen=True, slots=True)
class Series:
    """A named line: points in order, and optionally a band around it: (low, high) per point, or `around` as (place, low, high) of its own."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float]] = field(default=())
    around: Sequence[tuple[float, float, float]] = field(default=())

    @property
    def ends(self) -> list[tuple[float, float, float]]:
        """The band as (place, low, high)."""
        own = [(a, low, high) for (a, _), (low, high) in zip(self.points, self.band, strict=False)]
        return [*own, *self.around]


def line(
    series: Sequence[Series], *, title: str, note: str = "", x_name: str = "", y_name: str = "", x: tuple[float, float] | None = None,
    y: tuple[float, float] | None = None, diagonal: bool = False, marks: bool = False, steps: bool = False, width: float = 420,
    height: float = 300,
) -> Markup:  # fmt: skip
    """One line per series, with a legend when there are several. `x` and `y` fix the ends of the axes, `diagonal` draws low to high."""
    axes = _axes([point for item in series for point in _extent(item)], x, y, width, height)
    parts = [_frame(axes, x_name, y_name)]
    if diagonal:
        (low_x, high_x), (low_y, high_y) = axes.x_ends, axes.y_ends
        parts.append(svg.rule(axes.x(low_x), axes.y(low_y), axes.x(high_x), axes.y(high_y), "reference"))
    for order, item in enumerate(series):
        points = [(axes.x(a), axes.y(b)) for a, b in item.points]
        if item.ends:
            around = [(axes.x(a), axes.y(low)) for a, low, _ in item.ends]
            back = [(axes.x(a), axes.y(high)) for a, _, high in item.ends]
            parts.append(svg.path([*around, *reversed(back)], f"band c{order}"))
        parts.append(svg.path(_stairs(points) if steps else points, f"line s{order}", item.name))
        if marks:
            parts += [svg.dot(*place, 3, f"c{order}", f"{item.name}: {label(a)}, {label(b)}")
                      for place, (a, b) in zip(points, item.points, strict=True)]  # fmt: skip
    if len(series) > 1:
        parts.append(legend([item.name for item in series], 54, 14))
    return svg.chart(parts, width, height, title, note)


def scatter(
    points: Sequence[tuple[float, float]], *, title: str, note: str = "", x_name: str = "", y_name: str = "", diagonal: bool = False,
    zero: bool = False, width: float = 420, height: float = 300,
) -> Markup:  # fmt: skip
    """A dot per point; `zero` draws the line y = 0 (residuals), `diagonal` the line y = x."""
    axes = _axes(points, None, None, width, height)
    parts = [_frame(axes, x_name, y_name)]
    if zero and axes.y_ends[0] <= 0 <= axes.y_ends[1]:
        parts.append(svg.rule(axes.x(axes.x_ends[0]), axes.y(0), axes.x(axes.x_ends[1]), axes.y(0), "reference"))
    if diagonal:
        low, high = max(axes.x_ends[0], axes.y_ends[0]), min(axes.x_ends[1], axes.y_ends[1])
        if low < high:
            parts.append(svg.rule(axes.x(low), axes.y(low), axes.x(high), axes.y(high), "reference"))
    parts += [svg.dot(axes.x(a), axes.y(b), 2, "c0 faint", f"{label(a)}, {label(b)}") for a, b in points]
    return svg.chart(parts, width, height, title, note)


def calibration(
    predicted: Sequence[float], observed: Sequence[float], counts: Sequence[int], ends: Sequence[tuple[float | None, float | None]] = (), *,
    title: str, note: str = "", width: float = 420, height: float = 300,
) -> Markup:  # fmt: skip
    """Observed share against predicted probability per bin; a perfect model lies on the diagonal. Dots grow with their rows, `ends` are intervals of the shares."""
    axes = _axes([], (0, 1), (0, 1), width, height)
    most = max(counts, default=1) or 1
    parts = [
        _frame(axes, "predicted probability", "observed share"),
        svg.rule(axes.x(0), axes.y(0), axes.x(1), axes.y(1), "reference"),
    ]
    places = [(axes.x(a), axes.y(b)) for a, b in zip(predicted, observed, strict=True)]
    parts.append(svg.path(places, "line s0"))
    for place, (low, high) in zip(places, ends, strict=False):
        if low is not None and high is not None:
            parts.append(svg.rule(place[0], axes.y(low), place[0], axes.y(high), "whisker"))
    for place, a, b, count in zip(places, predicted, observed, counts, strict=True):
        parts.append(
            svg.dot(*place, 2.5 + 4 * (count / most) ** 0.5, "c0", f"predicted {a:.3f}, observed {b:.3f}, {count:,} rows")
        )
    return svg.chart(parts, width, height, title, note)


@dataclass(frozen=True, slots=True)
class _Axes:
    x: Scale
    y: Scale
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    width: float
    height: float


def _extent(item: Series) -> list[tuple[float, float]]:
    return [*item.points, *((a, end) for a, low, high in item.ends for end in (low, high))]


def _axes(
    points: Sequence[tuple[float, float]],
    x: tuple[float, float] | None,
    y: tuple[float, float] | None,
    width: float,
    height: float,
) -> _Axes:
    x_ends = x or _ends([a for a, _ in points])
    y_ends = y or _ends([b for _, b in points])
    return _Axes(linear(*x_ends, 54, width - 10), linear(*y_ends, height - 42, 24), x_ends, y_ends, width, height)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return (0.0, 1.0)
    low, high = min(values), max(values)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return (low - room, high + room)


def _stairs(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found = list(points[:1])
    for (_, before), (x, y) in pairwise(points):
        found += [(x, before), (x, y)]
    return found


def _frame(axes: _Axes, x_name: str, y_name: str) -> Markup:
    left, right, bottom, top = 54.0, axes.width - 10, axes.height - 42, 24.0
    parts = []
    for tick in ticks(*axes.y_ends, 5):
        parts += [
            svg.rule(left, axes.y(tick), right, axes.y(tick)),
            svg.text(left - 6, axes.y(tick) + 4, label(tick), "tick", "end"),
        ]
    for tick in ticks(*axes.x_ends, 5):
        parts.append(svg.text(axes.x(tick), bottom + 16, label(tick), "tick", "middle"))
    parts += [
        svg.rule(left, bottom, right, bottom, "axis"),
        svg.text((left + right) / 2, axes.height - 6, x_name, "name", "middle"),
    ]
    middle = (top + bottom) / 2
    turned = svg.element(
        "text", y_name, x=12.0, y=middle, class_="name", text_anchor="middle", transform=f"rotate(-90 12 {svg.number(middle)})"
    )
    return svg.join([*parts, turned])
