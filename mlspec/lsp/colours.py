"""Semantic tokens: what each word is, which no grammar of an editor can know."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from mlspec import catalogue
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.syntax_at import children
from mlspec.lsp.workspace import Workspace
from mlspec.spec import schema
from mlspec.syntax.nodes import (
    Arg,
    Attr,
    Block,
    Call,
    Declare,
    Define,
    Extern,
    ExternParam,
    Name,
    Node,
    Patch,
    Ref,
    Setting,
    TypeNode,
    Use,
)
from mlspec.syntax.scan import Scan
from mlspec.syntax.tokens import LITERALS, WORDS

TYPES = (
    "keyword", "namespace", "class", "property", "variable", "parameter", "function", "enumMember", "type", "decorator", "string",
    "number", "operator", "comment",
)  # fmt: skip
MODIFIERS = ("declaration", "readonly", "documentation", "defaultLibrary")
LEGEND = types.SemanticTokensLegend(token_types=list(TYPES), token_modifiers=list(MODIFIERS))
_SOFT = frozenset(("mlspec", "use", "as", "set", "extern"))
Words = dict[int, tuple[str, tuple[str, ...]]]
Painted = tuple[int, int, str, tuple[str, ...]]


def full(workspace: Workspace, params: types.SemanticTokensParams) -> types.SemanticTokens:
    """All tokens of a text."""
    return _encoded(workspace.analysis(params.text_document.uri), None)


def of_range(workspace: Workspace, params: types.SemanticTokensRangeParams) -> types.SemanticTokens:
    """The tokens of a part of a text."""
    return _encoded(workspace.analysis(params.text_document.uri), params.range)


def _encoded(analysis: Analysis, part: types.Range | None) -> types.SemanticTokens:
    """Five numbers a token: lines and characters since the last one, length, type, modifiers."""
    data: list[int] = []
    line = character = 0
    for start, end, name, modifiers in _lines(analysis, painted(analysis)):
        place = analysis.positions.position(start)
        if part is not None and not part.start.line <= place.line <= part.end.line:
            continue
        width = analysis.positions.position(end).character - place.character
        if width <= 0:
            continue
        step = place.line - line
        bits = sum(1 << MODIFIERS.index(each) for each in modifiers)
        data += [step, place.character - (0 if step else character), width, TYPES.index(name), bits]
        line, character = place.line, place.character
    return types.SemanticTokens(data)


def _lines(analysis: Analysis, tokens: list[Painted]) -> Iterator[Painted]:
    """A token of several lines as one a line: not every editor takes the whole."""
    for start, end, name, modifiers in tokens:
        at = start
        while at < end:
            stop = analysis.text.find("\n", at, end)
            stop = end if stop < 0 else stop
            if stop > at:
                yield at, stop, name, modifiers
            at = stop + 1


def painted(analysis: Analysis) -> list[Painted]:
    """Every token with what it is, by place."""
    words = _words(analysis)
    scan = Scan(analysis.source)
    found: list[Painted] = []
    for token in scan.tokens:
        name, modifiers = words.get(token.start, ("", ()))
        if not name:
            name = _bare(token.type, token.text)
        if name and token.end > token.start:
            found.append((token.start, token.end, name, modifiers))
    for comment in scan.comments:
        found.append(
            (comment.span.start, comment.span.end, "comment", ("documentation",) if comment.text.startswith("##") else ())
        )
    return sorted(found)


def _bare(type: str, text: str) -> str:
    """What a token is without the tree."""
    if type in ("STRING", "TEXT"):
        return "string"
    if type in WORDS.values() or text in _SOFT:
        return "keyword"
    if type in LITERALS:
        return "number"
    return "" if type in ("NAME", "NL") else "operator"


def _words(analysis: Analysis) -> Words:
    """What the names of the tree are, by offset; what they stand for wins over where they stand."""
    found: Words = {}
    waiting: list[Node] = [] if analysis.tree is None else [analysis.tree]
    while waiting:
        node = waiting.pop()
        _paint(node, found)
        waiting += children(node)
    for place in analysis.names.places:
        declared = analysis.names.declared.get(place.target)
        noun = "" if declared is None else declared.noun
        name = "namespace" if noun == "import" else "class" if not place.target.member else _MEMBERS.get(noun, "variable")
        modifiers = ("declaration",) if place.declares else ()
        found[place.span.start] = (name, (*modifiers, "readonly") if noun in ("param", "part") else modifiers)
    return found


_MEMBERS = {"part": "enumMember", "column": "property", "field": "property"}


def _paint(node: Node, found: Words) -> None:
    """The names that a node has of its own."""
    for name, type, modifiers in _own_names(node):
        found[name.span.start] = (type, modifiers)
    if isinstance(node, Ref):
        _paint_ref(node, found)


def _own_names(node: Node) -> Iterator[tuple[Name, str, tuple[str, ...]]]:
    """(name, type, modifiers) of each."""
    if isinstance(node, Block | Extern | Setting | Declare):
        label = node.label
        first = node.kind if isinstance(node, Block | Extern) else node.name
        yield first, "keyword" if label is not None or isinstance(node, Block | Extern) else "property", ()
        if label is not None:
            yield label, "class", ("declaration",)
    elif isinstance(node, Define):
        yield node.name, "variable", ("declaration",)
    elif isinstance(node, Use):
        yield node.alias, "namespace", ("declaration",)
    elif isinstance(node, Patch):
        yield from ((each, "property", ()) for each in node.path)
    elif isinstance(node, Call):
        known = ("defaultLibrary",) if catalogue.functions(node.callee.text) else ()
        yield from ((each, "function", known) for each in node.callee.parts)
    else:
        yield from _small_names(node)


def _small_names(node: Node) -> Iterator[tuple[Name, str, tuple[str, ...]]]:
    """Those of types, attributes and arguments."""
    if isinstance(node, TypeNode):
        yield node.name, "type", ("defaultLibrary",)
    elif isinstance(node, Attr):
        yield node.name, "decorator", ("defaultLibrary",) if schema.attribute(node.name.text) else ()
    elif isinstance(node, Arg | ExternParam) and node.name is not None:
        yield node.name, "parameter", ()


def _paint_ref(node: Ref, found: Words) -> None:
    """A name that the file does not declare: an estimator, or a word of a field."""
    known = len(node.parts) > 1 and catalogue.estimator(node.text) is not None
    for index, part in enumerate(node.parts):
        if part.span.start not in found:
            name = ("class" if index else "namespace") if known else "enumMember"
            found[part.span.start] = (name, ("defaultLibrary",) if known else ())
