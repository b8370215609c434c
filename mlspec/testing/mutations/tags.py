"""Mutants of tags and masks: a column, feature or alert without one of its attributes, a value that is logged or used as it stands."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.spec.model import Spec
from mlspec.syntax.nodes import Attr, Call, Declare, Define, File
from mlspec.testing.mutations.mutant import Mutant, blocks, one_line, replaced, walk

_NAMES = frozenset(("was", "named"))  # what something is called guards nothing
_MASKS = frozenset(("hmac", "redact", "bucket"))


def mutants(tree: File, spec: Spec) -> Iterator[Mutant]:
    """Every attribute dropped, every mask taken off."""
    for path, block in blocks(tree):
        if block.kind.text == "test":
            continue
        for statement in block.body:
            if isinstance(statement, Declare | Define):
                name = f"{path}.{statement.name.text}"
                yield from (_without(name, attr) for attr in statement.attrs if attr.name.text not in _NAMES)
            if isinstance(statement, Define):
                yield from _unmasked(f"{path}.{statement.name.text}", statement)
    for statement in tree.statements:
        if isinstance(statement, Declare) and statement.label is not None:
            yield from (_without(statement.label.text, attr) for attr in statement.attrs)


def _without(path: str, attr: Attr) -> Mutant:
    start = attr.span.start
    text = attr.span.source.text
    while text[start - 1] == " ":
        start -= 1
    return Mutant("tag dropped", path, attr.span, f"{one_line(attr.span.text)} → gone", ((start, attr.span.end, ""),))


def _unmasked(path: str, definition: Define) -> Iterator[Mutant]:
    for node in walk(definition.value):
        if isinstance(node, Call) and node.callee.text in _MASKS and node.args:
            yield replaced("mask dropped", path, node.span, node.args[0].value.span.text)
