"""A trial and what engines, pruners and the journal know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"


@dataclass(frozen=True)
class Suggestion:
    """What one trial tries: a family by name and its searched params, those that apply only."""

    family: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """A finished trial. `folds` are the objective's values in fold order, `value` their mean; a failed one says why."""

    number: int
    family: str
    params: Mapping[str, Any]
    state: str
    folds: tuple[float, ...] = ()
    value: float | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The trial as the journal and `study.json` hold it."""
        return {
            "number": self.number, "family": self.family, "params": dict(self.params), "state": self.state,
            "folds": list(self.folds), "value": self.value, "reason": self.reason,
        }  # fmt: skip


def read_trial(record: Mapping[str, Any]) -> Trial:
    """The trial in a journal record."""
    return Trial(
        int(record["number"]), record["family"], record["params"], record["state"], tuple(record["folds"]), record["value"],
        record["reason"],
    )  # fmt: skip


def best_of(trials: Sequence[Trial], direction: str) -> Trial | None:
    """The complete trial with the best value, the lowest number among equals."""
    sign = 1.0 if direction == "minimize" else -1.0
    complete = [trial for trial in trials if trial.state == COMPLETE and trial.value is not None]
    return min(complete, key=lambda trial: (sign * float(trial.value or 0.0), trial.number), default=None)
