"""Quasi-random points: a scrambled Sobol sequence, which fills a space more evenly than independent draws.

Optuna's `QMCSampler` draws the same kind of points from SciPy, but keeps the place in the sequence in its storage, and samples what
not every trial has at random. Here trial n is the n-th point that the limits allow, over the family and all of its dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import Suggestion, Trial

_AT_ONCE = 64


class Points:
    """The engine of `optuna(sampler: qmc)`."""

    def __init__(self, families: Sequence[Family], seed: int) -> None:
        self._families = families
        self._made: list[Suggestion] = []
        self._rest = self._suggestions(seed)

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion:
        """The suggestion of trial `number`."""
        while len(self._made) < number + again:
            self._made.append(next(self._rest))
        return self._made[number + again - 1]

    def _suggestions(self, seed: int) -> Iterator[Suggestion]:
        for point in _points(1 + max(len(family.dimensions) for family in self._families), seed):
            family = self._families[min(int(point[0] * len(self._families)), len(self._families) - 1)]
            chosen = {
                dimension.name: dimension.value(share) for dimension, share in zip(family.dimensions, point[1:], strict=False)
            }
            found = Suggestion(family.name, family.active(chosen))
            if family.allows(found.params) or len(self._made) > 2**16:
                yield found


def _points(dimensions: int, seed: int) -> Iterator[list[float]]:
    from scipy.stats import qmc

    sequence: Any = qmc.Sobol(dimensions, scramble=True, rng=seed)
    while True:
        yield from sequence.random(_AT_ONCE).tolist()
