"""One gate on a line: the value, its interval, the threshold and the side of it that passes."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.scale import linear

WIDTH, HEIGHT, EDGE = 220.0, 37.0, 10.0
UPWARD = (">=", ">")


def gate_line(
    point: float, low: float | None, high: float | None, threshold: float, op: str, passed: bool, show: Callable[[float], str],
    *, title: str,
) -> Markup:  # fmt: skip
    """The permitted side is shaded; the dot is the value, the bar its interval."""
    known = [value for value in (point, low, high, threshold) if value is not None]
    room = (max(known) - min(known)) * 0.22 or abs(threshold) * 0.2 or 0.1
    ends = (min(known) - room, max(known) + room)
    x = linear(*ends, EDGE, WIDTH - EDGE)
    start, end = (threshold, ends[1]) if op in UPWARD else (ends[0], threshold)
    middle, kind = 11.0, "ok" if passed else "ko"
    parts = [svg.rule(EDGE, middle, WIDTH - EDGE, middle)]
    if op not in ("==", "!="):
        parts.append(svg.box(x(start), middle - 8, x(end) - x(start), 16, "permitted"))
    if low is not None and high is not None:
        parts.append(svg.rule(x(low), middle, x(high), middle, f"span {kind}"))
    parts.append(svg.rule(x(threshold), middle - 10, x(threshold), middle + 10, "threshold"))
    parts.append(svg.dot(x(point), middle, 4.5, f"mark {kind}", f"value {show(point)}"))
    parts.append(svg.text(min(max(x(threshold), 24), WIDTH - 24), HEIGHT - 5, show(threshold), "tick", "middle"))
    span = "" if low is None or high is None else f", interval {show(low)} to {show(high)}"
    return svg.chart(parts, WIDTH, HEIGHT, title, f"value {show(point)}{span}, threshold {op} {show(threshold)}", "gate")
