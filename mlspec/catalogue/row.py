"""Functions of one row's values, and the checks over all rows of a source."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from typing import Any

    Parameters = tuple[tuple[str, str, Any], ...]
    Names = tuple[str, ...]
    Row = tuple[Any, ...]

R = ...
_ALL = ("duckdb", "python")
_SQL = ("duckdb",)
_PIXELS = ("pillow",)
_ONE = (("x", "number", R),)
_TWO = (("x", "number", R), ("y", "number", R))
_TEXT = (("text", "string", R),)
_TIME = (("time", "temporal", R),)
_SPAN = (("length", "duration", R),)
_MATH = "IEEE 754 double; the C library's function, so that both evaluators agree in every bit"


def _row(
    name: str,
    parameters: Parameters,
    result: str,
    doc: str,
    *,
    null: str = "propagate",
    taint: str = "keep",
    engines: Names = _ALL,
    built: bool = True,
    formula: str = "",
    source: str = "",
) -> Row:
    """A function of one row; most pass a null on and keep the taint of what they read."""
    return (name, "row", parameters, result, null, taint, engines, built, doc, formula, source)


# name, level, parameters, result, null, taint, engines, built, doc, formula, source
ROWS = (
    _row("abs", _ONE, "same", "The size of a number without its sign.", formula="|x|"),
    _row("sqrt", _ONE, "float", "The square root; null below 0.", formula="x^(1/2)", source=_MATH),
    _row("exp", _ONE, "float", "e to the power of x.", formula="e^x", source=_MATH),
    _row("log", _ONE, "float", "The natural logarithm; null at 0 and below.", formula="ln x", source=_MATH),
    _row(
        "log1p",
        _ONE,
        "float",
        "The logarithm of 1 + x, exact near 0; null at -1 and below.",
        formula="u = 1 + x; x if u = 1 else ln(u) * x / (u - 1)",
        source="Kahan's form, in both evaluators",
    ),
    _row(
        "round",
        (("x", "number", R), ("digits", "const:int", 0)),
        "same",
        "Rounds to a number of decimal places, halves away from 0.",
    ),
    _row("floor", _ONE, "int", "The greatest whole number that is not above x."),
    _row("ceil", _ONE, "int", "The least whole number that is not below x."),
    _row(
        "clip",
        (("x", "number", R), ("to", "range", R)),
        "same",
        "The nearest value inside a range.",
        formula="min(max(x, low), high)",
    ),
    _row("min", (*_TWO, ("*more", "number", ())), "joined", "The least of the values."),
    _row("max", (*_TWO, ("*more", "number", ())), "joined", "The greatest of the values."),
    _row(
        "bucket",
        (("x", "number", R), ("cuts", "cuts", R)),
        "category",
        "The interval of `cuts` that x lies in, such as `25..40`; the left end belongs to it.",
        taint="quasi",
    ),
    _row("lower", _TEXT, "same", "The text in lower case.", source="Unicode simple case mapping"),
    _row("upper", _TEXT, "same", "The text in upper case.", source="Unicode simple case mapping"),
    _row("length", _TEXT, "int", "The number of characters.", formula="code points"),
    _row("contains", (*_TEXT, ("part", "const:string", R)), "bool", "Whether the text has `part` in it."),
    _row("starts_with", (*_TEXT, ("part", "const:string", R)), "bool", "Whether the text starts with `part`."),
    _row(
        "matches",
        (*_TEXT, ("pattern", "const:string", R)),
        "bool",
        "Whether a pattern matches the whole text; patterns run in linear time: no back-references, no look-around.",
        source="RE2 syntax",
    ),
    _row("year", _TIME, "int", "The year, in UTC."),
    _row("month", _TIME, "int", "The month, 1 to 12, in UTC."),
    _row("weekday", _TIME, "int", "The day of the week, Monday 1 to Sunday 7, in UTC.", source="ISO 8601"),
    _row("hour", _TIME, "int", "The hour, 0 to 23, in UTC."),
    _row("days", _SPAN, "float", "A duration in days.", formula="seconds / 86400"),
    _row("hours", _SPAN, "float", "A duration in hours.", formula="seconds / 3600"),
    _row(
        "years",
        _SPAN,
        "float",
        "A duration in years of 365.2425 days.",
        formula="seconds / 31556952",
        source="the mean Gregorian year",
    ),
    _row(
        "cyclic",
        (("x", "number", R), ("period", "const:float", R)),
        "vector",
        "A number on a circle, as two columns, so that the end of a period lies beside its start.",
        formula="sin(2πx / period), cos(2πx / period)",
    ),
    _row("cross", (("a", "string", R), ("b", "string", R)), "category", "The pair of two categories as one.", formula="a × b"),
    _row(
        "hmac",
        (("x", "string", R), ("key", "secret", None)),
        "string",
        "A keyed digest: the same for the same value, and unreadable without the key.",
        taint="mask",
        formula="HMAC-SHA-256, hexadecimal",
        source="RFC 2104",
    ),
    _row(
        "redact",
        (("text", "string", R), ("patterns", "patterns", R)),
        "text",
        "The text with what the patterns find replaced by their names.",
        taint="mask",
    ),
    _row(
        "within",
        (("time", "temporal", R), ("length", "duration", R)),
        "bool",
        "Whether the time lies within `length` after the frame's `at`; false for null.",
        null="accept",
        built=False,
        formula="at < time <= at + length",
    ),
    _row(
        "normalise",
        (("pixels", "image", R), ("by", "enum:image|imagenet", "image")),
        "image",
        "Pixels around 0: each image with mean 0 and standard deviation 1, or with what ImageNet's pixels have; without it pixels are 0 to 1.",
        null="never",
        engines=_PIXELS,
        formula="(x - mean) / deviation; 0 where all pixels are equal",
    ),
    _row(
        "resize",
        (("pixels", "image", R), ("size", "const:int", R)),
        "image",
        "An image of another size, as many pixels high as wide.",
        null="never",
        engines=_PIXELS,
        formula="bilinear, over all pixels that a smaller one stands for",
    ),
    _row(
        "crop",
        (("pixels", "image", R), ("size", "const:int", R)),
        "image",
        "The middle of an image, as many pixels high as wide; what a smaller image does not have is black.",
        null="never",
        engines=_PIXELS,
    ),
    _row(
        "grey",
        (("pixels", "image", R),),
        "image",
        "An image of one channel, its brightness.",
        null="never",
        engines=_PIXELS,
        formula="0.299 R + 0.587 G + 0.114 B",
        source="ITU-R BT.601",
    ),
)


def _check(
    name: str,
    parameters: Parameters,
    result: str,
    doc: str,
    *,
    null: str = "skip",
    taint: str = "lower",
    engines: Names = _SQL,
    built: bool = True,
    formula: str = "",
    source: str = "",
) -> Row:
    """A check over all rows of a source; most leave nulls out."""
    return (name, "check", parameters, result, null, taint, engines, built, doc, formula, source)


CHECKS = (
    _check("rows", (), "int", "The number of rows.", null="never", formula="n"),
    _check(
        "null_rate", (("x", "value", R),), "ratio", "The share of rows where it is null.", null="accept", formula="nulls / n"
    ),
    _check("distinct", (("x", "value", R),), "int", "The number of different values."),
    _check(
        "unique",
        (("x", "value", R), ("*more", "value", ())),
        "bool",
        "Whether no value, or no combination of values, occurs twice.",
    ),
    _check("min", (("x", "value", R),), "aggregate", "The least value."),
    _check("max", (("x", "value", R),), "aggregate", "The greatest value."),
    _check("mean", (("x", "number", R),), "float", "The mean, summed in row order.", formula="sum(x) / n"),
    _check(
        "quantile",
        (("x", "number", R), ("at", "const:ratio", R)),
        "float",
        "The value below which the share `at` of the values lies.",
        formula="linear between neighbours",
        source="Hyndman and Fan, type 7",
    ),
    _check("share", (("condition", "bool", R),), "ratio", "The share of rows that meet a condition."),
    _check(
        "references",
        (("key", "value", R), ("other", "other_column", R)),
        "bool",
        "Whether every value exists in a column of another source, `source.column`, declared above; a null refers to nothing.",
    ),
)
