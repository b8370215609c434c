"""Columns as few groups that a person reads: categories by value, numbers by fifths, times by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.held_out import MISSING, codes_of, period_name
from mlspec.runtime.profile.sheet import kind_of
from mlspec.runtime.wording import number

MOST_VALUES = 50
FEW_NUMBERS = 6


@dataclass(frozen=True)
class Binned:
    """A column's groups: a number per row, and the names of the groups."""

    column: str
    codes: NDArray[np.int64]
    names: list[str]


def is_groupable(column: Mapping[str, Any]) -> bool:
    """Whether groups of a column may be shown: no identifiers, no free text, no outcome."""
    tags = column.get("tags", ())
    return kind_of(column) != "hidden" and "outcome" not in tags


def binned(column: Mapping[str, Any], values: Sequence[Any], bins: int = 5) -> Binned | None:
    """The groups of a column, None where it has too many values to be read."""
    name, kind = str(column["name"]), kind_of(column)
    if kind == "time":
        codes, names = codes_of([period_name(value, "month") for value in values])
    elif kind == "number":
        codes, names = number_groups(values, bins)
    else:
        codes, names = codes_of(values)
    return Binned(name, codes, names) if len(names) <= MOST_VALUES else None


def number_groups(values: Sequence[Any], bins: int) -> tuple[NDArray[np.int64], list[str]]:
    """Numbers by value where there are few, else between quantiles; the names say the edges, which no single row has alone."""
    given = np.array([np.nan if value is None else float(value) for value in values])
    known = given[~np.isnan(given)]
    distinct = np.unique(known)
    if len(distinct) <= FEW_NUMBERS:
        names, codes = [_short(value) for value in distinct], np.searchsorted(distinct, given)
    else:
        edges = np.unique(np.quantile(known, np.arange(1, bins) / bins, method="inverted_cdf"))
        edges = edges[edges < distinct[-1]] if edges[0] < distinct[-1] else distinct[-2:-1]
        between = [f"over {_short(low)} to {_short(high)}" for low, high in pairwise(edges)]
        first = _short(edges[0]) if edges[0] == distinct[0] else f"up to {_short(edges[0])}"
        names = [first, *between, f"over {_short(edges[-1])}"]
        codes = np.searchsorted(edges, given, side="left")
    missing = np.isnan(given)
    codes = np.where(missing, len(names), codes)
    return codes.astype(np.int64), [*names, MISSING] if missing.any() else names


def _short(value: float) -> str:
    return number(float(f"{value:.4g}"))
