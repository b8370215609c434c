"""Statistics of a part of the data, as JSON and as one page."""

from __future__ import annotations

from mlspec.runtime.context import StageContext


def run(context: StageContext) -> None:
    """The stage `explore`."""
    from mlspec.runtime.profile.stage import run as explore

    explore(context)
