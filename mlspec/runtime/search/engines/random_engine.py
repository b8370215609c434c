"""Independent draws: a family with equal chances, then each of its dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import Suggestion, Trial


class RandomEngine:
    """Looks at no history: trial n is a function of its seed."""

    def __init__(self, families: Sequence[Family], seed: Callable[[int, int], int]) -> None:
        self._families = families
        self._seed = seed

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion:
        """What trial `number` tries."""
        generator = np.random.Generator(np.random.PCG64(self._seed(number, again)))
        family = self._families[int(generator.integers(len(self._families)))]
        return Suggestion(family.name, family.active(drawn(family, generator)))


def drawn(family: Family, generator: np.random.Generator) -> dict[str, Any]:
    """A value of every dimension of a family, those that do not apply included."""
    return {dimension.name: _draw(dimension, generator) for dimension in family.dimensions}


def _draw(dimension: Dimension, generator: np.random.Generator) -> Any:
    if dimension.dist == "normal":
        return float(generator.normal(dimension.mean, dimension.std))
    return dimension.value(float(generator.random()))


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], goal: Goal, seed: Callable[[int, int], int], where: str
) -> RandomEngine:
    """The engine of `engine = random()`."""
    return RandomEngine(families, seed)
