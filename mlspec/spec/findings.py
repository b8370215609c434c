"""Collects diagnostics while a spec is checked, and finds the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlspec.diagnostics import Diagnostic, Edit, Note, code
from mlspec.source import Span


class Findings:
    """The diagnostics of one check, in order of discovery."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.errors = 0
        self._known: set[tuple[str, str, int, int]] = set()

    def add(self, id: str, span: Span | None, notes: Sequence[Note] = (), edits: Sequence[Edit] = (), **data: object) -> None:
        """Report code `id` at `span`; `data` fills the wording, and None or "" leaves its line out.

        A code is reported once at a place: an expression that two rules read does not give two findings.
        """
        self._add(id, span, notes, edits, data)

    def _add(self, id: str, span: Span | None, notes: Sequence[Note], edits: Sequence[Edit], data: dict[str, object]) -> None:
        if span is not None:
            place = (id, span.source.name, span.start, span.end)
            if place in self._known:
                return
            self._known.add(place)
        texts = {key: str(value) for key, value in data.items() if value is not None and value != ""}
        finding = Diagnostic(code(id), span, texts, notes, edits)
        self.found.append(finding)
        self.errors += finding.severity == "error"

    def take_back(self, mark: int) -> None:
        """Forget all that was found since `len(found)` was `mark`."""
        for finding in self.found[mark:]:
            self.errors -= finding.severity == "error"
            if finding.span is not None:
                self._known.discard((finding.code.id, finding.span.source.name, finding.span.start, finding.span.end))
        del self.found[mark:]

    def unknown(self, id: str, span: Span, name: str, known: Iterable[str], **data: str) -> None:
        """Report that `name` is none of `known`, with the nearest one as the edit."""
        names = list(dict.fromkeys(known))
        near = nearest(name, names)
        edits = [Edit(span, near)] if near else []
        shown: dict[str, object] = {"name": name, "known": listing(names), "nearest": near, **data}
        self._add(id, span, (), edits, shown)


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
