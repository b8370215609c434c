"""Functions of one row's values, and the checks over all rows of a source."""

R = ...
_ALL = ("duckdb", "python")
_ONE = (("x", "number", R),)
_TWO = (("x", "number", R), ("y", "number", R))
_TEXT = (("text", "string", R),)
_TIME = (("time", "temporal", R),)
_SPAN = (("length", "duration", R),)
_MATH = "IEEE 754 double; the C library's function, so that both evaluators agree in every bit"

# name, level, parameters, result, null, taint, engines, built, doc, formula, source
ROWS = (
    ("abs", "row", _ONE, "same", "propagate", "keep", _ALL, True, "The size of a number without its sign.", "|x|", ""),
    ("sqrt", "row", _ONE, "float", "propagate", "keep", _ALL, True, "The square root; null below 0.", "x^(1/2)", _MATH),
    ("exp", "row", _ONE, "float", "propagate", "keep", _ALL, True, "e to the power of x.", "e^x", _MATH),
    ("log", "row", _ONE, "float", "propagate", "keep", _ALL, True, "The natural logarithm; null at 0 and below.", "ln x", _MATH),
    ("log1p", "row", _ONE, "float", "propagate", "keep", _ALL, True, "The logarithm of 1 + x, exact near 0; null at -1 and below.",
     "u = 1 + x; x if u = 1 else ln(u) * x / (u - 1)", "Kahan's form, in both evaluators"),
    ("round", "row", (("x", "number", R), ("digits", "const:int", 0)), "same", "propagate", "keep", _ALL, True,
     "Rounds to a number of decimal places, halves away from 0.", "", ""),
    ("floor", "row", _ONE, "int", "propagate", "keep", _ALL, True, "The greatest whole number that is not above x.", "", ""),
    ("ceil", "row", _ONE, "int", "propagate", "keep", _ALL, True, "The least whole number that is not below x.", "", ""),
    ("clip", "row", (("x", "number", R), ("to", "range", R)), "same", "propagate", "keep", _ALL, True,
     "The nearest value inside a range.", "min(max(x, low), high)", ""),
    ("min", "row", (*_TWO, ("*more", "number", ())), "joined", "propagate", "keep", _ALL, True, "The least of the values.", "", ""),
    ("max", "row", (*_TWO, ("*more", "number", ())), "joined", "propagate", "keep", _ALL, True, "The greatest of the values.", "", ""),
    ("bucket", "row", (("x", "number", R), ("cuts", "cuts", R)), "category", "propagate", "quasi", _ALL, True,
     "The interval of `cuts` that x lies in, such as `25..40`; the left end belongs to it.", "", ""),
    ("lower", "row", _TEXT, "same", "propagate", "keep", _ALL, True, "The text in lower case.", "", "Unicode simple case mapping"),
    ("upper", "row", _TEXT, "same", "propagate", "keep", _ALL, True, "The text in upper case.", "", "Unicode simple case mapping"),
    ("length", "row", _TEXT, "int", "propagate", "keep", _ALL, True, "The number of characters.", "code points", ""),
    ("contains", "row", (*_TEXT, ("part", "const:string", R)), "bool", "propagate", "keep", _ALL, True,
     "Whether the text has `part` in it.", "", ""),
    ("starts_with", "row", (*_TEXT, ("part", "const:string", R)), "bool", "propagate", "keep", _ALL, True,
     "Whether the text starts with `part`.", "", ""),
    ("matches", "row", (*_TEXT, ("pattern", "const:string", R)), "bool", "propagate", "keep", _ALL, True,
     "Whether a pattern matches the whole text; patterns run in linear time: no back-references, no look-around.", "",
     "RE2 syntax"),
    ("year", "row", _TIME, "int", "propagate", "keep", _ALL, True, "The year, in UTC.", "", ""),
    ("month", "row", _TIME, "int", "propagate", "keep", _ALL, True, "The month, 1 to 12, in UTC.", "", ""),
    ("weekday", "row", _TIME, "int", "propagate", "keep", _ALL, True, "The day of the week, Monday 1 to Sunday 7, in UTC.", "",
     "ISO 8601"),
    ("hour", "row", _TIME, "int", "propagate", "keep", _ALL, True, "The hour, 0 to 23, in UTC.", "", ""),
    ("days", "row", _SPAN, "float", "propagate", "keep", _ALL, True, "A duration in days.", "seconds / 86400", ""),
    ("hours", "row", _SPAN, "float", "propagate", "keep", _ALL, True, "A duration in hours.", "seconds / 3600", ""),
    ("years", "row", _SPAN, "float", "propagate", "keep", _ALL, True, "A duration in years of 365.2425 days.",
     "seconds / 31556952", "the mean Gregorian year"),
    ("cyclic", "row", (("x", "number", R), ("period", "const:float", R)), "vector", "propagate", "keep", _ALL, True,
     "A number on a circle, as two columns, so that the end of a period lies beside its start.",
     "sin(2πx / period), cos(2πx / period)", ""),
    ("cross", "row", (("a", "string", R), ("b", "string", R)), "category", "propagate", "keep", _ALL, True,
     "The pair of two categories as one.", "a × b", ""),
    ("hmac", "row", (("x", "string", R), ("key", "secret", None)), "string", "propagate", "mask", _ALL, True,
     "A keyed digest: the same for the same value, and unreadable without the key.", "HMAC-SHA-256, hexadecimal", "RFC 2104"),
    ("redact", "row", (("text", "string", R), ("patterns", "patterns", R)), "text", "propagate", "mask", _ALL, True,
     "The text with what the patterns find replaced by their names.", "", ""),
    ("within", "row", (("time", "temporal", R), ("length", "duration", R)), "bool", "accept", "keep", _ALL, False,
     "Whether the time lies within `length` after the frame's `at`; false for null.", "at < time <= at + length", ""),
    ("normalise", "row", (("pixels", "value", R),), "same", "never", "keep", (), False,
     "An image with mean 0 and standard deviation 1.", "", ""),
    ("resize", "row", (("pixels", "value", R), ("size", "const:int", R)), "same", "never", "keep", (), False,
     "An image of another size.", "bilinear", ""),
)

CHECKS = (
    ("rows", "check", (), "int", "never", "lower", ("duckdb",), True, "The number of rows.", "n", ""),
    ("null_rate", "check", (("x", "value", R),), "ratio", "accept", "lower", ("duckdb",), True, "The share of rows where it is null.",
     "nulls / n", ""),
    ("distinct", "check", (("x", "value", R),), "int", "skip", "lower", ("duckdb",), True, "The number of different values.", "", ""),
    ("unique", "check", (("x", "value", R), ("*more", "value", ())), "bool", "skip", "lower", ("duckdb",), True,
     "Whether no value, or no combination of values, occurs twice.", "", ""),
    ("min", "check", (("x", "value", R),), "aggregate", "skip", "lower", ("duckdb",), True, "The least value.", "", ""),
    ("max", "check", (("x", "value", R),), "aggregate", "skip", "lower", ("duckdb",), True, "The greatest value.", "", ""),
    ("mean", "check", (("x", "number", R),), "float", "skip", "lower", ("duckdb",), True, "The mean, summed in row order.",
     "sum(x) / n", ""),
    ("quantile", "check", (("x", "number", R), ("at", "const:ratio", R)), "float", "skip", "lower", ("duckdb",), True,
     "The value below which the share `at` of the values lies.", "linear between neighbours", "Hyndman and Fan, type 7"),
    ("share", "check", (("condition", "bool", R),), "ratio", "skip", "lower", ("duckdb",), True, "The share of rows that meet a condition.",
     "", ""),
    ("references", "check", (("key", "value", R), ("other", "other_column", R)), "bool", "skip", "lower", ("duckdb",), True,
     "Whether every value exists in a column of another source.", "", ""),
)
