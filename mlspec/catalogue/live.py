"""Measures of live traffic on a window of the request log."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from typing import Any

    Parameters = tuple[tuple[str, str, Any], ...]
    Names = tuple[str, ...]
    Row = tuple[Any, ...]

R = ...
_WATCHED = (("of", "watched", R),)
_RUN = ("monitor",)
_BINS = "bins: 10 of equal mass on the reference, categories as they are"


def _live(
    name: str,
    parameters: Parameters,
    result: str,
    doc: str,
    *,
    null: str = "accept",
    taint: str = "lower",
    engines: Names = _RUN,
    built: bool = True,
    formula: str = "",
    source: str = "",
) -> Row:
    """A measure of live requests."""
    return (name, "live", parameters, result, null, taint, engines, built, doc, formula, source)


ROWS = (
    _live(
        "psi",
        _WATCHED,
        "each:float",
        "How far the distribution moved from the reference.",
        formula="Σ (p - q) ln(p / q); " + _BINS,
        source="population stability index",
    ),
    _live(
        "ks",
        _WATCHED,
        "each:ratio",
        "The greatest difference of the two distribution functions.",
        null="skip",
        formula="max |F - G|",
        source="Kolmogorov and Smirnov",
    ),
    _live(
        "js",
        _WATCHED,
        "each:ratio",
        "The distance of two distributions, 0 to 1.",
        formula="(Σ p ln(p/m) + q ln(q/m)) / (2 ln 2), square root; " + _BINS,
        source="Lin 1991",
    ),
    _live("null_rate", _WATCHED, "each:ratio", "The share of requests in which it is null.", formula="nulls / n"),
    _live(
        "error_rate",
        (("of", "model", R),),
        "ratio",
        "The share of requests that failed.",
        null="never",
        taint="none",
        built=False,
        formula="replies 5xx / replies",
    ),
)
