"""Batch scoring: the rows of a file through a package, as requests would go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlspec.runtime.score.batch import ScoreResult, score_file

__all__ = ["ScoreResult", "score_file"]


def __getattr__(name: str) -> Any:
    """pyarrow and DuckDB load only when something is scored."""
    if name not in __all__:
        raise AttributeError(name)
    from mlspec.runtime.score import batch

    return getattr(batch, name)
