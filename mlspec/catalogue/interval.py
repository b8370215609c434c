"""Functions on metrics: ends of intervals, comparisons of groups, and summaries of samples."""

R = ...
_METRIC = (("metric", "metric", R),)
_BY = (("metric", "metric", R), ("by", "by", R))
_SAMPLES = (("samples", "samples", R),)
_RUN = ("runtime",)

ROWS = (
    ("lower", "interval", _METRIC, "same", "never", "none", _RUN, True, "The lower end of the interval at `confidence`.",
     "AUC and its differences: DeLong; proportions: Wilson, differences: Newcombe; all others, and all with a group: percentile "
     "bootstrap, 2,000 draws", "DeLong 1988; Wilson 1927; Newcombe 1998; Efron 1979"),
    ("upper", "interval", _METRIC, "same", "never", "none", _RUN, True, "The upper end of the interval at `confidence`.",
     "as `lower`", "as `lower`"),
    ("worst", "interval", (("metric", "metric_or_each", R), ("by", "by", None)), "item", "never", "none", _RUN, True,
     "The worst group: the least where more is better, else the greatest. Groups under `min_group` rows fail.", "", ""),
    ("gap", "interval", _BY, "points", "never", "none", _RUN, True, "The difference of the best and the worst group.", "max - min", ""),
    ("ratio", "interval", _BY, "ratio", "never", "none", _RUN, True, "The worst group as a share of the best.", "min / max",
     "the four-fifths rule compares it with 80%"),
    ("abs", "interval", _METRIC, "same", "never", "none", _RUN, True, "The size of a number without its sign.", "|x|", ""),
    ("p50", "interval", _SAMPLES, "item", "never", "none", _RUN, True, "The median.", "linear between neighbours", "Hyndman and Fan, type 7"),
    ("p95", "interval", _SAMPLES, "item", "never", "none", _RUN, True, "The value below which 95% lie.", "as `p50`", ""),
    ("p99", "interval", _SAMPLES, "item", "never", "none", _RUN, True, "The value below which 99% lie.", "as `p50`", ""),
    ("mean", "interval", _SAMPLES, "item", "never", "none", _RUN, True, "The mean.", "Σ x / n", ""),
    ("rate", "interval", (("samples", "samples", R), ("where", "where", None)), "ratio", "never", "none", _RUN, False,
     "The share of rows for which it is true.", "", ""),
)
