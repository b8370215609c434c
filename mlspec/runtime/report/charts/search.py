"""A study as pictures: the objective by trial, and every parameter against the objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.bars import legend
from mlspec.runtime.report.charts.scale import Scale, label, linear, ticks

LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 28.0, 40.0


def _grid(y: Scale, ends: tuple[float, float], width: float, bottom: float) -> list[Markup]:
    found = []
    for tick in ticks(*ends, 5):
        found += [svg.rule(LEFT, y(tick), width - RIGHT, y(tick)), svg.text(LEFT - 6, y(tick) + 4, label(tick), "tick", "end")]
    return [*found, svg.rule(LEFT, bottom, width - RIGHT, bottom, "axis")]


def _widened(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.05 or 0.5
    return low - room, high + room


def history(
    trials: Sequence[tuple[int, str, float]], families: Sequence[str], best: Sequence[tuple[int, float]], *, title: str, note: str,
    y_name: str, width: float = 640, height: float = 260,
) -> Markup:  # fmt: skip
    """A dot per trial (number, family, value) in the colour of its family, and the best value so far as a line of steps."""
    ends = _widened([value for _, _, value in trials])
    last = max((number for number, _, _ in trials), default=1)
    bottom = height - BOTTOM
    x, y = linear(-0.5, max(last, 1) + 0.5, LEFT, width - RIGHT), linear(*ends, bottom, TOP)
    parts = _grid(y, ends, width, bottom)
    parts += [svg.text(x(tick), bottom + 16, label(tick), "tick", "middle") for tick in ticks(0, last, 8) if tick == int(tick)]
    parts.append(svg.text((LEFT + width) / 2, height - 6, "trial", "name", "middle"))
    stairs: list[tuple[float, float]] = []
    for number, value in best:
        stairs += [(x(number), stairs[-1][1]), (x(number), y(value))] if stairs else [(x(number), y(value))]
    if stairs:
        parts.append(svg.path([*stairs, (width - RIGHT, stairs[-1][1])], "line so-far", "best so far"))
    parts += [svg.dot(x(number), y(value), 4, f"c{families.index(family) % 6}", f"trial {number}, {family}: {label(value)}")
              for number, family, value in trials]  # fmt: skip
    parts.append(legend(list(families), LEFT, 14))
    parts.append(svg.text(width - RIGHT, 14, y_name, "tick", "end"))
    return svg.chart(parts, width, height, title, note)


def parameter(
    points: Sequence[tuple[Any, float]], *, colour: int, title: str, note: str, y_name: str, logarithmic: bool = False,
    width: float = 300, height: float = 200,
) -> Markup:  # fmt: skip
    """The objective against one parameter: numbers on a (logarithmic) axis, anything else as names."""
    ends, bottom = _widened([value for _, value in points]), height - BOTTOM
    y = linear(*ends, bottom, 10)
    parts = _grid(y, ends, width, bottom)
    names = sorted({str(value) for value, _ in points if not _is_number(value)})
    if names:
        x = linear(-0.5, len(names) - 0.5, LEFT, width - RIGHT)
        parts += [svg.text(x(at), bottom + 16, svg.shorten(name, 80), "tick", "middle") for at, name in enumerate(names)]
        places = [x(names.index(str(value))) if str(value) in names else LEFT for value, _ in points]
    else:
        numbers = [math.log10(value) if logarithmic else float(value) for value, _ in points]
        span = _widened(numbers)
        x = linear(*span, LEFT, width - RIGHT)
        parts += [svg.text(x(tick), bottom + 16, _power(tick) if logarithmic else label(tick), "tick", "middle")
                  for tick in ticks(*span, 4)]  # fmt: skip
        places = [x(value) for value in numbers]
    parts.append(svg.text((LEFT + width) / 2, height - 6, y_name, "name", "middle"))
    parts += [svg.dot(place, y(score), 3.5, f"c{colour % 6}", f"{_shown(value)}: {label(score)}")
              for place, (value, score) in zip(places, points, strict=True)]  # fmt: skip
    return svg.chart(parts, width, height, title, note)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return label(float(value)) if _is_number(value) else str(value)


def _power(exponent: float) -> str:
    return label(10.0**exponent)
