"""Collects diagnostics while a spec is checked, and finds the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlspec.diagnostics import Diagnostic, Edit, Note, code
from mlspec.source import Span


class Findings:
    """The diagnostics of one check, in order of discovery."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self._known: set[tuple[str, str, int, int]] = set()

    def add(self, id: str, span: Span | None, notes: Sequence[Note] = (), edits: Sequence[Edit] = (), **data: object) -> None:
        """Report code `id` at `span`; `data` fills the wording, and None or "" leaves its line out.

        A code is reported once at a place: an expression that two rules read does not give two findings.
        """
        if span is not None:
            place = (id, span.source.name, span.start, span.end)
            if place in self._known:
                return
            self._known.add(place)
        texts = {key: str(value) for key, value in data.items() if value is not None and value != ""}
        self.found.append(Diagnostic(code(id), span, texts, notes, edits))

    def unknown(self, id: str, span: Span, name: str, known: Iterable[str], **data: object) -> None:
        """Report that `name` is none of `known`, with the nearest one as the edit."""
        names = list(dict.fromkeys(known))
        near = nearest(name, names)
        edits = [Edit(span, near)] if near else []
        self.add(id, span, edits=edits, name=name, known=listing(names), nearest=near, **data)

    @property
    def errors(self) -> int:
        return sum(1 for finding in self.found if finding.severity == "error")


def listing(names: Sequence[str], limit: int = 12) -> str:
    """Names as a message shows them: quoted, at most `limit`."""
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def article(noun: str) -> str:
    """`noun` with a or an."""
    return f"an {noun}" if noun[:1] in "aeiou" and not noun.startswith("one") else f"a {noun}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that `name` most likely stands for, "" where none is near.

    Edit distance with swaps of neighbours, at most a third of the length; a name that only differs in case is nearest.
    """
    best, limit = "", max(1, len(name) // 3) + 1
    folded = name.lower()
    for other in names:
        if abs(len(other) - len(name)) >= limit:
            continue
        distance = _distance(folded, other.lower(), limit)
        if distance < limit:
            best, limit = other, distance
            if distance == 0:
                break
    return best


def _distance(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance of `a` and `b`, or `limit` where it is at least that."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) >= limit:
            return limit
    return min(row[-1], limit)
