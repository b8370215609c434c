"""CMA-ES by the `cmaes` library, which Optuna's sampler drives as well: one population a family, over its numeric dimensions.

Optuna keeps a pickled optimiser in its storage and leaves out what not every trial has, so that several families would be sampled at
random. Here every suggestion replays the family's finished trials into a new optimiser, generation by generation, and asks it with
the trial's own seed. The family, choices, and the first generation of each family are drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlspec.runtime.search.engines.random_engine import drawn
from mlspec.runtime.search.goal import Aim
from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import COMPLETE, Suggestion, Trial

_SPREAD = 1.0 / 6.0  # of a range: what Optuna's sampler starts with


class Evolution:
    """The engine of `optuna(sampler: cmaes)`."""

    def __init__(self, families: Sequence[Family], aim: Aim, seed: Callable[[int, int], int]) -> None:
        import cmaes

        self._optimiser = cmaes.CMA
        self._families = families
        self._aim = aim
        self._seed = seed

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion:
        """What trial `number` tries."""
        seed = self._seed(number, again)
        generator = np.random.Generator(np.random.PCG64(seed))
        family = self._families[int(generator.integers(len(self._families)))]
        chosen = drawn(family, generator)
        numeric = [dimension for dimension in family.dimensions if dimension.dist != "choice"]
        solutions = [self._solution(trial, numeric) for trial in history if self._counts(trial, family, numeric)]
        found = self._asked(solutions, numeric, seed) if numeric else None
        if found is not None:
            chosen |= {dimension.name: dimension.value(share) for dimension, share in zip(numeric, found, strict=False)}
        return Suggestion(family.name, family.active(chosen))

    def _counts(self, trial: Trial, family: Family, numeric: Sequence[Dimension]) -> bool:
        """Only whole, feasible trials of the family that have every numeric dimension."""
        whole = trial.family == family.name and trial.state == COMPLETE and trial.value is not None and trial.feasible
        return whole and all(dimension.name in trial.params for dimension in numeric)

    def _solution(self, trial: Trial, numeric: Sequence[Dimension]) -> tuple[list[float], float]:
        shares = [dimension.share(trial.params[dimension.name]) for dimension in numeric]
        return shares, self._aim.loss(float(trial.value or 0.0))

    def _asked(self, solutions: Sequence[tuple[list[float], float]], numeric: Sequence[Dimension], seed: int) -> Any:
        """A point of the population after all whole generations; None while the first is not whole."""
        size = max(len(numeric), 2)  # the library wants two dimensions: a lone one gets another that nothing reads
        padded = [(np.array([*shares, *([0.5] * (size - len(shares)))]), loss) for shares, loss in solutions]
        optimiser = self._optimiser(
            mean=np.full(size, 0.5), sigma=_SPREAD, bounds=np.tile([0.0, 1.0], (size, 1)), seed=seed % 2**32
        )
        people = optimiser.population_size
        if len(padded) < people:
            return None
        for start in range(0, len(padded) - people + 1, people):
            optimiser.tell(padded[start : start + people])
        return optimiser.ask().tolist()
