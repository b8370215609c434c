"""Collects diagnostics while a spec is checked, and finds the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlspec.diagnostics import Diagnostic, Edit, Note, code
from mlspec.source import Span

# So many names are compared with unknown ones in one check: a file that is all wrong is told so in time, without suggestions.
MAX_COMPARISONS = 10_000


class Findings:
    """The diagnostics of one check, in order of discovery."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.errors = 0
        self._known: set[tuple[str, str, int, int]] = set()
        self._comparisons = 0
        self.hidden: list[Span] = []  # where something is wrong that follows from what is reported elsewhere

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

    def error_in(self, span: Span) -> bool:
        """Whether an error was found inside `span`: what stands there is then not known in full."""
        return any(
            one.severity == "error" and one.span is not None and one.span.source is span.source and span.start <= one.span.start < span.end
            for one in self.found
        )  # fmt: skip

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
        self._comparisons += len(names)
        searched = self._comparisons <= MAX_COMPARISONS
        near = nearest(name, names) or _alias(name, names) if searched else ""
        edits = [Edit(span, near, guess=True)] if near else []
        if " of `" in data.get("kind", "") and id == "MLS101":
            data["kind"] += ":"
        shown: dict[str, object] = {
            "name": name,
            "known": listing(_by_nearness(name, names) if searched else names),
            "nearest": near,
            **data,
        }
        self._add(id, span, (), edits, shown)


def _alias(name: str, names: list[str]) -> str:
    from mlspec.spec.aliases import meant

    return meant(name, names)


def _by_nearness(name: str, names: list[str], limit: int = 12) -> list[str]:
    """Names as they are; of more than a message shows, those most like `name` come first."""
    if len(names) <= limit:
        return names
    folded = name.lower()
    return sorted(names, key=lambda other: _distance(folded, other.lower(), 64) - 4 * _shared(folded, other.lower()))


def _shared(a: str, b: str) -> int:
    """How many letters two names begin with in common."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def listing(names: Sequence[str], limit: int = 12) -> str:
    """Names as a message shows them: quoted, at most `limit`."""
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


_NOUNS = {
    "features": "a block of features",
    "gates": "a block of gates",
    "serve": "a server (`serve`)",
    "score": "a batch score",
    "derived": "a value of a frame",
}


def article(noun: str) -> str:
    """`noun` with a or an; a block kind as messages name it."""
    if noun in _NOUNS:
        return _NOUNS[noun]
    return f"an {noun}" if noun[:1] in "aeiou" and not noun.startswith("one") else f"a {noun}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that `name` most likely stands for, "" where none is near.

    Edit distance with swaps of neighbours, at most a third of the length; a name that only differs in case is nearest.
    """
    best, limit, shared = "", max(1, len(name) // 3) + 1, 0
    folded = name.lower()
    for other in names:
        if abs(len(other) - len(name)) > limit:
            continue
        distance = _distance(folded, other.lower(), limit + 1)
        common = _shared(folded, other.lower())
        if distance < limit or (best and distance == limit and common > shared):
            best, limit, shared = other, distance, common
    return best or _longer(folded, names)


def _longer(name: str, names: Iterable[str]) -> str:
    """The one name that `name` is the beginning, the last part or the longer form of: `max_leafs` and `max_leaf_nodes`."""
    found = [other for other in names if _is_part(name, other.lower())]
    return found[0] if len(found) == 1 else ""


def _is_part(name: str, other: str) -> bool:
    if len(name) < 3:
        return False
    if name.rpartition(".")[2] == other.rpartition(".")[2]:
        return True
    return _shared(name, other) >= max(4, len(name) - 2)


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
