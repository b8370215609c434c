"""Fitted steps on numbers: fill, scale, quantile_bucket.

Sums are exact (`math.fsum`), so a state does not depend on the order of rows or on a processor's vector width; applying is
elementwise arithmetic only, so a row's value does not depend on the rows beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Column, Floats, numbers_column

State = dict[str, Any]


def fit_fill(column: Column, options: Mapping[str, Any]) -> State:
    """What a null becomes: the median or mean of the fitting rows, or a given value."""
    method = options.get("with", "median")
    flag = bool(options.get("flag", False))
    if isinstance(method, Mapping):
        return {"values": [method["value"]] * len(column.names), "flag": flag}
    if column.texts is not None:
        raise StageError(
            "MLS201", f"feature `{column.names[0]}` is text and has no {method}", expected="a text to fill in", found=str(method),
            help='fill it with a value: `fill(…, with: "missing")`',
        )  # fmt: skip
    assert column.numbers is not None
    lines = zip(_known(column), column.names, strict=True)
    return {"values": [_finite(lambda known: _middle(known, str(method)), known, name) for known, name in lines], "flag": flag}


def apply_fill(state: State, column: Column) -> list[Column]:
    """The column without nulls, and a 0/1 column of where they were if the state says `flag`."""
    nulls = column.nulls()
    if column.texts is not None:
        texts = column.texts.copy()
        texts[nulls] = str(state["values"][0])
        filled = Column(column.names, texts=texts)
    else:
        assert column.numbers is not None
        values = np.array([float(value) for value in state["values"]])
        filled = numbers_column(column.names, np.where(np.isnan(column.numbers), values, column.numbers))
    if not state["flag"]:
        return [filled]
    return [filled, numbers_column((f"{column.names[0]}.missing",), nulls.astype(np.float64), flag=True)]


def fit_scale(column: Column, options: Mapping[str, Any]) -> State:
    """Where each column is centred and what it is divided by."""
    method = str(options.get("method", "standard"))
    pairs = [_finite(_SCALES[method], known, name) for known, name in zip(_known(column), column.names, strict=True)]
    return {"centre": [centre for centre, _ in pairs], "scale": [scale for _, scale in pairs]}


def apply_scale(state: State, column: Column) -> list[Column]:
    """(x - centre) / scale; null stays null."""
    assert column.numbers is not None
    with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is refused where all columns meet
        return [numbers_column(column.names, (column.numbers - np.array(state["centre"])) / np.array(state["scale"]))]


def fit_quantile_bucket(column: Column, options: Mapping[str, Any]) -> State:
    """The inner edges of buckets that hold about equally many fitting rows."""
    bins = int(options["bins"])
    edges = []
    for known in _known(column):
        ordered = np.sort(known)
        edges.append(sorted({_quantile(ordered, place / bins) for place in range(1, bins)}))
    return {"edges": edges}


def apply_quantile_bucket(state: State, column: Column) -> list[Column]:
    """The number of the bucket, from 0; an edge belongs to the bucket above it; null stays null."""
    assert column.numbers is not None
    buckets = np.empty_like(column.numbers)
    for place, edges in enumerate(state["edges"]):
        line = column.numbers[:, place]
        number = np.searchsorted(np.array(edges, dtype=np.float64), line, side="right").astype(np.float64)
        buckets[:, place] = np.where(np.isnan(line), np.nan, number)
    return [numbers_column(column.names, buckets)]


def _known(column: Column) -> list[Floats]:
    """The values of each column that are no null; StageError where a column has none."""
    if column.numbers is None:
        raise StageError(
            "MLS201", f"feature `{column.names[0]}` is text, and this step takes numbers", expected="a number", found="text",
            help="use `onehot`, `ordinal` or `target_rate` on texts and categories",
        )  # fmt: skip
    lines = [column.numbers[:, place] for place in range(column.numbers.shape[1])]
    known = [line[~np.isnan(line)] for line in lines]
    for name, values in zip(column.names, known, strict=True):
        if not len(values):
            raise StageError(
                "MLS204", f"feature `{name}` is null in every row that it is fitted on", f"features.{name}",
                expected="at least one value", found=f"{len(column)} nulls",
                help="leave the feature out, or fill it with a given value",
            )  # fmt: skip
    return known


def _middle(known: Floats, method: str) -> float:
    if method == "mean":
        return math.fsum(known.tolist()) / len(known)
    return _quantile(np.sort(known), 0.5)


def _quantile(ordered: Floats | Sequence[float], share: float) -> float:
    """Linear interpolation between the two nearest of the sorted values (Hyndman and Fan's definition 7)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    low, high = float(ordered[below]), float(ordered[above])
    share = place - below
    # Two numbers near the ends of the doubles have no difference, but they have a middle.
    return low + (high - low) * share if math.isfinite(high - low) else low * (1 - share) + high * share


def _finite(measure: Any, known: Floats, name: str) -> Any:
    """What `measure` says of the values; StageError MLS209 where doubles have no room for their sums or differences."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = measure(known)
    except OverflowError:
        found = (math.inf,)
    if all(math.isfinite(value) for value in (found if isinstance(found, tuple) else (found,))):
        return found
    raise StageError(
        "MLS209", f"the values of feature `{name}` are too large to compute with", f"features.{name}",
        expected="values whose squares and sums a double can hold", found=f"{float(known.min())!r} to {float(known.max())!r}",
        help="bound its expression with `clip(…, low..high)`, or take its logarithm",
    )  # fmt: skip


def _standard(known: Floats) -> tuple[float, float]:
    """Mean and standard deviation; of equal values that value and 1, since a rounded mean would leave a spread of 1e-17."""
    values = known.tolist()
    if known.min() == known.max():
        return values[0], 1.0
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values)) or 1.0


def _minmax(known: Floats) -> tuple[float, float]:
    low, high = float(known.min()), float(known.max())
    return low, (high - low) or 1.0


def _robust(known: Floats) -> tuple[float, float]:
    ordered = np.sort(known)
    return _quantile(ordered, 0.5), (_quantile(ordered, 0.75) - _quantile(ordered, 0.25)) or 1.0


_SCALES = {"standard": _standard, "minmax": _minmax, "robust": _robust}
