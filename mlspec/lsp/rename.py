"""Renames a block, column, definition, part or import everywhere, and leaves `@was` where a diff would lose sight of it.

What cannot be renamed is refused with the reason: words of the language, names of other files that are not specs of this project, and
a new name with which the spec would have errors that it has not now.
"""

from __future__ import annotations

import re

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from mlspec.lsp.analysis import Analysis
from mlspec.lsp.names import Declared, Place, Target
from mlspec.lsp.navigation import declaration_of, uses
from mlspec.lsp.workspace import Workspace
from mlspec.source import SourceFile
from mlspec.spec import schema
from mlspec.syntax.nodes import Attr, Declare, Define
from mlspec.syntax.scan import MAX_NAME
from mlspec.syntax.tokens import WORDS

_LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
Edits = list[tuple[int, int, str]]


class Refused(JsonRpcException):
    """A name that stays; the text says why, and editors show it."""

    CODE = types.LSPErrorCodes.RequestFailed.value


def prepare(workspace: Workspace, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder | None:
    """The name at a position, if it can be renamed."""
    analysis = workspace.analysis(params.text_document.uri)
    place = analysis.names.at(analysis.positions.offset(params.position))
    if place is None or _fixed(workspace, place.target):
        return None
    return types.PrepareRenamePlaceholder(analysis.positions.of(place.span), place.span.text)


def rename(workspace: Workspace, params: types.RenameParams) -> types.WorkspaceEdit:
    """The edits in every file; an error response where there can be none."""
    analysis = workspace.analysis(params.text_document.uri)
    place = analysis.names.at(analysis.positions.offset(params.position))
    if place is None:
        raise Refused("this is a word of the language, and no name that a spec declares")
    reason = _fixed(workspace, place.target) or _illegal(params.new_name)
    if reason:
        raise Refused(reason)
    found: dict[str, tuple[Analysis, Edits]] = {}
    for each, use in uses(workspace, place.target):
        found.setdefault(each.path, (each, []))[1].append((use.span.start, use.span.end, params.new_name))
    home, declared = _declaration(workspace, place)
    found.setdefault(home.path, (home, []))[1].extend(
        _was(declared, place.target, params.new_name, _of_source(home, place.target))
    )
    if place.span.text != params.new_name:
        _refuse_new_errors(workspace, found, params.new_name)
    return types.WorkspaceEdit(
        changes={
            workspace.documents.uri_of(path): [
                types.TextEdit(each.positions.range(start, end), text) for start, end, text in sorted(edits)
            ]
            for path, (each, edits) in found.items()
        }
    )


def _declaration(workspace: Workspace, place: Place) -> tuple[Analysis, Declared]:
    found = declaration_of(workspace, place.target)
    assert found is not None, "what is declared nowhere was refused"
    return found


def _fixed(workspace: Workspace, target: Target) -> str:
    """Why a target has to keep its name, "" where it may change."""
    found = declaration_of(workspace, target)
    if found is None:
        return "it is declared nowhere"
    analysis, declared = found
    if declared.noun == "field":
        return f"`{target.member}` is a field of the schema"
    if analysis.path not in workspace.project_files(analysis.path):
        return "it is declared outside the project"
    return ""


def _illegal(name: str) -> str:
    """Why a text is no name, "" where it is one."""
    if not _LEGAL.fullmatch(name):
        return f"`{name[:MAX_NAME]}` is no name: letters, digits and `_`, a letter first"
    if len(name) > MAX_NAME:
        return f"a name has {MAX_NAME} characters at most"
    return f"`{name}` is a word of the language" if name in WORDS else ""


def _was(declared: Declared, target: Target, new: str, of_source: bool) -> Edits:
    """`@was` behind the declaration of a member that a diff follows by it, and `@named` of a column that the data calls so.

    One that is there keeps the oldest name; back under that name it goes.
    """
    node = declared.node
    if not isinstance(node, Define | Declare) or not target.member or declared.name.text == new:
        return []
    attrs = {attr.name.text: attr for attr in node.attrs}
    edits: Edits = []
    there = attrs.get("was")
    if there is not None and _argument(there) == new:
        edits.append(_without(there))
    added = []
    data = attrs.get("named")
    if data is not None and _argument(data).strip('"') == new:
        edits.append(_without(data))
    elif data is None and of_source:
        added.append(f'@named("{declared.name.text}")')
    if there is None and "was" in schema.attributes_of(declared.noun):
        added.append(f"@was({declared.name.text})")
    if added:
        end = _attributes_end(node)
        edits.append((end, end, "".join(f" {text}" for text in added)))
    return edits


def _of_source(home: Analysis, target: Target) -> bool:
    """Whether a target is a column whose name the data has."""
    block = home.names.declared.get(Target(target.file, target.block))
    return bool(target.member) and block is not None and block.noun == "source" and home.names.declared[target].noun == "column"


def _argument(attr: Attr) -> str:
    return attr.args[0].value.span.text if attr.args else ""


def _without(attr: Attr) -> tuple[int, int, str]:
    """An attribute taken out with the space before it."""
    text = attr.span.source.text
    start = attr.span.start
    while start and text[start - 1] in " \t":
        start -= 1
    return start, attr.span.end, ""


def _attributes_end(node: Define | Declare) -> int:
    if node.attrs:
        return node.attrs[-1].span.end
    return node.value.span.end if isinstance(node, Define) else node.type.span.end


def _refuse_new_errors(workspace: Workspace, found: dict[str, tuple[Analysis, Edits]], name: str) -> None:
    """Refuses a name that makes an error: one that is taken, or that stands for something else."""
    texts = {path: _edited(analysis.text, edits) for path, (analysis, edits) in found.items()}
    for path, (analysis, _) in found.items():
        before = _errors(analysis)
        after = Analysis(workspace.documents.with_texts(texts), path, SourceFile(path, texts[path]), workspace.settings.env)
        new = [item for item in after.diagnostics if item.severity == "error"]
        for item in new:
            if item.code.id not in before or len(new) > sum(before.values()):
                raise Refused(f"`{name}` cannot be its name: {item.message} ({item.code.id})")


def _errors(analysis: Analysis) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in analysis.diagnostics:
        if item.severity == "error":
            found[item.code.id] = found.get(item.code.id, 0) + 1
    return found


def _edited(text: str, edits: Edits) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
