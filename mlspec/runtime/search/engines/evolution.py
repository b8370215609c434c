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
_TENTH = 10
Solution = tuple[Any, float]


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
        counting = [trial for trial in history if self._counts(trial, family, numeric)]
        earlier = [self._solution(trial, numeric) for trial in counting if trial.number < 1]
        own = [self._solution(trial, numeric) for trial in counting if trial.number >= 1]
        found = self._asked(own, self._beginning(earlier), seed) if numeric else None
        if found is not None:
            chosen |= {dimension.name: dimension.value(share) for dimension, share in zip(numeric, found, strict=False)}
        return Suggestion(family.name, family.active(chosen))

    def _counts(self, trial: Trial, family: Family, numeric: Sequence[Dimension]) -> bool:
        """Only whole, feasible trials of the family that have every numeric dimension."""
        whole = trial.family == family.name and trial.state == COMPLETE and trial.value is not None and trial.feasible
        return whole and all(dimension.name in trial.params for dimension in numeric)

    def _solution(self, trial: Trial, numeric: Sequence[Dimension]) -> Solution:
        """A trial as a point of the unit cube; a lone dimension gets another that nothing reads, since the library wants two."""
        shares = [dimension.share(trial.params[dimension.name]) for dimension in numeric]
        return np.array([*shares, *([0.5] * (2 - len(shares)))]), self._aim.loss(float(trial.value or 0.0))

    def _beginning(self, earlier: Sequence[Solution]) -> dict[str, Any] | None:
        """Where the first generation is drawn from: the best tenth of an earlier study (Nomura et al. 2021), if that is a trial."""
        if len(earlier) < _TENTH:
            return None
        from cmaes import get_warm_start_mgd

        mean, sigma, cov = get_warm_start_mgd(list(earlier))
        return {"mean": mean, "sigma": sigma, "cov": cov}

    def _asked(self, solutions: Sequence[Solution], beginning: dict[str, Any] | None, seed: int) -> Any:
        """A point of the population after all whole generations; None while there is neither one nor a beginning."""
        size = len(solutions[0][0]) if solutions else 0 if beginning is None else len(beginning["mean"])
        if not size:
            return None
        given = beginning or {"mean": np.full(size, 0.5), "sigma": _SPREAD}
        optimiser = self._optimiser(**given, bounds=np.tile([0.0, 1.0], (size, 1)), seed=seed % 2**32)
        people = optimiser.population_size
        if len(solutions) < people and beginning is None:
            return None
        for start in range(0, len(solutions) - people + 1, people):
            optimiser.tell(list(solutions[start : start + people]))
        return optimiser.ask().tolist()
