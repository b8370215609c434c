"""Changes as Markdown, for the comment of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.diagnostics.escape import escape
from mlspec.diff.change import Change
from mlspec.diff.page import FileDiff, again, counted, incomparable, place

_MARKS = {
    "breaking": "🔴",
    "loosening": "🔴",
    "behaviour": "🟡",
    "tightening": "🟢",
    "additive": "🔵",
    "operational": "⚪",
    "cosmetic": "⚪",
}
_SPECIAL = str.maketrans({mark: f"\\{mark}" for mark in "\\*_[]<>|`#~"})


def render(files: Sequence[FileDiff], verbose: bool) -> str:
    """A heading and a table a file; nothing but one sentence where nothing changed."""
    changed = [file for file in files if file.status != "same"]
    if not changed:
        return "**mlspec diff**: no changes\n"
    return "\n".join(_file(file, verbose) for file in changed)


def _file(file: FileDiff, verbose: bool) -> str:
    lines = [f"### {_code(file.path)}", ""]
    if file.status == "failed":
        errors = [f"* {found.code.id}: {_plain(found.message)}" for found in file.diagnostics]
        return "\n".join([*lines, "Cannot be compared:", "", *errors, ""])
    changes = [change for change in file.comparison.changes if verbose or change.effect != "cosmetic"]
    hidden = len(file.comparison.changes) - len(changes)
    lines += [counted(changes) or "Nothing but cosmetic changes."]
    if changes:
        lines += ["", "| | where | old | new | runs again |", "| --- | --- | --- | --- | --- |", *map(_row, changes)]
    for text in _notes(file, hidden):
        lines += ["", text]
    return "\n".join([*lines, ""])


def _row(change: Change) -> str:
    effect = f"{_MARKS[change.effect]} {change.effect}" + (" 🔒" if change.security else "")
    why = "".join(
        f"<br>{text}" for text in (_plain(change.why), f"the new spec has {change.code}" if change.code else "") if text
    )
    cells = (effect, f"{_code(change.where)}{why}", _cell(change.old, place(change.old_span)), _cell(change.new, place(change.new_span)),
             _plain(again(change.stages)))  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _cell(text: str, where: str) -> str:
    return "<br>".join(part for part in (_code(text) if text else "", f"<sub>{_plain(where)}</sub>" if where else "") if part)


def _notes(file: FileDiff, hidden: int) -> list[str]:
    notes = []
    places = incomparable(file.comparison.changes)
    if places:
        notes.append(f"**Old and new numbers are not comparable**: {', '.join(map(_code, places))}.")
    codes = sorted({fault.code for fault in file.comparison.errors})
    if codes:
        notes.append(f"**New errors**: {', '.join(codes)}.")
    if any(change.security for change in file.comparison.changes):
        notes.append("🔒 security-relevant")
    if hidden:
        notes.append(f"{hidden} cosmetic change{'' if hidden == 1 else 's'} not shown.")
    return notes


def _code(text: str) -> str:
    """A code span that its text cannot leave, in a table cell."""
    text = escape(text).replace("|", "\\|")
    longest = max((len(run) for run in "".join(char if char == "`" else " " for char in text).split()), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {text} {ticks}" if longest else f"`{text}`"


def _plain(text: str) -> str:
    """Text without a mark that means something, and without a mention of anybody; `code` in it stays code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:
        return _no_mention(escape(text).translate(_SPECIAL))
    return "".join(_code(part) if index % 2 else _no_mention(part.translate(_SPECIAL)) for index, part in enumerate(parts))


def _no_mention(text: str) -> str:
    return text.replace("@", "@\u200b")
