"""Charts as inline SVG: no script, no font, no colour of their own; the page's style gives the colours, light or dark.

Every chart is `chart(…, title=…, note=…) -> Markup`, safe to put into an autoescaped page: all text in it is escaped here. `title` is what a
screen reader says first, `note` what it says next; every mark has a tooltip with its numbers.
"""

from __future__ import annotations

from mlspec.runtime.report.charts.bars import bars, columns, grouped_bars, histogram
from mlspec.runtime.report.charts.heatmap import confusion, heatmap
from mlspec.runtime.report.charts.lines import Series, calibration, line, scatter
from mlspec.runtime.report.charts.marks import intervals, sparkline

__all__ = [
    "Series",
    "bars",
    "calibration",
    "columns",
    "confusion",
    "grouped_bars",
    "heatmap",
    "histogram",
    "intervals",
    "line",
    "scatter",
    "sparkline",
]
