"""Mutants of a spec: small changes of its text, each of which somebody should notice."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.spec.model import Spec
from mlspec.syntax.nodes import File
from mlspec.testing.mutations import conditions, features, splits, tags
from mlspec.testing.mutations.mutant import Mutant

FAMILIES = (conditions.mutants, splits.mutants, tags.mutants, features.mutants)


def mutants(tree: File, spec: Spec) -> list[Mutant]:
    """Every mutant of a spec without errors, in order of the text."""
    found = [mutant for family in FAMILIES for mutant in family(tree, spec)]
    return sorted(_once(found), key=lambda mutant: (mutant.span.start, mutant.kind))


def _once(found: list[Mutant]) -> Iterator[Mutant]:
    """Two families may make the same change: it is told once."""
    seen: set[tuple[tuple[int, int, str], ...]] = set()
    for mutant in found:
        if mutant.edits not in seen:
            seen.add(mutant.edits)
            yield mutant


__all__ = ["Mutant", "mutants"]
