"""Search over families and params: a reproducible study whose best trial becomes a package."""

from mlspec.runtime.search.stage import run

__all__ = ["run"]
