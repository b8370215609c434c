"""Slices that nobody declared: groups by one column or by two where the model loses more than elsewhere.

Every group of enough rows is compared with all other rows (Welch's test of the mean loss, one-sided), and the p-values are adjusted for
their number by Benjamini and Hochberg. What is left is shown where the difference is one that matters, too. A group is hard where the
model itself expects as much loss, by the probabilities that it gives; where it expects less, it is wrong about the group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.binned import Binned
from mlspec.runtime.evaluate.means import Excess, excess_of, excess_of_groups
from mlspec.runtime.evaluate.multiplicity import CORRECTION_NAMES, CORRECTIONS, selected_confidence
from mlspec.runtime.evaluate.outcomes import Floats, UndefinedMetric

CORRECTION = "benjamini_hochberg"
LEAST_EFFECT = 0.2
"""A difference of a fifth of a row's standard deviation, by convention the least that is called small."""
MORE_THAN_PARENT = 0.1
MOST_COLUMNS = 20
SHOWN = 10


@dataclass(frozen=True)
class Candidate:
    """A group of rows that is tested: its columns with their groups."""

    columns: tuple[int, ...]
    codes: tuple[int, ...]


def weak_slices(
    columns: Sequence[Binned], losses: Floats, *, expected: Floats | None, wrong: NDArray[np.bool_] | None,
    groups: NDArray[np.int64] | None, least: int, min_cell: int, confidence: float,
) -> dict[str, Any]:  # fmt: skip
    """The slices that are worse than the rest, the largest effect first, and what was looked at to find them."""
    searched = columns[:MOST_COLUMNS]
    found: dict[str, Any] = {
        "correction": CORRECTION_NAMES[CORRECTION], "level": round((1 - confidence) / 2, 10), "least_effect": LEAST_EFFECT, "least_rows": least,
        "columns": [column.column for column in searched], "left_out": [column.column for column in columns[MOST_COLUMNS:]],
        "loss": float(losses.mean()), "tested": 0, "significant": 0, "slices": [], "problem": None,
    }  # fmt: skip
    tested = _candidates(searched, len(losses), least)
    if not tested:
        return {**found, "problem": f"no group has at least {least:,} rows and at most half of all"}
    try:
        excess = _excess(searched, tested, losses, groups)
    except UndefinedMetric as error:
        return {**found, "problem": str(error)}
    adjusted = CORRECTIONS[CORRECTION](excess.p_values())
    # One-sided tests at half the error have the two-sided intervals of the selected as their like.
    below = np.flatnonzero(adjusted <= (1 - confidence) / 2)
    significant = below[excess.effect[below] >= LEAST_EFFECT]
    kept = _without_repetition(searched, tested, significant, excess.effect, min_cell)
    ends = excess.ends(selected_confidence(confidence, max(len(below), 1), len(tested)))
    entries = [
        {**_named(searched, tested[at]), **_measured(_mask(searched, tested[at]), losses, expected, wrong, groups, confidence),
         "difference": float(excess.difference[at]), "low": float(ends[0][at]), "high": float(ends[1][at]),
         "effect": float(excess.effect[at]), "p": float(adjusted[at])}
        for at in kept[:SHOWN]
    ]  # fmt: skip
    return {**found, "tested": len(tested), "significant": len(significant), "slices": entries}


def _candidates(columns: Sequence[Binned], rows: int, least: int) -> list[Candidate]:
    """Every group of one column and of two that has enough rows, and at most half of all: the larger part is no exception."""
    found = []
    for chosen in [*((place,) for place in range(len(columns))), *combinations(range(len(columns)), 2)]:
        counts = np.bincount(_joined(columns, chosen), minlength=int(np.prod(_sizes(columns, chosen))))
        for code in np.flatnonzero((counts >= least) & (2 * counts <= rows)):
            found.append(Candidate(chosen, tuple(int(part) for part in np.unravel_index(code, _sizes(columns, chosen)))))
    return found


def _sizes(columns: Sequence[Binned], chosen: Sequence[int]) -> tuple[int, ...]:
    return tuple(len(columns[place].names) for place in chosen)


def _joined(columns: Sequence[Binned], chosen: Sequence[int]) -> NDArray[np.int64]:
    """One number per row for its groups in the chosen columns."""
    return np.ravel_multi_index([columns[place].codes for place in chosen], _sizes(columns, chosen))


def _mask(columns: Sequence[Binned], candidate: Candidate) -> NDArray[np.bool_]:
    found = np.ones(len(columns[0].codes), dtype=bool)
    for place, code in zip(candidate.columns, candidate.codes, strict=True):
        found &= columns[place].codes == code
    return found


def _excess(columns: Sequence[Binned], tested: Sequence[Candidate], losses: Floats, groups: NDArray[np.int64] | None) -> Excess:
    if groups is not None:
        return excess_of_groups([_mask(columns, candidate) for candidate in tested], losses, groups)
    parts: list[list[float]] = []
    known: tuple[int, ...] | None = None
    table: list[Any] = []
    for candidate in tested:
        if candidate.columns != known:
            known, sizes, joined = candidate.columns, _sizes(columns, candidate.columns), _joined(columns, candidate.columns)
            table = [np.bincount(joined, weights=weights, minlength=int(np.prod(sizes))).reshape(sizes)
                     for weights in (None, losses, losses**2)]  # fmt: skip
        parts.append([float(sums[candidate.codes]) for sums in table])
    counts, sums_of, squares = (np.array(column) for column in zip(*parts, strict=True))
    return excess_of(counts, sums_of, squares, losses)


def _without_repetition(
    columns: Sequence[Binned], tested: Sequence[Candidate], significant: NDArray[Any], effect: Floats, min_cell: int
) -> list[int]:
    """The significant ones by effect; a pair only where it says more than its columns alone, and tells of no few rows by subtraction."""
    whole = {candidate: place for place, candidate in enumerate(tested)}
    kept = []
    for at in sorted(significant.tolist(), key=lambda at: (-effect[at], at)):
        candidate = tested[at]
        if len(candidate.columns) == 2 and not _says_more(
            columns, candidate, whole, set(significant.tolist()), effect, min_cell
        ):
            continue
        kept.append(at)
    return kept


def _says_more(
    columns: Sequence[Binned],
    pair: Candidate,
    whole: Mapping[Candidate, int],
    significant: set[int],
    effect: Floats,
    min_cell: int,
) -> bool:
    inside = int(_mask(columns, pair).sum())
    for column, code in zip(pair.columns, pair.codes, strict=True):
        parent = Candidate((column,), (code,))
        if 0 <= int(_mask(columns, parent).sum()) - inside < min_cell:
            return False
        at = whole.get(parent)
        if at in significant and at is not None and effect[whole[pair]] < effect[at] + MORE_THAN_PARENT:
            return False
    return True


def _named(columns: Sequence[Binned], candidate: Candidate) -> dict[str, Any]:
    return {"where": [[columns[place].column, columns[place].names[code]]
                      for place, code in zip(candidate.columns, candidate.codes, strict=True)]}  # fmt: skip


def _measured(
    mask: NDArray[np.bool_],
    losses: Floats,
    expected: Floats | None,
    wrong: NDArray[np.bool_] | None,
    groups: NDArray[np.int64] | None,
    confidence: float,
) -> dict[str, Any]:
    entry: dict[str, Any] = {"n": int(mask.sum()), "loss": float(losses[mask].mean()), "expected": None, "wrong": None}
    if expected is not None:
        entry["expected"] = float(expected[mask].mean())
    if wrong is not None:
        share = float(wrong[mask].mean())
        entry["wrong"] = {"value": share, "low": None, "high": None}
        if groups is None:
            interval = intervals.wilson(float(wrong[mask].sum()), float(mask.sum()), confidence)
            entry["wrong"] |= {"low": interval.low, "high": interval.high}
    return entry
