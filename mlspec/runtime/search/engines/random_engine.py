"""Independent draws: a family with equal chances, then each of its dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import Suggestion, Trial


class RandomEngine:
    """Looks at no history: trial n is a function of its seed."""

    def __init__(self, families: Sequence[Family], seed: Callable[[int], int]) -> None:
        self._families = families
        self._seed = seed

    def suggest(self, number: int, history: Sequence[Trial]) -> Suggestion:
        """What trial `number` tries."""
        generator = np.random.Generator(np.random.PCG64(self._seed(number)))
        family = self._families[int(generator.integers(len(self._families)))]
        drawn = {dimension.name: _draw(dimension, generator) for dimension in family.dimensions}
        return Suggestion(family.name, family.active(drawn))


def _draw(dimension: Dimension, generator: np.random.Generator) -> Any:
    if dimension.dist == "normal":
        return float(generator.normal(dimension.mean, dimension.std))
    return dimension.value(float(generator.random()))


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], direction: str, seed: Callable[[int], int], where: str
) -> RandomEngine:
    """The engine of `engine = random()`."""
    return RandomEngine(families, seed)
