"""Typed search spaces: families, their dimensions, and which dimensions apply."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.catalogue.rounds import fixed_rounds
from mlspec.graph.expression import columns_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.constraints import Constraint, read_constraints

DISTRIBUTIONS = ("uniform", "loguniform", "int", "logint", "choice", "normal")


@dataclass(frozen=True)
class Dimension:
    """One searched param. `when` names a choice of the same family: the param applies where that one is true."""

    name: str
    dist: str
    low: float = 0.0
    high: float = 0.0
    values: tuple[Any, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    when: str | None = None

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self.dist in ("int", "logint")

    def value(self, share: float) -> Any:
        """The value at a share of the range, from 0 to 1 (for `normal`, of its middle 95 %)."""
        match self.dist:
            case "choice":
                return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
            case "uniform":
                return self.clip(self.low + (self.high - self.low) * share)
            case "loguniform":
                return self.clip(math.exp(math.log(self.low) + (math.log(self.high) - math.log(self.low)) * share))
            case "int":
                return self.clip(math.floor(self.low + (self.high - self.low + 1) * share))
            case "logint":
                low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
                return self.clip(round(math.exp(low + (high - low) * share)))
        return self.mean + self.std * 1.96 * (2.0 * share - 1.0)

    def share(self, value: float) -> float:
        """The share of the range that a value of a numeric dimension lies at: what `value` makes into it."""
        match self.dist:
            case "normal":
                found = ((value - self.mean) / (1.96 * self.std) + 1.0) / 2.0
            case "loguniform":
                found = (math.log(value) - math.log(self.low)) / ((math.log(self.high) - math.log(self.low)) or 1.0)
            case "logint":
                found = math.log(value / (self.low - 0.5)) / math.log((self.high + 0.5) / (self.low - 0.5))
            case "int":
                found = (value - self.low + 0.5) / (self.high - self.low + 1)
            case _:
                found = (value - self.low) / ((self.high - self.low) or 1.0)
        return min(max(found, 0.0), 1.0)

    def place(self, value: Any) -> int | None:
        """Which of a choice's values it is: 1, 1.0 and true are three."""
        return next((at for at, known in enumerate(self.values) if value == known and type(value) is type(known)), None)

    def holds(self, value: Any) -> bool:
        """Whether a value is one of the space's."""
        if self.dist == "choice":
            return self.place(value) is not None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (self.whole and value != int(value)):
            return False
        return self.dist == "normal" or self.low <= value <= self.high

    def clip(self, value: float) -> float | int:
        """The value inside the range, whole where the dimension is."""
        if self.dist == "normal":
            return float(value)
        inside = min(max(value, self.low), self.high)
        return round(inside) if self.whole else float(inside)


@dataclass(frozen=True)
class Rounds:
    """How a trial finds the number of its rounds: judged after `first`, then after each quarter more, up to `most`.

    It ends where `patience` judgements in a row were no better than the best before them.
    """

    parameter: str
    most: int
    first: int
    patience: int

    def points(self) -> tuple[int, ...]:
        """After how many rounds it is judged."""
        found, rounds = [], min(self.first, self.most)
        while rounds < self.most:
            found.append(rounds)
            rounds = max(rounds + 1, math.ceil(rounds * 1.25))
        return (*found, self.most)


@dataclass(frozen=True)
class Family:
    """One estimator with fixed params and searched dimensions, parents before what depends on them."""

    name: str
    estimator: str
    params: Mapping[str, Any]
    dimensions: tuple[Dimension, ...]
    limits: tuple[Constraint, ...] = ()
    rounds: Rounds | None = None

    def fixed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """All params of a fit of a finished trial: the rounds that it found are a param of it."""
        exact = {} if self.rounds is None else fixed_rounds(self.estimator, int(params[self.rounds.parameter]))
        return {**self.params, **params, **exact}

    def allows(self, params: Mapping[str, Any]) -> bool:
        """Whether searched params keep the limits; one that reads a param which does not apply here holds."""
        return all(limit.violation(params) <= 0 for limit in self.limits if set(columns_of(limit.expression)) <= params.keys())

    def active(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the chosen params that apply."""
        kept: dict[str, Any] = {}
        for dimension in self.dimensions:
            if dimension.name in chosen and (dimension.when is None or bool(kept.get(dimension.when))):
                kept[dimension.name] = chosen[dimension.name]
        return kept


def read_families(families: Sequence[Mapping[str, Any]], where: str) -> tuple[Family, ...]:
    """The families of a search config; StageError MLS207 or MLS210 for a space that cannot be searched."""
    return tuple(
        Family(
            str(item["name"]),
            str(item["estimator"]),
            dict(item.get("params") or {}),
            _dimensions(item, f"{where}.{item['name']}"),
            read_constraints(item.get("limits") or (), f"{where}.{item['name']}"),
            Rounds(**item["rounds"]) if item.get("rounds") else None,
        )
        for item in families
    )


def _dimensions(family: Mapping[str, Any], where: str) -> tuple[Dimension, ...]:
    pending = {name: _dimension(name, space, f"{where}.{name}") for name, space in (family.get("space") or {}).items()}
    ordered: dict[str, Dimension] = {}
    while pending:
        ready = [name for name, item in pending.items() if item.when is None or item.when in ordered]
        if not ready:
            raise StageError(
                "MLS210", "a `when:` names no choice of its family", where, expected="another searched param",
                found=", ".join(str(item.when) for item in pending.values()), help="name a `choice` of the same family",
            )  # fmt: skip
        for name in ready:
            ordered[name] = pending.pop(name)
    return tuple(ordered.values())


def _dimension(name: str, space: Mapping[str, Any], where: str) -> Dimension:
    dist = str(space["dist"])
    if dist not in DISTRIBUTIONS:
        raise StageError("MLS901", f"the distribution `{dist}` is not built yet", where, expected=", ".join(DISTRIBUTIONS), found=dist,
                         help="use one of these")  # fmt: skip
    when = space.get("when")
    if dist == "choice":
        if not space["values"]:
            raise _empty(where, "no values")
        return Dimension(name, dist, values=tuple(space["values"]), when=when)
    if dist == "normal":
        mean, std = space.get("mean", space.get("low")), space.get("std", space.get("high"))
        if std is None or mean is None or std <= 0:
            raise _empty(where, f"std {std}")
        return Dimension(name, dist, mean=float(mean), std=float(std), when=when)
    low, high = float(space["low"]), float(space["high"])
    if low > high or (dist.startswith("log") and low <= 0):
        raise _empty(where, f"{space['low']}..{space['high']}")
    return Dimension(name, dist, low, high, when=when)


def _empty(where: str, found: str) -> StageError:
    return StageError("MLS207", "the space is empty", where, expected="low <= high, above 0 for a log scale", found=found,
                      help="widen the range")  # fmt: skip
