"""Changes as a page for a reviewer: the gravest first with what each means and makes run again, then both texts side by side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from mlspec.diff.change import EFFECTS, Change
from mlspec.diff.lines import Row, side_by_side, words_apart
from mlspec.diff.page import FileDiff, again, counts, incomparable, place
from mlspec.diff.render.text import LISTED
from mlspec.page.frame import Link, Page, facts, section, table, tag
from mlspec.page.html import Html, el, join, prose
from mlspec.source import SourceFile, Span

TONES = {"breaking": "bad", "loosening": "bad", "behaviour": "warn", "tightening": "good"}
AROUND = 3
"""Lines as they were that are shown around each change; longer stretches fold."""


def render(files: Sequence[FileDiff]) -> str:
    """The whole page; specs without changes are only counted."""
    shown = [file for file in files if file.status != "same"]
    same = len(files) - len(shown)
    changes = [change for file in shown for change in file.comparison.changes]
    parts: list[object] = [_file(number, file) for number, file in enumerate(shown)]
    if not shown:
        parts = [el("p", "No changes.")]
    if same:
        parts.append(el("p", f"{same} spec{'' if same == 1 else 's'} without changes.", class_="note"))
    links = tuple(Link(f"#f{number}", file.path) for number, file in enumerate(shown)) if len(shown) > 1 else ()
    title = shown[0].path if len(shown) == 1 else f"{len(shown)} specs changed" if shown else "No changes"
    page = Page(title, "mlspec diff", join(parts), _summary(changes), facts([(count, effect) for effect, count in counts(changes).items()]),
                sections=links, footer="Made by mlspec diff from the two texts; the same texts give the same page.", assets=("sides",), wide=True)  # fmt: skip
    return page.render()


def _summary(changes: Sequence[Change]) -> str:
    security = sum(change.security for change in changes)
    if not changes:
        return ""
    word = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
    return f"{word}, {security} of them security-relevant." if security else f"{word}, none security-relevant."


def _file(number: int, file: FileDiff) -> Html:
    if file.status == "failed":
        errors = [el("li", el("code", found.code.id), " ", prose(found.message), f" ({place(found.span)})" if found.span else None)
                  for found in file.diagnostics]  # fmt: skip
        return section(file.path, _banner("bad", "Cannot be compared", el("ul", errors)), id_=f"f{number}", code=True)
    changes = file.comparison.changes
    grave = [(index, change) for index, change in enumerate(changes) if change.effect != "cosmetic"]
    mild = [(index, change) for index, change in enumerate(changes) if change.effect == "cosmetic"]
    listing = el("ol", [_change(number, index, change) for index, change in grave], class_="changes") if grave else None
    more = None
    if mild:
        items = el("ol", [_change(number, index, change) for index, change in mild], class_="changes")
        more = el("details", el("summary", f"{len(mild)} cosmetic"), items)
    return section(file.path, _notes(file), listing, more, list(_texts(number, file)), id_=f"f{number}", code=True)


def _notes(file: FileDiff) -> Html:
    """What holds of the whole file: numbers that do not compare, errors, what runs again."""
    parts: list[object] = []
    places = incomparable(file.comparison.changes)
    if places:
        parts.append(_banner("warn", "Old and new numbers are not comparable", el("p", _codes(places))))
    errors = file.comparison.errors
    if errors:
        items = [el("li", el("code", fault.code), " ", prose(fault.message), f" ({place(fault.span)})" if fault.span else None)
                 for fault in errors]  # fmt: skip
        parts.append(
            _banner("bad", f"The new text has {len(errors)} new error{'' if len(errors) == 1 else 's'}", el("ul", items))
        )
    stages = file.comparison.stages
    if stages is None and file.status == "changed":
        parts.append(el("p", "What runs again is not known: a side has errors.", class_="note"))
    elif file.status == "changed":
        known = stages or {}
        rows = [
            el("tr", el("th", words, scope="row"), el("td", _codes(known[action])))
            for action, words in LISTED
            if known.get(action)
        ]
        parts.append(
            table(["What happens", "Stages"], rows, label="What runs again")
            if rows
            else el("p", "Nothing runs again.", class_="note")
        )
    return join(parts)


def _banner(tone: str, head: str, more: Html) -> Html:
    return el("div", el("div", el("b", head), more), class_=f"banner {tone}", role="note")


def _codes(names: Sequence[str]) -> Html:
    return join([el("code", name) for name in names], ", ")


def _change(number: int, index: int, change: Change) -> Html:
    """One change as a card with links to its lines."""
    tone = TONES.get(change.effect, "")
    old, new = change.whole or (change.old, change.new)
    lines = [
        el("a", f"{side} line {span.position[0]}", href=f"#{_line_id(number, side, span)}")
        for side, span in (("old", change.old_span), ("new", change.new_span))
        if span is not None
    ]
    marks = [tag(change.effect, tone), tag("security-relevant", "bad") if change.security else None,
             tag("numbers not comparable", "warn") if change.incomparable else None, tag("waived", "good") if change.waived else None]  # fmt: skip
    runs = again(change.stages)
    stages = [name for action, names in change.stages.items() if action not in ("redeploy", "rearm") for name in names]
    return el(
        "li",
        el("h3", el("code", change.where), " ", marks),
        el("div", el("del", el("code", old)) if old else None, " → " if old and new else None, el("ins", el("code", new)) if new else None,
           class_="values") if old or new else None,
        el("p", prose(change.why)) if change.why else None,
        el("p", prose(change.waived.sentence)) if change.waived else None,
        el("p", "The new spec has ", el("code", change.code), " here.") if change.code else None,
        el("p", f"A run {runs}", ": " if stages else None, _codes(stages), class_="note") if runs else None,
        el("p", join(lines, " · "), class_="note") if lines else None,
        class_=f"card change {tone}".strip(), id=f"c{number}-{index}",
    )  # fmt: skip


def _line_id(number: int, side: str, span: Span) -> str:
    """The anchor of a line; of imported files the name makes the difference."""
    return f"f{number}-{side}-{_mark(span.source.name)}{span.position[0]}"


def _mark(name: str) -> str:
    return f"{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}-"


def _texts(number: int, file: FileDiff) -> Iterator[Html]:
    """Each text beside its other version: the spec's own first, then imported ones that a change is in."""
    for old, new in _sources(file):
        marks = {side: _marked(file.comparison.changes, side, source) for side, source in (("old", old), ("new", new))}
        name = new.name if new is not None else old.name if old is not None else ""
        rows = side_by_side("" if old is None else old.text, "" if new is None else new.text)
        yield el(
            "h3",
            f"{old.name} → {new.name}" if old is not None and new is not None and old.name != new.name else name,
            class_="texts",
        )
        ids = {
            side: "" if source is None else f"f{number}-{side}-{_mark(source.name)}"
            for side, source in (("old", old), ("new", new))
        }
        yield _sides(rows, marks, ids, number)


def _sources(file: FileDiff) -> list[tuple[SourceFile | None, SourceFile | None]]:
    found: list[tuple[SourceFile | None, SourceFile | None]] = []
    spans = [(change.old_span, change.new_span) for change in file.comparison.changes]
    before = {span.source.name: span.source for span, _ in spans if span is not None}
    after = {span.source.name: span.source for _, span in spans if span is not None}
    old, new = file.sources
    if old is not None or new is not None:
        found.append((old, new))
        before.pop("" if old is None else old.name, None)
        after.pop("" if new is None else new.name, None)
    found += [(before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))]
    return found


def _marked(changes: Sequence[Change], side: str, source: SourceFile | None) -> dict[int, list[tuple[int, Change]]]:
    """The changes by the line on which they stand, on one side."""
    found: dict[int, list[tuple[int, Change]]] = {}
    for index, change in enumerate(changes):
        span = change.old_span if side == "old" else change.new_span
        if source is not None and span is not None and span.source.name == source.name:
            found.setdefault(span.position[0], []).append((index, change))
    return found


Marks = Mapping[str, Mapping[int, list[tuple[int, Change]]]]


def _sides(rows: Sequence[Row], marks: Marks, ids: Mapping[str, str], number: int) -> Html:
    """The table of both texts; what is far from any change folds away, and opens without a script."""
    near = [row.kind != "same" or row.old in marks["old"] or row.new in marks["new"] for row in rows]
    shown = [any(near[max(0, at - AROUND) : at + AROUND + 1]) for at in range(len(rows))]
    if len({row.kind for row in rows}) == 1 and rows[0].kind in ("gone", "new"):
        shown = [False] * len(rows)  # a text that only one side has: whoever wants it opens it
    parts, start = [], 0
    while start < len(rows):
        end = start
        while end < len(rows) and shown[end] == shown[start]:
            end += 1
        lines = [_row(row, marks, ids, number) for row in rows[start:end]]
        block = el("table", el("tbody", lines), class_="sides")
        parts.append(block if shown[start] else el("details", el("summary", _folded(rows[start], end - start)), block))
        start = end
    return el("div", parts, class_="scroll both", tabindex="0", role="region", aria_label="Both texts side by side")


def _folded(first: Row, count: int) -> str:
    words = {"gone": "that are gone", "new": "that came"}.get(first.kind, "as they were")
    return f"{count} line{'' if count == 1 else 's'} {words}"


def _row(row: Row, marks: Marks, ids: Mapping[str, str], number: int) -> Html:
    old, new = [(False, row.old_text)], [(False, row.new_text)]
    if row.kind == "changed":
        old, new = words_apart(row.old_text, row.new_text)
    return el(
        "tr", _cells("old", row.old, old, marks, ids, number), _cells("new", row.new, new, marks, ids, number), class_=row.kind
    )


def _cells(
    side: str, line: int, pieces: list[tuple[bool, str]], marks: Marks, ids: Mapping[str, str], number: int
) -> list[Html]:
    if not line:
        return [el("td", class_="no"), el("td", class_=f"none {side}")]
    found = marks[side].get(line, [])
    worst = min((change for _, change in found), key=lambda change: EFFECTS.index(change.effect), default=None)
    tone = "" if worst is None else f" marked {TONES.get(worst.effect, '')}"
    element = "del" if side == "old" else "ins"
    text = [el(element, piece) if differs and piece else piece for differs, piece in pieces]
    links = [el("a", change.effect, href=f"#c{number}-{index}", class_="to") for index, change in found]
    return [
        el("td", line, class_=f"no{tone}".rstrip(), id=f"{ids[side]}{line}"),
        el("td", text, links, class_=f"{side}{tone}".rstrip()),
    ]
