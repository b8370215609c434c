"""Score packages on held-out rows: metrics, intervals, slices and the curves of the report."""

from __future__ import annotations

from mlspec.runtime.context import StageContext


def run(context: StageContext) -> None:
    """The `evaluate` stage."""
    from mlspec.runtime.evaluate.stage import evaluate

    evaluate(context)
