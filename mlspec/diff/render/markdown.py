"""Changes as Markdown, for the comment of a pull request.

It is written from the JSON document, so that a report that another job stored is shown by the same code. No text of a spec can become
a link, a mention, a picture or HTML: it stands in code spans, or every mark in it is made harmless.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.diagnostics.escape import escape
from mlspec.diff.change import EFFECTS
from mlspec.diff.page import again

LIMIT = 60_000
"""Characters: a comment may have 65,536 at GitHub, and whoever posts this puts something of his own around it."""

MARKER = "<!-- mlspec diff -->"
"""Hidden, on the first line: by it the comment of an earlier run is found and replaced."""

Document = Mapping[str, Any]
_MARKS = {
    "breaking": "🔴",
    "loosening": "🔴",
    "behaviour": "🟡",
    "tightening": "🟢",
    "additive": "🔵",
    "operational": "⚪",
    "cosmetic": "⚪",
}
_SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\*_[]<>|`~&!"})
# What sites make links of behind Markdown's back: mentions, numbers of issues, addresses, formulas. A zero-width space parts them.
_LINKED = re.compile(r"[@#]|[!~&%^](?=\w)|(?<=:)(?=//)|(?<=[wW]{3})(?=\.)")
_TABLE = ["", "| | where | old | new | runs again |", "| --- | --- | --- | --- | --- |"]


def render(document: Document, verbose: bool, limit: int = LIMIT) -> str:
    """A heading and a table a file within `limit`, the mildest changes left out first; one sentence where nothing changed."""
    files = [file for file in document["files"] if file["status"] != "same"]
    if not files:
        return f"{MARKER}\n**mlspec diff**: no changes\n"
    shown = len(EFFECTS) if verbose else len(EFFECTS) - 1
    for most in range(shown, 1, -1):
        text = _page(files, EFFECTS[:most], verbose)
        if len(text) <= limit:
            return text + (_left_out(files, EFFECTS[most:shown]) if most < shown else "")
    return _cut(files, limit)


def _page(files: Sequence[Document], effects: Sequence[str], verbose: bool) -> str:
    return "\n".join([MARKER, *(_file(file, effects, verbose) for file in files)])


def _left_out(files: Sequence[Document], effects: Sequence[str]) -> str:
    count = sum(change["effect"] in effects for file in files for change in file["changes"])
    return f"\n**{count} milder changes ({', '.join(effects)}) do not fit here**: `mlspec diff` shows them.\n"


def _cut(files: Sequence[Document], limit: int) -> str:
    """As many of the gravest changes as fit, a line each; the rest is counted."""
    graves = [(file["path"], change) for file in files for change in file["changes"] if change["effect"] in EFFECTS[:2]]
    graves.sort(key=lambda pair: not pair[1]["security"])
    failed = [f"* {_code(file['path'][:500])}: cannot be compared" for file in files if file["status"] == "failed"]
    lines = [*failed, *(f"* {_effect(change)} {_code(path[:500])} {_code(change['where'][:500])}" for path, change in graves)]
    total = sum(len(file["changes"]) for file in files)
    head = f"{MARKER}\n**{total} changes in {len(files)} specs: too many to show here.** `mlspec diff` shows them all. The gravest:\n\n"
    kept, left = [], limit - len(head) - 100
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    more = len(lines) - len(kept)
    return head + "\n".join(kept) + (f"\n\n… and {more} more\n" if more else "\n")


def _file(file: Document, effects: Sequence[str], verbose: bool) -> str:
    lines = [f"### {_code(file['path'])}", ""]
    if file["status"] == "failed":
        errors = [f"* {_error(error)}" for error in file["errors"]]
        return "\n".join([*lines, "Cannot be compared:", "", *errors, ""])
    told = [change for change in file["changes"] if verbose or change["effect"] != "cosmetic"]
    lines += [_counted(told) or "Nothing but cosmetic changes."]
    rows = [_row(change) for change in told if change["effect"] in effects]
    if rows:
        lines += [*_TABLE, *rows]
    for text in _notes(file, len(file["changes"]) - len(told)):
        lines += ["", text]
    return "\n".join([*lines, ""])


def _counted(changes: Sequence[Document]) -> str:
    counts = {effect: sum(change["effect"] == effect for change in changes) for effect in EFFECTS}
    return ", ".join(f"{count} {effect}" for effect, count in counts.items() if count)


def _effect(change: Document) -> str:
    return f"{_MARKS[change['effect']]} {change['effect']}" + (" 🔒" if change["security"] else "")


def _row(change: Document) -> str:
    code = change["code"]
    waived = change["waived"]
    accepted = (
        f"**waived** by {_plain(waived['owner'])} until {_plain(waived['expires'])}: {_plain(waived['reason'])}"
        if waived
        else ""
    )
    said = (_plain(change["why"]), f"the new spec has {code}" if code else "", accepted)
    why = "".join(f"<br>{text}" for text in said if text)
    cells = (_effect(change), f"{_code(change['where'])}{why}", _cell(change["old"], change["old_place"]),
             _cell(change["new"], change["new_place"]), _plain(again(dict(change["stages"]))))  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _cell(text: str, place: Document | None) -> str:
    where = "" if place is None else f"<sub>{_plain(_place(place))}</sub>"
    return "<br>".join(part for part in (_code(text) if text else "", where) if part)


def _place(place: Document) -> str:
    return f"{place['file']}:{place['line']}"


def _error(error: Document) -> str:
    place = error["place"]
    return f"{error['code']}: {_plain(error['message'])}" + (f" ({_plain(_place(place))})" if place else "")


def _notes(file: Document, hidden: int) -> list[str]:
    notes = []
    places = [change["where"] for change in file["changes"] if not change["comparable_numbers"]]
    if places:
        notes.append(f"**Old and new numbers are not comparable**: {_some(places, _code)}.")
    codes = sorted({error["code"] for error in file["errors"]})
    if codes:
        notes.append(f"**New errors**: {', '.join(codes)}.")
    if any(change["security"] for change in file["changes"]):
        notes.append("🔒 security-relevant")
    if hidden:
        notes.append(f"{hidden} cosmetic change{'' if hidden == 1 else 's'} not shown.")
    return notes


def _some(names: Sequence[str], style: Callable[[str], str], most: int = 20) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(style(name) for name in names[:most]) + more


def _code(text: str) -> str:
    """A code span that its text cannot leave, in a table cell."""
    text = escape(text).replace("|", "\\|")
    longest = max((len(run) for run in "".join(char if char == "`" else " " for char in text).split()), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {text} {ticks}" if longest else f"`{text}`"


def _plain(text: str) -> str:
    """Text without a mark that means something, and without what becomes a link by itself; `code` in it stays code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        return _harmless(escape(text))
    return "".join(
        (_code(part) if part.strip() else _harmless(f"`{part}`")) if index % 2 else _harmless(part)
        for index, part in enumerate(parts)
    )


def _harmless(text: str) -> str:
    return _LINKED.sub(lambda found: f"{found[0]}\u200b", text.translate(_SPECIAL)).replace("$", "<span>$</span>")
