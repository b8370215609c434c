"""What a test gives of one source, and what may come of a value instead of one. No library is needed to say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.errors import StageError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """The rows of one source in a test: those that are tested, and those that fitted steps learn from."""

    source: str
    columns: Sequence[Mapping[str, Any]]
    tested: Sequence[Row]
    learned: Sequence[Row]

    @property
    def view(self) -> str:
        """Every row as often as the test says: what the checks of the source read; other sources refer to it by this name."""
        return f"source {self.source}"

    def rows(self, learned: bool) -> Sequence[Row]:
        """The literal rows, each once."""
        return self.learned if learned else self.tested

    def each(self, learned: bool) -> str:
        """The view that holds each literal row once."""
        return f"{'learned' if learned else 'tested'} {self.source}"

    def record(self, row: Row) -> dict[str, Any]:
        """A row as a request brings it: every column, null where the test says nothing."""
        return {str(column["name"]): row["values"].get(column["name"]) for column in self.columns}


class Disagreement(Exception):
    """The batch and the online evaluator gave two values for one row: a fault of mlspec."""

    def __init__(self, path: str, row: int, batch: Any, online: Any) -> None:
        super().__init__(f"`{path}` in row {row + 1}: {batch!r} in a batch, {online!r} for a request")


class Faulty:
    """Stands for a value that cannot be computed."""

    def __init__(self, error: StageError) -> None:
        self.error = error
