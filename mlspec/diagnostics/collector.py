"""Collects diagnostics: each once, by position, at most 100 shown and the rest counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlspec.diagnostics.diagnostic import Diagnostic

LIMIT = 100


class Collector:
    """All findings of one run over one or more files."""

    def __init__(self, found: Iterable[Diagnostic] = ()) -> None:
        self._found: list[Diagnostic] = list(found)

    def add(self, diagnostic: Diagnostic) -> None:
        """Takes one finding."""
        self._found.append(diagnostic)

    def extend(self, found: Iterable[Diagnostic]) -> None:
        """Takes many findings."""
        self._found.extend(found)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> int:
        """How many different findings are errors."""
        return sum(d.severity == "error" for d in self.sorted())

    @property
    def warnings(self) -> int:
        """How many different findings are warnings."""
        return sum(d.severity == "warning" for d in self.sorted())

    def sorted(self) -> list[Diagnostic]:
        """Every finding once: by file, then position, then code. Findings without a place come first in their file's absence."""
        unique: dict[tuple[object, ...], Diagnostic] = {}
        for diagnostic in self._found:
            unique.setdefault((*_place(diagnostic), diagnostic.code.id, diagnostic.message), diagnostic)
        return sorted(unique.values(), key=lambda d: (*_place(d), d.code.id))

    def shown(self, limit: int = LIMIT) -> tuple[list[Diagnostic], int]:
        """The first `limit` findings, errors never pushed out by warnings, and how many more there are."""
        found = self.sorted()
        return capped(found, limit), max(0, len(found) - limit)


def capped(found: Sequence[Diagnostic], limit: int) -> list[Diagnostic]:
    """At most `limit` of `found`, in their order; warnings give way to errors."""
    if len(found) <= limit:
        return list(found)
    errors = [d for d in found if d.severity == "error"][:limit]
    kept = {id(d) for d in errors}
    for diagnostic in found:
        if len(kept) == limit:
            break
        kept.add(id(diagnostic))
    return [d for d in found if id(d) in kept]


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.span
    return ("", -1, -1) if span is None else (span.source.name, span.start, span.end)
