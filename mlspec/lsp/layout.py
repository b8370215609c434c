"""Formatting as `mlspec fmt` does it, and what can be folded."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from lsprotocol import types

from mlspec.lsp.analysis import Analysis
from mlspec.lsp.positions import Positions
from mlspec.lsp.syntax_at import children
from mlspec.lsp.workspace import Workspace
from mlspec.spec import schema
from mlspec.syntax.format import format_file
from mlspec.syntax.nodes import Block, Call, Comment, Extern, ListExpr, Literal, Node, Use

COMPARED = 4_000
"""So many lines are compared one by one; a longer text is exchanged whole."""


def formatting(workspace: Workspace, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    """The lines that the canonical form has otherwise; none of a text with syntax errors, which has no such form."""
    analysis = workspace.analysis(params.text_document.uri)
    tree, found = analysis.compilation.parsed
    if tree is None or tree.edition is None or any(item.severity == "error" for item in found):
        return []
    after = format_file(tree, analysis.source, schema.order)
    document = workspace.documents.at(analysis.path)
    if document is not None and document.raw != analysis.text:  # other line ends or a byte order mark, which no line shows
        return [types.TextEdit(Positions(document.raw, workspace.documents.encoding).all, after)]
    return _differences(analysis, after)


def _differences(analysis: Analysis, after: str) -> list[types.TextEdit]:
    """Edits of whole lines, so that the cursor and the marks of all other lines stay."""
    old, new = _lines(analysis.text), _lines(after)
    if max(len(old), len(new)) > COMPARED:
        return [types.TextEdit(analysis.positions.all, after)]
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return [
        types.TextEdit(analysis.positions.range(starts[low], starts[high]), "".join(new[first:last]))
        for tag, low, high, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != "equal"
    ]


def _lines(text: str) -> list[str]:
    """The lines with their line feeds; nothing else ends a line of a spec."""
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]


def folding(workspace: Workspace, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    """Blocks, calls, lists and texts of several lines, runs of comments, and the imports."""
    analysis = workspace.analysis(params.text_document.uri)
    if analysis.tree is None:
        return []
    found = [_fold(analysis, node.span.start, node.span.end, None) for node in _foldable(analysis.tree)]
    found += [_fold(analysis, *ends, types.FoldingRangeKind.Comment) for ends in _runs(analysis, analysis.tree.comments)]
    uses = [node for node in analysis.tree.statements if isinstance(node, Use)]
    if len(uses) > 1:
        found.append(_fold(analysis, uses[0].span.start, uses[-1].span.end, types.FoldingRangeKind.Imports))
    return sorted((each for each in found if each is not None), key=lambda each: (each.start_line, each.end_line))


def _foldable(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Block | Extern | Call | ListExpr) or (isinstance(each, Literal) and each.kind == "text"):
            yield each
        waiting += children(each)


def _runs(analysis: Analysis, comments: tuple[Comment, ...]) -> Iterator[tuple[int, int]]:
    """Comments on lines of their own that follow one another."""
    start = end = -1
    for comment in comments:
        if not comment.own_line:
            continue
        if (
            end >= 0
            and analysis.text[end : comment.span.start].strip() == ""
            and analysis.text.count("\n", end, comment.span.start) == 1
        ):
            end = comment.span.end
            continue
        if end >= 0:
            yield start, end
        start, end = comment.span.start, comment.span.end
    if end >= 0:
        yield start, end


def _fold(analysis: Analysis, start: int, end: int, kind: types.FoldingRangeKind | None) -> types.FoldingRange | None:
    """From the line of one offset to the line of the other; the line with the closing mark stays in sight."""
    first, last = analysis.positions.position(start).line, analysis.positions.position(end).line
    closes = kind is None and analysis.text[end - 1 : end] in ("}", ")", "]")
    last -= closes
    return types.FoldingRange(start_line=first, end_line=last, kind=kind) if last > first else None
