"""The checks of a source, evaluated on its rows."""

from __future__ import annotations

from mlspec.runtime.context import StageContext


def run(context: StageContext) -> None:
    """The stage `verify`."""
    from mlspec.runtime.verify.stage import run as verify

    verify(context)
