"""What a study may spend: folds that are fitted, which is the same on every machine, or time, which is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIME_LIMIT = "time_limit"
CLOCKS = (TIME_LIMIT, "cpu_time")
"""Reasons for an end that depend on the machine: a study that one of them ended is marked as not reproducible."""


@dataclass(frozen=True)
class Budget:
    """`seconds` of the wall clock, `cpu` seconds of the processors that fit, `fits` of folds; None is no limit."""

    seconds: float | None = None
    cpu: float | None = None
    fits: int | None = None

    def exceeded(self, seconds: float, cpu: float) -> str | None:
        """Why no further trial begins after so much time, if so."""
        if self.seconds is not None and seconds >= self.seconds:
            return TIME_LIMIT
        return "cpu_time" if self.cpu is not None and cpu >= self.cpu else None


def read_budget(config: Mapping[str, Any]) -> Budget:
    """The budget of a search config."""
    seconds, budget = config.get("time_limit"), config.get("budget") or {}
    cpu, fits = budget.get("limit"), budget.get("count")
    return Budget(
        None if seconds is None else float(seconds), None if cpu is None else float(cpu), None if fits is None else int(fits)
    )
