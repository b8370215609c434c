"""Folds of a cross-validation: by chance, by group, forward in time. (fitting rows, judging rows) a fold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.errors import StageError

Ints = NDArray[np.int64]
Fold = tuple[Ints, Ints]


def chance_folds(rows: int, count: int, seed: int, strata: Ints | None = None) -> list[Fold]:
    """Folds of equal size, of equal shares of every stratum where strata are given."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(rows)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    fold_of = np.empty(rows, dtype=np.int64)
    fold_of[order] = np.arange(rows) % count
    return _split(fold_of, count)


def group_folds(groups: Ints, count: int, seed: int, strata: Ints | None = None) -> list[Fold]:
    """Folds of whole groups, near to equal size and, where strata are given, near to equal shares of each.

    Groups go from the largest to the smallest to the fold that they leave most even; the seed decides among equals.
    """
    kinds = np.zeros(len(groups), dtype=np.int64) if strata is None else np.unique(strata, return_inverse=True)[1]
    known, places = np.unique(groups, return_inverse=True)
    held = np.zeros((len(known), int(kinds.max()) + 1))
    np.add.at(held, (places, kinds), 1.0)
    shuffled = np.random.Generator(np.random.PCG64(seed)).permutation(len(known))
    order = shuffled[np.argsort(-held[shuffled].sum(axis=1), kind="stable")]
    filled = np.zeros((count, held.shape[1]))
    weights = 1.0 / held.sum(axis=0)
    fold_of_group = np.empty(len(known), dtype=np.int64)
    for group in order:
        # Squares grow fastest where a fold is full already, so the least growth is the most even choice.
        growth = ((2.0 * filled + held[group]) * held[group] * weights).sum(axis=1)
        fold = int(np.argmin(growth))
        fold_of_group[group] = fold
        filled[fold] += held[group]
    return _split(fold_of_group[places], count)


def forward_folds(times: NDArray[np.float64], count: int, gap: float = 0.0, groups: Ints | None = None) -> list[Fold]:
    """Fold k is fitted on what lies before the k-th cut less `gap` seconds and judged on what follows up to the next cut.

    Cuts divide the sorted times into count + 1 stretches of equal size; equal times stay together. With groups, a group that
    was fitted on is not judged on.
    """
    ordered = np.sort(times, kind="stable")
    cuts = [ordered[len(ordered) * place // (count + 1)] for place in range(1, count + 1)] + [np.inf]
    folds = []
    for start, end in pairwise(cuts):
        fitting = np.flatnonzero(times < start - gap)
        judging = np.flatnonzero((times >= start) & (times < end))
        if groups is not None:
            judging = judging[~np.isin(groups[judging], groups[fitting])]
        folds.append((fitting, judging))
    return folds


def _split(fold_of: Ints, count: int) -> list[Fold]:
    return [(np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(count)]


def refuse_empty(folds: list[Fold], where: str) -> None:
    """StageError MLS816 for a fold without rows to fit or judge on."""
    for number, (fitting, judging) in enumerate(folds, start=1):
        if not len(fitting) or not len(judging):
            raise StageError(
                "MLS816", f"fold {number} of {len(folds)} has {len(fitting)} rows to fit and {len(judging)} to judge on", where,
                expected="at least 1 of each", found=f"{len(fitting)} and {len(judging)}",
                help="take fewer folds, a shorter gap or more rows",
            )  # fmt: skip
