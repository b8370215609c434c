"""The editions of the language, and what a text needs to say the same in the next one.

An edition fixes every default and every spelling. A new one is a name in `mlspec.syntax.layout.EDITIONS` and a row here: rewrites over
the syntax tree of a text of the edition before. `mlspec migrate` makes them and proves that the meaning is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mlspec.diagnostics import Edit
from mlspec.source import Span
from mlspec.syntax import layout
from mlspec.syntax.nodes import Block, Call, File, Node, Setting

Edits = Iterator[Edit]


class Rewrite(NamedTuple):
    """One difference between two editions: what it is, in words, and the edits that a text of the older one needs."""

    what: str
    edits: Callable[[File], Edits]


REWRITES: dict[str, tuple[Rewrite, ...]] = {}
"""By edition, what the edition before it wrote in another way. The first edition has no row."""


class NoWay(Exception):
    """There is no way from one edition to the other; the text says why."""


def steps(old: str, new: str) -> list[str]:
    """The editions to go through, the first behind `old`, the last `new`."""
    known = layout.EDITIONS
    for edition in (old, new):
        if edition not in known:
            raise NoWay(f"there is no edition `{edition}`")
    first, last = known.index(old), known.index(new)
    if first > last:
        raise NoWay(f"edition {old} is newer than {new}: a text goes forward only")
    return list(known[first + 1 : last + 1])


def edits_to(edition: str, tree: File) -> list[Edit]:
    """What a text of the edition before needs, its first line included."""
    found = [edit for rewrite in REWRITES.get(edition, ()) for edit in rewrite.edits(tree)]
    start = tree.span.source.text.index(tree.edition or "")
    found.append(Edit(Span(tree.span.source, start, start + len(tree.edition or "")), edition))
    return sorted(found, key=lambda edit: (edit.span.start, edit.span.end))


# ---- what rewrites are made of


def nodes(tree: Node) -> Iterator[Node]:
    """A tree and all that is in it, from the top."""
    pending: list[object] = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, tuple | list):
            pending += reversed(item)
        elif isinstance(item, Node):
            yield item
            pending += reversed([getattr(item, name) for name in item.__match_args__[1:]])


def blocks(tree: File, kind: str) -> Iterator[Block]:
    """All blocks of a kind."""
    return (node for node in nodes(tree) if isinstance(node, Block) and node.kind.text == kind)


def rename_field(kind: str, old: str, new: str) -> Rewrite:
    """A field has another name."""

    def edits(tree: File) -> Edits:
        for block in blocks(tree, kind):
            yield from (
                Edit(item.name.span, new)
                for item in block.body
                if isinstance(item, Setting) and item.label is None and item.name.text == old
            )

    return Rewrite(f"`{old}` of `{kind}` is `{new}`", edits)


def rename_kind(old: str, new: str) -> Rewrite:
    """A kind of block has another name."""
    return Rewrite(f"`{old}` is `{new}`", lambda tree: (Edit(block.kind.span, new) for block in blocks(tree, old)))


def rename_call(old: str, new: str) -> Rewrite:
    """A function or constructor has another name."""

    def edits(tree: File) -> Edits:
        yield from (Edit(node.callee.span, new) for node in nodes(tree) if isinstance(node, Call) and node.callee.text == old)

    return Rewrite(f"`{old}(…)` is `{new}(…)`", edits)


def keep_default(kind: str, field: str, value: str) -> Rewrite:
    """A field has another default: where a block does not set it, it says what it meant."""

    def edits(tree: File) -> Edits:
        for block in blocks(tree, kind):
            if not any(isinstance(item, Setting) and item.name.text == field for item in block.body):
                source, end = block.span.source, block.span.end - 1  # before the `}`
                line = source.text.rfind("\n", 0, end) + 1
                margin = source.text[line:end]
                yield Edit(Span(source, line, line), f"{margin}  {field} = {value}\n")

    return Rewrite(f"`{field}` of `{kind}` was {value} where it is not set", edits)
