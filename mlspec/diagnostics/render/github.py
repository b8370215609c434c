"""Findings as GitHub workflow commands, which the pull request shows at their lines."""

from __future__ import annotations

from collections.abc import Sequence

from mlspec.diagnostics.diagnostic import Diagnostic
from mlspec.diagnostics.escape import escape, escape_lines

_COMMANDS = {"waived": "notice"}


def render(found: Sequence[Diagnostic], more: int) -> str:
    """One command a line."""
    lines = [_command(diagnostic) for diagnostic in found]
    if more:
        lines.append(f"::notice title=mlspec::… and {more} more")
    return "".join(line + "\n" for line in lines)


def _command(diagnostic: Diagnostic) -> str:
    properties = [f"title={_property(f'{diagnostic.code.id} {diagnostic.code.slug}')}"]
    span = diagnostic.span
    if span is not None:
        line, column = span.position
        end_line, end_column = span.source.position(span.end)
        properties = [f"file={_property(escape(span.source.name))}", f"line={line}", f"endLine={end_line}", *properties]
        if line == end_line:
            properties[2:2] = [f"col={column}", f"endColumn={end_column}"]
    parts = [escape(diagnostic.message)]
    for label, text in (("expected", diagnostic.expected), ("found", diagnostic.found), ("help", diagnostic.help)):
        if text:
            parts.append(f"{label}: {escape_lines(text)}")
    if diagnostic.waived is not None:
        parts.append(escape(diagnostic.waived.sentence))
    message = _data("\n".join(parts))
    return f"::{_COMMANDS.get(diagnostic.severity, diagnostic.severity)} {','.join(properties)}::{message}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
