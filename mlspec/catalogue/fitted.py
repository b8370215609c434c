"""Transforms that are learned: on the fitting part of the model, anew in every fold, and stored in its package."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from typing import Any

    Parameters = tuple[tuple[str, str, Any], ...]
    Names = tuple[str, ...]
    Row = tuple[Any, ...]

R = ...
_ALL = ("duckdb", "python")


def _fitted(
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
    """A transform that is learned; what is special about it stands behind its words."""
    return (name, "fitted", parameters, result, null, taint, engines, built, doc, formula, source)


ROWS = (
    _fitted(
        "scale",
        (("x", "number", R), ("method", "enum:standard|minmax|robust", "standard")),
        "float",
        "A number on a common scale.",
        formula="standard: (x - mean) / std; minmax: (x - min) / (max - min); robust: (x - median) / (q75 - q25); a divisor of 0 counts as 1",
    ),
    _fitted(
        "fill",
        (("x", "value", R), ("with", "filler", "median"), ("flag", "const:bool", False)),
        "filled",
        "A value in place of null: the median or mean of the fitting rows, or a constant.",
        null="accept",
    ),
    _fitted(
        "onehot",
        (("x", "string", R), ("max", "const:int", None)),
        "vector",
        "One column of 0 and 1 for each category, the most frequent `max` of them; null and unknown values are all 0.",
        null="accept",
    ),
    _fitted(
        "ordinal",
        (("x", "string", R),),
        "float",
        "The place of the category: in order of declaration, else in alphabetical order; unknown values are -1.",
    ),
    _fitted(
        "target_rate",
        (("x", "string", R), ("smoothing", "const:float", 20)),
        "float",
        "The mean of the label among rows of the category, drawn to the overall mean; out-of-fold on the fitting rows.",
        null="accept",
        taint="lower",
        formula="(n * mean_c + smoothing * mean) / (n + smoothing)",
        source="Micci-Barreca 2001",
    ),
    _fitted(
        "quantile_bucket",
        (("x", "number", R), ("bins", "const:int", 10)),
        "float",
        "The number of the equally filled interval that x lies in, from 0.",
    ),
    _fitted(
        "hash_bucket",
        (("x", "string", R), ("buckets", "const:int", R)),
        "vector",
        "One column of 0 and 1 for each bucket of a hash: for categories without a list.",
        null="accept",
        formula="SHA-256 mod buckets",
    ),
    _fitted(
        "tfidf",
        (("x", "string", R), ("max_features", "const:int", 1000)),
        "vector",
        "Weights of the most frequent words.",
        null="accept",
        formula="tf * (ln((1 + n) / (1 + df)) + 1), rows of length 1",
        source="Salton and Buckley 1988",
    ),
    _fitted(
        "tokens",
        (
            ("x", "string", R),
            ("vocabulary", "const:int", 20_000),
            ("length", "const:int", 256),
            ("by", "enum:word|character", "word"),
            ("min_texts", "const:int", 2),
        ),
        "tokens",
        "A text as the places of its first `length` words or characters in the `vocabulary` most widespread ones: what a text network "
        "reads. 0 is padding, 1 a word without a place, such as one of fewer than `min_texts` texts.",
        formula="lower case; words and single marks of punctuation, or characters",
    ),
    _fitted(
        "embed",
        (("x", "string", R), ("model", "const:string", R)),
        "vector",
        "The vector that a language model gives a text.",
        engines=(),
        built=False,
    ),
    _fitted(
        "pca",
        (("*x", "number", R), ("components", "const:int", R)),
        "vector",
        "The directions of greatest spread.",
        engines=(),
        built=False,
    ),
    _fitted(
        "select",
        (("*x", "value", R), ("count", "const:int", R)),
        "vector",
        "The columns that tell most of the label.",
        engines=(),
        built=False,
    ),
)
