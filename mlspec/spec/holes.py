"""The statements of a text with syntax errors that can be checked all the same: one run shows what is wrong with both.

Only whole statements in which no error lies, and only where the errors leave no doubt which statement a line belongs to. A name
that a broken statement may declare is not reported as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlspec.diagnostics import Diagnostic
from mlspec.source import Span
from mlspec.syntax import nodes
from mlspec.syntax.nodes import File

_NAME = re.compile(r"[A-Za-z_]\w*")


# What is said of a name that nothing declares.
_UNKNOWN = frozenset(("MLS101", "MLS103", "MLS104"))


def believed(errors: Iterable[Diagnostic], more: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What can be believed of the errors `more` of intact statements: where the head of a block is broken, its name is not known."""
    headless = any(error.span is not None and error.span.source.line(error.span.position[0])[:1].strip() for error in errors)
    return [one for one in more if one.severity == "error" and not (headless and one.code.id in _UNKNOWN)]


def intact(tree: File, found: Iterable[Diagnostic]) -> tuple[File, frozenset[str]] | None:
    """(the file of intact statements, names that the others may declare); None where nothing can be trusted."""
    errors = [one for one in found if one.severity == "error"]
    if any(one.span is None or _shifts(one) for one in errors):
        return None
    places = [one.span for one in errors if one.span is not None]
    kept = [statement for statement in tree.statements if _stands_alone(statement) and not _holds(statement.span, places)]
    names = set(_NAME.findall("\n".join(_lost(tree, kept))))
    names -= {label for statement in kept if (label := _label(statement))}
    return File(tree.span, tree.edition, tuple(kept), ()), frozenset(names)


def without_errors(tree: File, found: Iterable[Diagnostic]) -> File:
    """The statements in which no error lies, those inside blocks too: what an editor can know of a text that is being written."""
    places = [one.span for one in found if one.severity == "error" and one.span is not None]
    return File(tree.span, tree.edition, _kept(tree.statements, places), ()) if places else tree


def _kept(statements: tuple[nodes.Stmt, ...], places: list[Span]) -> tuple[nodes.Stmt, ...]:
    kept: list[nodes.Stmt] = []
    for statement in statements:
        if not _holds(statement.span, places):
            kept.append(statement)
        elif isinstance(statement, nodes.Block) and statement.kind.text.isidentifier() and not _holds(statement.head, places):
            body = _kept(statement.body, places)
            kept.append(nodes.Block(statement.span, statement.head, statement.kind, statement.label, body, statement.doc))
    return tuple(kept)


def _shifts(error: Diagnostic) -> bool:
    """Whether an error leaves open where a block ends: a brace too many or too few, a block by indentation, a text that is open."""
    if error.code.id in ("MLS002", "MLS003", "MLS005", "MLS006"):
        return True
    return error.code.id == "MLS001" and (error.span is None or error.span.text in ("{", "}") or "indented" in error.data)


def _stands_alone(statement: nodes.Stmt) -> bool:
    """Whether a statement is one of the file, and none that fell out of a broken block or got its head from the parser."""
    if isinstance(statement, nodes.Block) and not statement.kind.text.isidentifier():
        return False
    return isinstance(statement, nodes.Use | nodes.Block | nodes.Extern) or _label(statement) != ""


def _label(statement: nodes.Stmt) -> str:
    name = statement.alias if isinstance(statement, nodes.Use) else getattr(statement, "label", None)
    return name.text if name is not None else ""


def _holds(span: Span, places: list[Span]) -> bool:
    return any(span.start <= place.start <= span.end for place in places)


def _lost(tree: File, kept: list[nodes.Stmt]) -> list[str]:
    """The text between the statements that are kept."""
    text, at, found = tree.span.source.text, 0, []
    for statement in kept:
        found.append(text[at : statement.span.start])
        at = max(at, statement.span.end)
    return [*found, text[at:]]
