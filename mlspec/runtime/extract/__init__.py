"""From the files and databases of a source to one typed, verified table."""

from __future__ import annotations

from mlspec.runtime.context import StageContext


def run(context: StageContext) -> None:
    """The stage `extract`."""
    from mlspec.runtime.extract.stage import run as extract

    extract(context)
