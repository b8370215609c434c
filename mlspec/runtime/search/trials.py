"""A trial and what engines, pruners and the journal know of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


@dataclass(frozen=True)
class Suggestion:
    """What one trial tries: a family by name and its searched params, those that apply only."""

    family: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """A finished trial. `folds` are the first objective's values in fold order, `value` their mean; a failed one says why.

    `measured` holds the values by fold of the further objectives and of the metrics that constraints read. `violations` says by how
    much each constraint is broken: above 0 where it is, 0 and below where it holds. `curve` is that of a trial that found its rounds:
    how many were fitted when it was judged, and the mean over the folds then.
    """

    number: int
    family: str
    params: Mapping[str, Any]
    state: str
    folds: tuple[float, ...] = ()
    value: float | None = None
    reason: str | None = None
    measured: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    violations: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[tuple[int, float], ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether every constraint holds."""
        return all(violation <= 0 for violation in self.violations.values())

    @property
    def fits(self) -> int:
        """How many folds were fitted until the trial ended, the one that failed included."""
        return len(self.folds) + (self.state == FAILED)

    def to_json(self) -> dict[str, Any]:
        """The trial as the journal and `study.json` hold it."""
        return {
            "number": self.number, "family": self.family, "params": dict(self.params), "state": self.state,
            "folds": list(self.folds), "value": self.value, "reason": self.reason,
            "measured": {name: list(values) for name, values in self.measured.items()}, "violations": dict(self.violations),
            **({"curve": [list(point) for point in self.curve]} if self.curve else {}),
        }  # fmt: skip


def read_trial(record: Mapping[str, Any]) -> Trial:
    """The trial in a journal record or in a `study.json`."""
    return Trial(
        int(record["number"]), record["family"], record["params"], record["state"], tuple(record["folds"]), record["value"],
        record["reason"], {name: tuple(values) for name, values in record["measured"].items()}, record["violations"],
        tuple((int(rounds), float(value)) for rounds, value in record.get("curve") or ()),
    )  # fmt: skip


def mean(values: tuple[float, ...] | list[float]) -> float:
    """The mean, whose rounding does not depend on the order."""
    return math.fsum(values) / len(values)
