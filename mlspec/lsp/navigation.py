"""From a name to where it is declared and used, and the symbols of a text and of the workspace."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from mlspec.lsp.analysis import Analysis
from mlspec.lsp.names import Declared, Names, Place, Target, kind_of
from mlspec.lsp.workspace import Workspace
from mlspec.source import Span
from mlspec.spec import schema
from mlspec.syntax import nodes
from mlspec.syntax.nodes import Block, Declare, Define, Extern, Patch, Setting, Stmt, Use

KINDS = {
    "column": types.SymbolKind.Field,
    "feature": types.SymbolKind.Variable,
    "derived": types.SymbolKind.Variable,
    "check": types.SymbolKind.Boolean,
    "gate": types.SymbolKind.Boolean,
    "guard": types.SymbolKind.Boolean,
    "alert": types.SymbolKind.Event,
    "expectation": types.SymbolKind.Boolean,
    "logged": types.SymbolKind.Property,
    "part": types.SymbolKind.EnumMember,
    "measure": types.SymbolKind.Number,
    "source": types.SymbolKind.Struct,
    "frame": types.SymbolKind.Struct,
    "spec": types.SymbolKind.Module,
    "import": types.SymbolKind.Module,
    "env": types.SymbolKind.Namespace,
    "param": types.SymbolKind.Constant,
    "secret": types.SymbolKind.Key,
    "channel": types.SymbolKind.Event,
    "extern": types.SymbolKind.Function,
    "model": types.SymbolKind.Class,
    "search": types.SymbolKind.Class,
    "train": types.SymbolKind.Class,
    "serve": types.SymbolKind.Interface,
}
MAX_SYMBOLS = 500


def place_at(analysis: Analysis, position: types.Position) -> Place | None:
    """The name at a position."""
    return analysis.names.at(analysis.positions.offset(position))


def declaration_of(workspace: Workspace, target: Target) -> tuple[Analysis, Declared] | None:
    """Where a target is declared, in whatever file."""
    analysis = workspace.of_file(target.file)
    found = analysis.names.declared.get(target)
    return None if found is None else (analysis, found)


def location(workspace: Workspace, analysis: Analysis, span: Span) -> types.Location:
    return types.Location(workspace.documents.uri_of(analysis.path), analysis.positions.of(span))


def definition(workspace: Workspace, params: types.DefinitionParams) -> types.Location | None:
    """The declaration of the name at a position; of an import's path, the file."""
    analysis = workspace.analysis(params.text_document.uri)
    offset = analysis.positions.offset(params.position)
    statements = () if analysis.tree is None else analysis.tree.statements
    for statement in statements:
        if isinstance(statement, Use) and statement.span.start <= offset <= statement.span.end:
            path = analysis.imports.get(statement.alias.text, "")
            start = types.Range(types.Position(0, 0), types.Position(0, 0))
            return types.Location(workspace.documents.uri_of(path), start)
    place = analysis.names.at(offset)
    if place is None:
        return None
    found = declaration_of(workspace, place.target)
    return None if found is None else location(workspace, found[0], found[1].name)


def references(workspace: Workspace, params: types.ReferenceParams) -> list[types.Location]:
    """Every use of the name at a position, in this file and in those that import it."""
    place = place_at(workspace.analysis(params.text_document.uri), params.position)
    if place is None:
        return []
    return [
        location(workspace, analysis, each.span)
        for analysis, each in uses(workspace, place.target)
        if params.context.include_declaration or not each.declares
    ]


def uses(workspace: Workspace, target: Target, everywhere: bool = True) -> Iterator[tuple[Analysis, Place]]:
    """Every place of a target, with the text that it stands in: in its project, or in its file and the open ones."""
    for analysis in workspace.users(target, everywhere):
        for place in analysis.names.of(target):
            yield analysis, place


def highlights(workspace: Workspace, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    """The places of the same name in this text."""
    analysis = workspace.analysis(params.text_document.uri)
    place = place_at(analysis, params.position)
    if place is None:
        return []
    write, read = types.DocumentHighlightKind.Write, types.DocumentHighlightKind.Read
    return [
        types.DocumentHighlight(analysis.positions.of(each.span), write if each.declares else read)
        for each in analysis.names.of(place.target)
    ]


def symbols(workspace: Workspace, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    """The outline: blocks with what stands in them."""
    analysis = workspace.analysis(params.text_document.uri)
    statements = () if analysis.tree is None else analysis.tree.statements
    return [found for statement in statements if (found := _symbol(analysis, statement, ""))]


def _symbol(analysis: Analysis, statement: Stmt, around: str) -> types.DocumentSymbol | None:
    """The symbol of a statement in a block of the kind `around`."""
    named = _named(statement, around)
    if named is None or isinstance(statement, Patch):
        return None
    name, noun, detail = named
    inner = statement.body if isinstance(statement, Block | Extern) else ()
    return types.DocumentSymbol(
        name=name.text or "?",
        kind=KINDS.get(
            noun,
            types.SymbolKind.Property if isinstance(statement, Setting) and not statement.label else types.SymbolKind.Object,
        ),
        range=analysis.positions.of(statement.span),
        selection_range=analysis.positions.of(name.span),
        detail=detail,
        children=[found for each in inner if (found := _symbol(analysis, each, kind_of(statement)))],
    )


def _named(statement: Stmt, around: str) -> tuple[nodes.Name, str, str] | None:
    """(its name, what it is, what stands beside it) of a statement."""
    if isinstance(statement, Use):
        return statement.alias, "import", str(statement.path.value)
    if isinstance(statement, Block | Extern):
        kind = kind_of(statement)
        return statement.label or statement.kind, kind, kind if statement.label else ""
    if isinstance(statement, Define):
        row = schema.kind(around)
        return statement.name, (row.role if row is not None else None) or "feature", _short(statement.value.span.text)
    if isinstance(statement, Declare):
        return statement.label or statement.name, kind_of(statement) if statement.label else "column", statement.type.span.text
    if isinstance(statement, Setting):
        return (
            statement.label or statement.name,
            kind_of(statement) if statement.label else "field",
            _short(statement.value.span.text),
        )
    return None


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def workspace_symbols(workspace: Workspace, params: types.WorkspaceSymbolParams) -> list[types.WorkspaceSymbol]:
    """Declarations whose names have the letters of the query in their order, in the projects of the open texts."""
    files: dict[str, None] = {}
    for document in workspace.documents:
        files.update(dict.fromkeys(workspace.project_files(document.path)))
    found: list[types.WorkspaceSymbol] = []
    for path in files:
        analysis = workspace.of_file(path)
        found += [_workspace_symbol(workspace, analysis, target) for target in _matching(analysis.names, params.query)]
        if len(found) >= MAX_SYMBOLS:
            break
    return found[:MAX_SYMBOLS]


def _matching(names: Names, query: str) -> list[Target]:
    return [target for target in names.declared if _has_letters(target.member or target.block, query)]


def _has_letters(name: str, query: str) -> bool:
    letters = iter(name.lower())
    return all(letter in letters for letter in query.lower() if not letter.isspace())


def _workspace_symbol(workspace: Workspace, analysis: Analysis, target: Target) -> types.WorkspaceSymbol:
    declared = analysis.names.declared[target]
    return types.WorkspaceSymbol(
        location=location(workspace, analysis, declared.name),
        name=target.member or target.block,
        kind=KINDS.get(declared.noun, types.SymbolKind.Object),
        container_name=target.block if target.member else declared.noun,
    )
