"""Changes for people at a terminal: one line a change where it fits 80 columns, the reason and both places under it.

! loosening    gates.release.useful  0.88 → 0.84  [rescores 1 stage]
               old.mlspec:98 → new.mlspec:98
"""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.diagnostics.escape import escape
from mlspec.diff.change import Change
from mlspec.diff.page import FileDiff, again, counted, incomparable, places

WIDTH = 80
_INDENT = " " * 15
_COLORS = {
    "breaking": "1;31", "loosening": "1;31", "behaviour": "33", "tightening": "32", "additive": "36", "operational": "34",
    "cosmetic": "2", "bold": "1", "dim": "2", "gone": "31", "new": "32",
}  # fmt: skip


class _Ink:
    """Puts ANSI colours around text, or not."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, name: str, text: str) -> str:
        return f"\x1b[{_COLORS[name]}m{text}\x1b[0m" if self._on and text else text


def render(files: Sequence[FileDiff], color: bool, verbose: bool, quiet: bool) -> str:
    """Every file that changed, then what the marks mean and how many files are as they were."""
    ink = _Ink(color)
    parts = [_file(file, ink, verbose, quiet) for file in files if file.status != "same"]
    same = sum(file.status == "same" for file in files)
    if quiet:
        return "\n".join(part for part in parts if part)
    if any(change.security for file in files for change in file.comparison.changes):
        parts.append(ink("dim", "! security-relevant\n"))
    if same and len(files) == 1:
        parts.append(f"{escape(files[0].path)}: no changes\n")
    elif same:
        parts.append(ink("dim", f"{same} spec{'' if same == 1 else 's'} without changes\n"))
    return "\n".join(parts)


def _file(file: FileDiff, ink: _Ink, verbose: bool, quiet: bool) -> str:
    if file.status == "failed":
        from mlspec.diagnostics.render import render as findings

        return f"{ink('bold', escape(file.path))}: cannot be compared\n\n{findings(file.diagnostics)}"
    changes = [change for change in file.comparison.changes if verbose or change.effect != "cosmetic"]
    if quiet:
        changes = [change for change in changes if change.effect in ("breaking", "loosening")]
    hidden = 0 if quiet else len(file.comparison.changes) - len(changes)
    lines = [f"{ink('bold', escape(file.path))}: {counted(changes) or 'nothing but cosmetic changes'}"]
    for change in changes:
        lines += ["", *_change(change, ink)]
    tail = _tail(file, hidden, ink)
    return "\n".join(lines + ([""] if tail and changes else []) + tail) + "\n"


def _change(change: Change, ink: _Ink) -> list[str]:
    """The line of a change, with its values under it where they do not fit, then the reason and the places."""
    mark = "!" if change.security else " "
    stages = again(change.stages)
    tail = f"  [{stages}]" if stages else ""
    values = _values(change)
    head = f"{mark} {ink(change.effect, change.effect.ljust(11))}  {ink('bold', escape(change.where))}"
    length = 2 + 11 + 2 + len(escape(change.where))
    if length + 2 + len(values) + len(tail) <= WIDTH:
        lines = [f"{head}{'  ' if values else ''}{values}{ink('dim', tail)}"]
    else:
        fits = length + len(tail) <= WIDTH
        lines = [head + (ink("dim", tail) if fits else ""), *_below(change, values, ink)]
        lines += [] if fits else [_INDENT + ink("dim", tail.strip())]
    if change.code:
        lines.append(f"{_INDENT}the new spec has {change.code} here: `mlspec explain {change.code}`")
    lines += [_INDENT + line for line in _wrapped(escape(change.reasons))]
    return [*lines, *(_INDENT + ink("dim", escape(where)) for where in _places(change))]


def _places(change: Change) -> list[str]:
    """Both places on one line, or one under the other."""
    whole = places(change)
    if len(_INDENT) + len(whole) <= WIDTH or " → " not in whole:
        return [whole] if whole else []
    old, _, new = whole.partition(" → ")
    return [old, f"→ {new}"]


def _below(change: Change, values: str, ink: _Ink) -> list[str]:
    """The values under the line of their change: on one line where they fit, else one under the other."""
    if not values:
        return []
    if len(_INDENT) + len(values) <= WIDTH or not (change.old and change.new):
        return [_INDENT + values]
    return [_INDENT + ink("gone", f"- {escape(change.old)}"), _INDENT + ink("new", f"+ {escape(change.new)}")]


def _values(change: Change) -> str:
    old, new = escape(change.old), escape(change.new)
    if old and new:
        return f"{old} → {new}"
    return f"gone: {old}" if old else f"new: {new}" if new else ""


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(_INDENT) + len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


LISTED = (
    ("rerun", "run again"), ("resume", "resumed"), ("rescore", "rescored"), ("redeploy", "redeployed"), ("rearm", "re-armed"),
    ("follow", "written again"),
)  # fmt: skip


def _tail(file: FileDiff, hidden: int, ink: _Ink) -> list[str]:
    """What holds of the whole file: stages that run again, numbers that do not compare, errors, what is not shown."""
    lines = []
    stages = file.comparison.stages
    for action, word in LISTED:
        names = [] if stages is None else stages.get(action, [])
        if names:
            lines += _listed(f"{word}: ", names)
    if stages is None and file.status == "changed":
        lines.append("what runs again is not known: a side has errors")
    elif not stages and file.status == "changed":
        lines.append("nothing runs again")
    places_ = incomparable(file.comparison.changes)
    if places_:
        lines += _listed("old and new numbers are not comparable: ", places_)
    codes = sorted({fault.code for fault in file.comparison.errors})
    if codes:
        lines.append(ink("breaking", f"new errors: {', '.join(codes)}") + "; `mlspec check` shows them")
    if hidden:
        lines.append(
            ink(
                "dim",
                f"{hidden} cosmetic change{'' if hidden == 1 else 's'} not shown: `-v` shows {'it' if hidden == 1 else 'them'}",
            )
        )
    return lines


def _listed(head: str, names: list[str]) -> list[str]:
    """`head a, b, c`, broken at 80 columns."""
    lines, line = [], head
    for index, name in enumerate(names):
        text = escape(name) + ("," if index < len(names) - 1 else "")
        if line.strip() and len(line) + len(text) > WIDTH and line != head:
            lines.append(line.rstrip())
            line = "  "
        line += f"{text} "
    return [*lines, line.rstrip()]
