"""Mutants of splits: by chance instead of by time, without gap, group or strata, with parts swapped, and gates on the training part."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mlspec.spec.model import Spec
from mlspec.syntax.nodes import Block, Define, File, Range, Ref, Setting
from mlspec.testing.mutations.mutant import Edit, Mutant, blocks, definitions, one_line, removed, replaced

_DROPPED = ("gap", "group", "stratify")


def mutants(tree: File, spec: Spec) -> Iterator[Mutant]:
    """Every split in each of its ways to leak."""
    for path, block in blocks(tree):
        if block.kind.text == "split":
            settings = {item.name.text: item for item in block.body if isinstance(item, Setting)}
            for name in _DROPPED:
                if name in settings:
                    yield removed(
                        f"split {name} dropped",
                        f"{path}.{name}",
                        settings[name].span,
                        f"{one_line(settings[name].span.text)} → gone",
                    )
            parts = list(definitions(path, block))
            yield from _by_chance(path, block, parts, settings)
            yield from _swapped(parts)
        elif block.kind.text in ("gates", "monitor"):
            yield from _on_training_part(path, block, spec)


def _by_chance(path: str, block: Block, parts: list[tuple[str, Define]], settings: dict[str, Setting]) -> Iterator[Mutant]:
    """Shares in place of intervals; what only intervals have goes with them."""
    if not parts or not all(isinstance(part.value, Range) for _, part in parts):
        return
    share, first = divmod(100, len(parts))
    edits: list[Edit] = [
        (part.value.span.start, part.value.span.end, f"{share + (first if place == 0 else 0)}%")
        for place, (_, part) in enumerate(parts)
    ]
    for name in ("on", "gap"):
        if name in settings:
            edits += removed("", "", settings[name].span, "").edits
    yield Mutant("split by chance", path, block.head, "parts by chance, not by time", tuple(edits))


def _swapped(parts: list[tuple[str, Define]]) -> Iterator[Mutant]:
    """Two neighbouring parts with each other's rows."""
    for (path, one), (_, other) in pairwise(parts):
        if one.value.span.text != other.value.span.text:
            edits = (
                (one.value.span.start, one.value.span.end, other.value.span.text),
                (other.value.span.start, other.value.span.end, one.value.span.text),
            )
            yield Mutant("split parts swapped", path, one.span, f"{one.name.text} and {other.name.text} swapped", edits)


def _on_training_part(path: str, block: Block, spec: Spec) -> Iterator[Mutant]:
    """Gates and monitors that look at the rows which the model has learned from."""
    field = "part" if block.kind.text == "gates" else "reference"
    found = next((item for item in block.body if isinstance(item, Setting) and item.name.text == field), None)
    if found is None or not isinstance(found.value, Ref):
        return
    known, _ = spec.owner(found.value.text)
    split = found.value.text.rpartition(".")[0]
    for name in known.parts if known is not None else ():
        other = f"{split}.{name}"
        if other != found.value.text:
            yield replaced(f"{block.kind.text} part swapped", f"{path}.{field}", found.value.span, other)
