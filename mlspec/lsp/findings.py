"""Diagnostics as an editor shows them."""

from __future__ import annotations

from lsprotocol import types

from mlspec.diagnostics import Diagnostic, Note
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.workspace import Workspace

PAGE = "https://github.com/mlspec/mlspec/blob/main/mlspec/diagnostics/pages/{id}.md"
UNUSED = frozenset(("MLS107",))
DEPRECATED = frozenset(("MLS113",))
_SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "waived": types.DiagnosticSeverity.Hint,
}


def published(workspace: Workspace, analysis: Analysis) -> dict[str, list[types.Diagnostic]]:
    """What was found of a text, by the address of the file that it is about; the text itself always has an entry."""
    own = workspace.documents.uri_of(analysis.path)
    found: dict[str, list[types.Diagnostic]] = {own: []}
    for item in analysis.diagnostics:
        if item.span is None or item.span.source.name == analysis.path:
            found[own].append(shown(workspace, analysis, item))
        elif workspace.documents.at(item.span.source.name) is None and item.span.source.name.endswith(".mlspec"):
            uri = workspace.documents.uri_of(item.span.source.name)
            found.setdefault(uri, []).append(shown(workspace, analysis, item))
    return found


def shown(workspace: Workspace, analysis: Analysis, item: Diagnostic) -> types.Diagnostic:
    """One finding: its message with what was expected, what was found and the way out, and its code's page."""
    where = types.Range(types.Position(0, 0), types.Position(0, 0))
    if item.span is not None:
        where = analysis.positions_of(item.span.source).of(item.span)
    tags = [types.DiagnosticTag.Unnecessary] if item.code.id in UNUSED else []
    tags += [types.DiagnosticTag.Deprecated] if item.code.id in DEPRECATED else []
    return types.Diagnostic(
        range=where,
        message=message(item),
        severity=_SEVERITY[item.severity],
        code=item.code.id,
        code_description=types.CodeDescription(PAGE.format(id=item.code.id)),
        source="mlspec",
        tags=tags or None,
        related_information=[one for note in item.notes if (one := _related(workspace, analysis, note))] or None,
    )


def message(item: Diagnostic) -> str:
    """The lines of a finding, as the commands print them."""
    lines = [item.message]
    for name, text in (("expected", item.expected), ("found", item.found), ("help", item.help)):
        lines += [f"{name}: {line}" for line in text.split("\n") if line]
    lines += [note.message for note in item.notes if note.span is None]
    if item.waived is not None:
        lines.append(item.waived.sentence)
    return "\n".join(lines)


def _related(workspace: Workspace, analysis: Analysis, note: Note) -> types.DiagnosticRelatedInformation | None:
    if note.span is None:
        return None
    uri = workspace.documents.uri_of(note.span.source.name)
    return types.DiagnosticRelatedInformation(
        types.Location(uri, analysis.positions_of(note.span.source).of(note.span)), note.message
    )
