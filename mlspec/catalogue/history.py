"""Functions over the past rows of a joined source: they need `over:`, and read what was known before the prediction."""

R = ...
_WINDOW = (("over", "const:duration", R), ("where", "where", None))


def _row(name: str, first: tuple[tuple[str, str, object], ...], result: str, doc: str, formula: str = "") -> tuple[object, ...]:
    return (name, "history", (*first, *_WINDOW), result, "skip", "lower", ("duckdb", "python"), False, doc, formula, "")


_X = (("x", "number", R),)
_ANY = (("x", "value", R),)

ROWS = (
    _row("sum", _X, "float", "The sum over the window; 0 over no rows.", "Σ x"),
    _row("count", (("rows", "rows", R),), "int", "The number of rows in the window.", "n"),
    _row("mean", _X, "nullable:float", "The mean over the window; null over no rows.", "Σ x / n"),
    _row("min", _ANY, "nullable:same", "The least value in the window."),
    _row("max", _ANY, "nullable:same", "The greatest value in the window."),
    _row(
        "std",
        _X,
        "nullable:float",
        "The standard deviation in the window; null below two rows.",
        "(Σ (x - mean)² / (n - 1))^(1/2)",
    ),
    _row("last", _ANY, "nullable:same", "The newest value in the window."),
    _row("first", _ANY, "nullable:same", "The oldest value in the window."),
    _row("distinct", _ANY, "int", "The number of different values in the window."),
    _row(
        "days_since",
        (("time", "temporal", R),),
        "nullable:float",
        "Days from the newest value in the window to the prediction.",
    ),
)
