"""Measures of live traffic on a window of the request log."""

R = ...
_WATCHED = (("of", "watched", R),)
_RUN = ("monitor",)
_BINS = "bins: 10 of equal mass on the reference, categories as they are"

ROWS = (
    (
        "psi",
        "live",
        _WATCHED,
        "each:float",
        "accept",
        "lower",
        _RUN,
        True,
        "How far the distribution moved from the reference.",
        "Σ (p - q) ln(p / q); " + _BINS,
        "population stability index",
    ),
    (
        "ks",
        "live",
        _WATCHED,
        "each:ratio",
        "skip",
        "lower",
        _RUN,
        True,
        "The greatest difference of the two distribution functions.",
        "max |F - G|",
        "Kolmogorov and Smirnov",
    ),
    (
        "js",
        "live",
        _WATCHED,
        "each:ratio",
        "accept",
        "lower",
        _RUN,
        True,
        "The distance of two distributions, 0 to 1.",
        "(Σ p ln(p/m) + q ln(q/m)) / (2 ln 2), square root; " + _BINS,
        "Lin 1991",
    ),
    (
        "null_rate",
        "live",
        _WATCHED,
        "each:ratio",
        "accept",
        "lower",
        _RUN,
        True,
        "The share of requests in which it is null.",
        "nulls / n",
        "",
    ),
    (
        "error_rate",
        "live",
        (("of", "model", R),),
        "ratio",
        "never",
        "none",
        _RUN,
        False,
        "The share of requests that failed.",
        "replies 5xx / replies",
        "",
    ),
)
