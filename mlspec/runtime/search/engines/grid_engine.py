"""Every combination, the families in turn: numeric dimensions at equally spaced points of their scale."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlspec.graph.canonical import canonical_text
from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import Suggestion, Trial


class GridEngine:
    """Trial n is the n-th combination; None behind the last."""

    def __init__(self, families: Sequence[Family], points: int) -> None:
        self._made: list[Suggestion] = []
        self._rest = _combinations(families, points)

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion | None:
        """The combination of trial `number`, among those that the limits allow."""
        self._made += itertools.islice(self._rest, max(number - len(self._made), 0))
        return self._made[number - 1] if number <= len(self._made) else None


def _combinations(families: Sequence[Family], points: int) -> Iterator[Suggestion]:
    """One combination of each family after the other, those that differ only in params that do not apply once."""
    waiting = [_of_family(family, points) for family in families]
    while waiting:
        for family in list(waiting):
            suggestion = next(family, None)
            if suggestion is None:
                waiting.remove(family)
            else:
                yield suggestion


def _of_family(family: Family, points: int) -> Iterator[Suggestion]:
    seen = set()
    for values in itertools.product(*(_points(dimension, points) for dimension in family.dimensions)):
        names = [dimension.name for dimension in family.dimensions]
        chosen = family.active(dict(zip(names, values, strict=True)))
        key = canonical_text(chosen)
        if key not in seen and family.allows(chosen):
            seen.add(key)
            yield Suggestion(family.name, chosen)


def _points(dimension: Dimension, points: int) -> list[Any]:
    if dimension.dist == "choice":
        return list(dimension.values)
    if points == 1:
        return [dimension.value(0.5)]
    return list(dict.fromkeys(dimension.value(place / (points - 1)) for place in range(points)))


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], goal: Goal, seed: Callable[[int, int], int], where: str
) -> GridEngine:
    """The engine of `engine = grid(points: 5)`."""
    return GridEngine(families, int(config.get("points") or 5))
