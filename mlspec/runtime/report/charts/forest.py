"""One line of a forest plot: a difference with its interval beside the line of no difference."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.scale import linear

WIDTH, HEIGHT = 240.0, 26.0
KINDS = {"better": "ok", "worse": "ko", "open": "open"}


def forest_line(
    value: float, low: float | None, high: float | None, ends: tuple[float, float], verdict: str | None, show: Callable[[float], str], *,
    title: str,
) -> Markup:  # fmt: skip
    """Right of the stroke is better; `ends` are common to all lines that are measured in the same unit."""
    x = linear(*ends, 8, WIDTH - 8)
    kind, middle = KINDS.get(verdict or "", "open"), HEIGHT / 2
    parts = [svg.rule(8, middle, WIDTH - 8, middle), svg.rule(x(0), 2, x(0), HEIGHT - 2, "threshold")]
    span = ""
    if low is not None and high is not None:
        parts.append(svg.rule(x(low), middle, x(high), middle, f"span {kind}"))
        span = f", from {show(low)} to {show(high)}"
    parts.append(svg.dot(x(value), middle, 4, f"mark {kind}", f"{show(value)}{span}"))
    return svg.chart(parts, WIDTH, HEIGHT, title, f"{show(value)}{span}", "gate")
