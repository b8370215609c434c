"""What the server needs of a package, as a type: the real one is `mlspec.runtime.package.Package`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Scored(Protocol):
    """Scores of some records: a float array and one decision per record."""

    @property
    def score(self) -> Any: ...

    @property
    def decision(self) -> Sequence[Any]: ...


class ServedPackage(Protocol):
    """A loaded package: columns a request brings, features in order, and the one scoring function."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def classes(self) -> Sequence[Any] | None: ...

    @property
    def positive(self) -> Any: ...

    @property
    def threshold(self) -> float | None: ...

    @property
    def engine(self) -> str: ...

    @property
    def columns(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def features(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def folder(self) -> Path: ...

    @property
    def feature_values(self) -> Callable[[Mapping[str, Any]], dict[str, Any]]: ...

    def score(self, records: Sequence[Mapping[str, Any]]) -> Scored: ...
