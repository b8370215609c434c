"""The edits of findings as an editor offers them: each alone, and all with one reading together, as `check --fix` makes them."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types

from mlspec.diagnostics import Diagnostic, Edit
from mlspec.diagnostics.edits import chosen
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.findings import shown
from mlspec.lsp.workspace import Workspace

FIX_ALL = "source.fixAll.mlspec"
KINDS = (types.CodeActionKind.QuickFix, FIX_ALL)


def actions(workspace: Workspace, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The quick fixes of the findings that touch a range, and the one that makes all that have one reading."""
    analysis = workspace.analysis(params.text_document.uri)
    only = params.context.only
    start, end = analysis.positions.offset(params.range.start), analysis.positions.offset(params.range.end)
    found: list[types.CodeAction] = []
    if _asked(types.CodeActionKind.QuickFix, only):
        found += [_quick(workspace, analysis, item) for item in analysis.diagnostics if _touches(analysis, item, start, end)]
    if _asked(FIX_ALL, only):
        found += _all(workspace, analysis)
    return found


def _asked(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a client wants a kind: it names it or a kind above it."""
    return only is None or any(kind == str(each) or kind.startswith(f"{_text(each)}.") for each in only)


def _text(kind: str) -> str:
    return str(getattr(kind, "value", kind))


def _touches(analysis: Analysis, item: Diagnostic, start: int, end: int) -> bool:
    """Whether a finding of this text can be mended here, and lies in the range or begins on its line."""
    if not item.edits or item.span is None or item.span.source.name != analysis.path:
        return False
    if any(edit.span.source.name != analysis.path for edit in item.edits):
        return False
    places = [item.span, *(edit.span for edit in item.edits)]
    return any(place.start <= end and start <= place.end for place in places)


def _quick(workspace: Workspace, analysis: Analysis, item: Diagnostic) -> types.CodeAction:
    """One finding's edits, all or none."""
    guess = any(edit.guess for edit in item.edits)
    return types.CodeAction(
        title=_title(item),
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[shown(workspace, analysis, item)],
        is_preferred=not guess,
        edit=_edit(workspace, analysis, item.edits),
    )


def _title(item: Diagnostic) -> str:
    """What the edit does, in words."""
    (first, *rest) = item.edits
    if rest:
        return f"Fix {item.code.id} ({item.code.slug}): {len(item.edits)} edits"
    old, new = _line(first.span.text), _line(first.text)
    if not old:
        return f"Insert `{new}`"
    return f"Replace `{old}` by `{new}`" if new else f"Remove `{old}`"


def _line(text: str) -> str:
    shown_text = " ".join(text.split())
    return shown_text if len(shown_text) <= 40 else shown_text[:39] + "…"


def _all(workspace: Workspace, analysis: Analysis) -> list[types.CodeAction]:
    """The edits that `check --fix` would make in one round."""
    edits = chosen(analysis.diagnostics, analysis.source, guesses=False)
    if not edits:
        return []
    title = f"Make the {len(edits)} edits that have one reading" if len(edits) > 1 else "Make the edit that has one reading"
    return [types.CodeAction(title=title, kind=FIX_ALL, edit=_edit(workspace, analysis, edits))]


def _edit(workspace: Workspace, analysis: Analysis, edits: Sequence[Edit]) -> types.WorkspaceEdit:
    found = [types.TextEdit(analysis.positions.of(edit.span), edit.text) for edit in edits]
    return types.WorkspaceEdit(changes={workspace.documents.uri_of(analysis.path): found})
