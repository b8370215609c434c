"""Which of the edits that findings carry can be made together, and the text after them."""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.diagnostics.diagnostic import Diagnostic, Edit
from mlspec.source import SourceFile


def chosen(found: Sequence[Diagnostic], source: SourceFile, *, guesses: bool) -> list[Edit]:
    """The edits of `source` by position: all those of a finding or none, and none that touches another."""
    taken: list[Edit] = []
    for diagnostic in found:
        edits = diagnostic.edits
        if any(edit.span.source is not source or (edit.guess and not guesses) for edit in edits):
            continue  # of an import, which is fixed where it is checked itself; or a guess
        if all(_apart(edit, other) for edit in edits for other in taken):
            taken += edits
    return sorted(taken, key=lambda edit: (edit.span.start, edit.span.end))


def _apart(one: Edit, other: Edit) -> bool:
    return one.span.end < other.span.start or other.span.end < one.span.start


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with its edits made, last to first."""
    for edit in reversed(edits):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text
