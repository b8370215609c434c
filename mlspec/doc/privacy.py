"""What a page withholds of a run's findings: cells of few rows, and values of columns that tell of persons."""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.doc.subject import Subject
from mlspec.spec.kinds import FREE_TEXT
from mlspec.spec.model import Column

WITHHELD = "withheld"


def withheld(counts: Sequence[int], least: int) -> list[bool]:
    """Which cells of one whole are withheld: those of fewer rows than `least`, and where these together are few the next smallest.

    Else the total would give them away. An empty cell tells of nobody.
    """
    hidden = [0 < count < least for count in counts]
    few = sum(count for count, hides in zip(counts, hidden, strict=True) if hides)
    for place in sorted(range(len(counts)), key=lambda place: (counts[place], place)):
        if not 0 < few < least:
            break
        if counts[place] and not hidden[place]:
            hidden[place], few = True, few + counts[place]
    return hidden


def hides_values(column: Column) -> bool:
    """Whether single values of a column would name a person: keys, direct and free-text ones. As the spec tags it now."""
    return column.taint >= FREE_TEXT or "key" in column.attrs or column.type.name in ("text", "id")


def is_personal(column: Column) -> bool:
    """Whether a column tells of persons at all."""
    return "pii" in column.attrs or "protected" in column.attrs


def groups_hidden(subject: Subject, by: Sequence[object] | None) -> bool:
    """Whether the values that a slice or gate groups by are withheld: those of a column or feature that names persons, or is not known."""
    if not by or len(by) < 2:
        return True
    kind, name = str(by[0]), str(by[1])
    if kind == "period":
        return False
    if kind == "feature":
        found = [block.definitions[name] for block in subject.blocks("features") if name in block.definitions]
        return not found or any(item.value.taint >= FREE_TEXT for item in found)
    columns = [block.columns[name] for block in subject.blocks("source") if name in block.columns]
    return not columns or any(hides_values(column) for column in columns)
