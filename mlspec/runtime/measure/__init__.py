"""Measure what only a clock can tell of a package: latency under load, time to load."""

from __future__ import annotations

from mlspec.runtime.context import StageContext


def run(context: StageContext) -> None:
    """The `measure` stage."""
    from mlspec.runtime.measure.stage import measure

    measure(context)
