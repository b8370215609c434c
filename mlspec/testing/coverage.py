"""Coverage: the features, checks, gates, guards and alerts of a spec, and the tests that touch each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.source import Span
from mlspec.spec.model import Block, Spec

NOUNS = {
    "features": "feature", "source": "check", "gates": "gate", "serve": "guard", "ab": "guard", "canary": "guard",
    "shadow": "guard", "monitor": "alert",
}  # fmt: skip
"""Kinds of blocks whose definitions are counted, and what one of them is called."""
UNREACHABLE = frozenset(("guard",))
"""What no expectation can name: guards are counted, so that the number says what no test holds."""


@dataclass(frozen=True)
class Item:
    """One definition that a test may touch, and the tests that do."""

    noun: str
    path: str
    span: Span
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """Every definition of a spec that a test may touch."""

    items: tuple[Item, ...]

    def __bool__(self) -> bool:
        return bool(self.items)

    @property
    def touched(self) -> int:
        """How many some test touches."""
        return sum(bool(item.tests) for item in self.items)

    def by_noun(self) -> dict[str, list[Item]]:
        """The items of each noun, in the order of the lifecycle."""
        found: dict[str, list[Item]] = {}
        for noun in dict.fromkeys(NOUNS.values()):
            items = [item for item in self.items if item.noun == noun]
            if items:
                found[noun] = items
        return found


def share(coverages: Iterable[Coverage]) -> float:
    """The share of definitions that are touched, in percent; 100 of none."""
    items = [item for coverage in coverages for item in coverage.items]
    return 100.0 * sum(bool(item.tests) for item in items) / len(items) if items else 100.0


def coverage_of(spec: Spec, outcomes: Iterable[Mapping[str, Any]]) -> Coverage:
    """What the tests touch: what an expectation names, what that is computed from, and what gave an expected code."""
    touched: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        for path in outcome["touched"]:
            for each in _within(spec, path):
                touched.setdefault(each, {})[outcome["name"]] = None
    return Coverage(tuple(
        Item(NOUNS[block.kind], f"{block.path}.{name}", definition.span, tuple(touched.get(f"{block.path}.{name}", ())))
        for block in _blocks(spec)
        for name, definition in block.definitions.items()
    ))  # fmt: skip


def _blocks(spec: Spec) -> Iterator[Block]:
    """The blocks whose definitions are counted, nested ones behind their own."""
    for block in spec.taken:
        for each in (block, *block.blocks):
            if each.kind in NOUNS:
                yield each


def _within(spec: Spec, path: str) -> Iterator[str]:
    """A path and the features that it reads, where it is a feature."""
    yield path
    block, member = spec.owner(path)
    if block is None:
        return
    if member in block.definitions:
        for ref in block.definitions[member].value.refs:
            if ref.kind == "feature" and ref.path != path:
                yield ref.path
