"""Findings for people: place, source line, underline, what was expected and found, and the way out.

error[MLS105]: source has no field `fron`
  --> specs/census.mlspec:4:3
   |
 4 |   fron = csv("x.csv")
   |   ^^^^
   = expected: one of `from`, `refresh`
   = help: did you mean `from`?
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from mlspec.diagnostics.diagnostic import Diagnostic
from mlspec.diagnostics.escape import escape, escape_lines
from mlspec.source import Span

_COLORS = {"error": "1;31", "warning": "1;33", "bold": "1", "dim": "2", "note": "1;36", "help": "32", "waived": "1;34"}
MAX_LINE = 160


def render(found: Sequence[Diagnostic], more: int, color: bool) -> str:
    """All of `found`, one blank line between two, then how many are not shown."""
    parts = [_one(diagnostic, _Ink(color)) for diagnostic in found]
    if more:
        parts.append(f"… and {more} more\n")
    return "\n".join(parts)


class _Ink:
    """Puts ANSI colours around text, or not."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, name: str, text: str) -> str:
        return f"\x1b[{_COLORS[name]}m{text}\x1b[0m" if self._on and text else text


def _one(diagnostic: Diagnostic, ink: _Ink) -> str:
    severity = diagnostic.severity
    head = ink(severity, f"{severity}[{diagnostic.code.id}]") + ink("bold", f": {escape(diagnostic.message)}")
    spans = [diagnostic.span, *(note.span for note in diagnostic.notes)]
    width = max((len(str(_last_line(span))) for span in spans if span is not None), default=1)
    lines = [head]
    if diagnostic.span is not None:
        lines += _snippet(diagnostic.span, width, "^", severity, ink)
    elif diagnostic.data.get("name"):
        lines.append(f"{' ' * width} {ink('dim', '-->')} {escape(diagnostic.data['name'])}")
    for label, text in (("expected", diagnostic.expected), ("found", diagnostic.found), ("help", diagnostic.help)):
        lines += _labelled(label, text, width, ink)
    if diagnostic.waived is not None:
        lines += _labelled("waived", diagnostic.waived.sentence.removeprefix("waived "), width, ink)
    for note in diagnostic.notes:
        lines.append(f"{' ' * width} {ink('dim', '=')} {ink('note', 'note')}: {escape(note.message)}")
        if note.span is not None:
            lines += _snippet(note.span, width, "-", "note", ink)
    return "\n".join(lines) + "\n"


def _labelled(label: str, text: str, width: int, ink: _Ink) -> list[str]:
    return [
        f"{' ' * width} {ink('dim', '=')} {ink('help', label) if label == 'help' else label}: {line}"
        for line in escape_lines(text).split("\n")
        if line
    ]


def _last_line(span: Span) -> int:
    return span.position[0]


def _snippet(span: Span, width: int, mark: str, style: str, ink: _Ink) -> list[str]:
    """The place, its line, and marks under what the span covers of that line."""
    line, column = span.position
    bar = ink("dim", "|")
    place = f"{' ' * width}{ink('dim', '-->')} {escape(span.source.name)}:{line}:{column}"
    text = span.source.line(line)
    first = column - 1
    length = max(1, min(span.end - span.start, len(text) - first))
    text, first = _window(text, first)
    before, under = escape(_tabs(text[:first])), escape(_tabs(text[first : first + length]))
    shown = before + under + escape(_tabs(text[first + length :]))
    marks = " " * _cells(before) + ink(style, mark * max(1, _cells(under)))
    gutter = ink("dim", f"{line:>{width}}")
    return [place, f"{' ' * width} {bar}", f"{gutter} {bar} {shown.rstrip()}", f"{' ' * width} {bar} {marks}"]


def _window(text: str, first: int) -> tuple[str, int]:
    """A long line is cut to the part around column `first`."""
    if len(text) <= MAX_LINE:
        return text, first
    start = max(0, min(first - MAX_LINE // 3, len(text) - MAX_LINE))
    cut = ("…" if start else "") + text[start : start + MAX_LINE] + ("…" if start + MAX_LINE < len(text) else "")
    return cut, first - start + (1 if start else 0)


def _tabs(text: str) -> str:
    return text.replace("\t", "    ")


def _cells(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
