"""The part of a spec without errors: what the checks over a whole spec can still read, so that one run shows all that is wrong.

A block with an error goes, and so does every block that refers to one that went: a value that is not known hides the checks
that touch it, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlspec.source import Span
from mlspec.spec.findings import Findings
from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value


def sound_part(spec: Spec, findings: Findings) -> Spec:
    """A spec of the blocks in which no error lies, nor what follows from one, and that refer to no such block."""
    errors = [
        item.span
        for item in findings.found
        if item.severity == "error" and item.code.id != "MLS901" and item.span is not None
    ]  # fmt: skip
    errors += findings.hidden
    blocks = {name: block for name, block in spec.blocks.items() if not _holds(block, errors)}
    size = -1
    while size != len(blocks):
        size = len(blocks)
        blocks = {name: block for name, block in blocks.items() if all(ref in blocks for ref in set(named_in(block)))}
    sound = Spec(spec.edition)
    sound.name, sound.env, sound.spans = spec.name, spec.env, spec.spans
    sound.imports, sound.homes, sound.files, sound.needed = spec.imports, spec.homes, spec.files, spec.needed
    sound.blocks = blocks
    sound.unnamed = [block for block in spec.unnamed if not _holds(block, errors)]
    return sound


def _holds(block: Block, errors: list[Span]) -> bool:
    """Whether one of the errors lies in the text of a block."""
    return any(
        error.source is block.span.source and block.span.start <= error.start < max(block.span.end, block.span.start + 1)
        for error in errors
    )


def named_in(block: Block) -> Iterator[str]:
    """The blocks that a block refers to, its nested blocks included; the names of its own arms and families are none."""
    own = {inner.name for inner in block.blocks}
    for each in (block, *block.blocks):
        for value in each.fields.values():
            yield from (name for name in _references(value.item) if name not in own)
        for item in (*each.columns.values(), *each.definitions.values(), *each.parts.values()):
            for attribute in item.attrs.values():
                yield from _references(attribute.args)
        for definition in each.definitions.values():
            yield from (name for name in _references(definition.value) if name not in own)
    yield from (column.type.entity for column in block.columns.values() if column.type.entity)


def _references(item: Any) -> Iterator[str]:
    if isinstance(item, Reference):
        yield item.block
    elif isinstance(item, Typed):
        yield from (ref.block for ref in item.refs)
    elif isinstance(item, Value):
        yield from _references(item.item)
    elif isinstance(item, Made):
        yield from _references(item.args)
    elif isinstance(item, Bounds):
        yield from _references((item.low, item.high))
    elif isinstance(item, Mapping):
        for value in item.values():
            yield from _references(value)
    elif isinstance(item, tuple | list):
        for value in item:
            yield from _references(value)
