"""Functions on metrics: ends of intervals, comparisons of groups, and summaries of samples."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from typing import Any

    Parameters = tuple[tuple[str, str, Any], ...]
    Names = tuple[str, ...]
    Row = tuple[Any, ...]

R = ...
_METRIC = (("metric", "metric", R),)
_BY = (("metric", "metric", R), ("by", "by", R))
_SAMPLES = (("samples", "samples", R),)
_RUN = ("runtime",)


def _interval(
    name: str,
    parameters: Parameters,
    result: str,
    doc: str,
    *,
    null: str = "never",
    taint: str = "none",
    engines: Names = _RUN,
    built: bool = True,
    formula: str = "",
    source: str = "",
) -> Row:
    """A function on metrics."""
    return (name, "interval", parameters, result, null, taint, engines, built, doc, formula, source)


ROWS = (
    _interval(
        "lower",
        _METRIC,
        "same",
        "The lower end of the interval at `confidence`.",
        formula=(
            "AUC and its differences: DeLong; proportions: Wilson, differences: Newcombe; all others, and all with a group: percentile "
            "bootstrap, 2,000 draws"
        ),
        source="DeLong 1988; Wilson 1927; Newcombe 1998; Efron 1979",
    ),
    _interval(
        "upper", _METRIC, "same", "The upper end of the interval at `confidence`.", formula="as `lower`", source="as `lower`"
    ),
    _interval(
        "worst",
        (("metric", "metric_or_each", R), ("by", "by", None)),
        "item",
        "The worst group: the least where more is better, else the greatest. Groups under `min_group` rows fail.",
    ),
    _interval("gap", _BY, "points", "The difference of the best and the worst group.", formula="max - min"),
    _interval(
        "ratio",
        _BY,
        "ratio",
        "The worst group as a share of the best.",
        formula="min / max",
        source="the four-fifths rule compares it with 80%",
    ),
    _interval("abs", _METRIC, "same", "The size of a number without its sign.", formula="|x|"),
    _interval("p50", _SAMPLES, "item", "The median.", formula="linear between neighbours", source="Hyndman and Fan, type 7"),
    _interval("p95", _SAMPLES, "item", "The value below which 95% lie.", formula="as `p50`"),
    _interval("p99", _SAMPLES, "item", "The value below which 99% lie.", formula="as `p50`"),
    _interval("mean", _SAMPLES, "item", "The mean.", formula="Σ x / n"),
    _interval(
        "rate",
        (("samples", "samples", R), ("where", "where", None)),
        "ratio",
        "The share of rows for which it is true.",
        built=False,
    ),
)
