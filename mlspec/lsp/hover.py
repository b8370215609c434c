"""What an editor shows of the word under the mouse."""

from __future__ import annotations

from lsprotocol import types

from mlspec import catalogue
from mlspec.lsp import describe
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.names import kind_of
from mlspec.lsp.syntax_at import path_to
from mlspec.lsp.workspace import Workspace
from mlspec.source import Span
from mlspec.spec import schema
from mlspec.spec.schema.constructors import CONSTRUCTORS
from mlspec.syntax.nodes import (
    Arg,
    Attr,
    Block,
    Call,
    Declare,
    Extern,
    Literal,
    Name,
    Node,
    Ref,
    Setting,
    TypeNode,
)

_TYPES = {
    "bool": "true or false",
    "int": "a whole number of 64 bits",
    "float": "a number, IEEE 754 double",
    "decimal": "a decimal number with a fixed scale",
    "string": "text that is short and not read by people",
    "text": "text that people wrote",
    "date": "a day",
    "timestamp": "an instant, with its zone",
    "duration": "a length of time",
    "bytes": "an amount of memory",
    "ratio": "a share: `5%` is 0.05",
    "points": "a difference of shares: `5pp` is 0.05",
    "rate": "events a second",
    "category": "one of a set of texts; with values, of these",
    "id": "the identity of an entity",
    "list": "several values of one type",
    "image": "pixels",
    "json": "named values",
    "redaction": "patterns that text is cleaned of",
}
_UNITS = {
    "duration": "{:g} s",
    "bytes": "{:,} bytes",
    "rate": "{:g} a second",
    "percent": "a share: {:g}",
    "points": "a difference of shares: {:g}",
}


def hover(workspace: Workspace, params: types.HoverParams) -> types.Hover | None:
    """What the word at a position is."""
    analysis = workspace.analysis(params.text_document.uri)
    offset = analysis.positions.offset(params.position)
    found = _named(workspace, analysis, offset) or _other(analysis, offset)
    if found is None or not found[1]:
        return None
    span, text = found
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), analysis.positions.of(span))


def _named(workspace: Workspace, analysis: Analysis, offset: int) -> tuple[Span, str] | None:
    place = analysis.names.at(offset)
    return None if place is None else (place.span, describe.of_target(workspace, place.target))


def _other(analysis: Analysis, offset: int) -> tuple[Span, str] | None:
    """A word of the schema or the catalogue, or a literal."""
    path = path_to(analysis.tree, offset)
    if len(path) < 2:
        return None
    node, parent = path[-1], path[-2]
    if isinstance(node, Literal):
        return node.span, _literal(node)
    if not isinstance(node, Name):
        return None
    if isinstance(parent, Block | Extern) and (isinstance(parent, Extern) or node is parent.kind):
        row = schema.kind(kind_of(parent))
        return None if row is None else (node.span, describe.of_kind(row))
    if isinstance(parent, Setting | Declare) and node is parent.name:
        return _statement(node, parent, path)
    if isinstance(parent, Attr):
        attribute = schema.attribute(node.text)
        return None if attribute is None else (node.span, describe.of_call(attribute))
    if isinstance(parent, TypeNode):
        return node.span, f"`{node.text}`: {_TYPES[node.text]}" if node.text in _TYPES else ""
    if isinstance(parent, Arg):
        return _argument(node, path)
    return _ref(parent, path) if isinstance(parent, Ref) else None


def _statement(name: Name, node: Setting | Declare, path: list[Node]) -> tuple[Span, str] | None:
    """A field of the block around, a parameter of its estimator, or the kind of a short block."""
    if node.label is not None:
        row = schema.kind(name.text)
        return None if row is None else (name.span, describe.of_kind(row))
    block = next((each for each in reversed(path[:-2]) if isinstance(each, Block)), None)
    row = None if block is None else schema.kind(block.kind.text)
    if row is None or block is None:
        return None
    field = row.fields.get(name.text)
    if field is not None:
        return name.span, describe.of_field(row, field)
    estimator = catalogue.estimator(estimator_of(block))
    if estimator is not None and name.text in estimator.parameters:
        return name.span, describe.of_parameter(estimator.key, name.text, estimator.parameters[name.text])
    return None


def estimator_of(block: Block) -> str:
    """The estimator that a block names, "" where it names none."""
    for statement in block.body:
        if isinstance(statement, Setting) and statement.name.text == "estimator" and isinstance(statement.value, Ref):
            return statement.value.text
    return ""


def _argument(name: Name, path: list[Node]) -> tuple[Span, str] | None:
    """The name of an argument: its parameter's row."""
    around = next((each for each in reversed(path[:-2]) if isinstance(each, Call | Attr)), None)
    if isinstance(around, Attr):
        rows: list[schema.Constructor | schema.Attribute | None] = [schema.attribute(around.name.text)]
    elif isinstance(around, Call):
        rows = [schema.constructor(group, around.callee.text) for group in CONSTRUCTORS]
    else:
        return None
    for row in rows:
        for parameter in row.parameters if row is not None else ():
            if parameter.name == name.text:
                text = describe.paragraphs(describe.code(describe.parameter_text(parameter)), parameter.doc)
                return name.span, text
    if isinstance(around, Call):
        for function in catalogue.functions(around.callee.text):
            found = function.parameter(name.text)
            if found is not None:
                return name.span, describe.code(describe.catalogue_parameter(found))
    return None


def _ref(node: Ref, path: list[Node]) -> tuple[Span, str] | None:
    """A callee, an estimator, a metric or a word of a field."""
    around = path[-3] if len(path) > 2 else None
    if isinstance(around, Call) and around.callee is node:
        rows = [row for group in CONSTRUCTORS if (row := schema.constructor(group, node.text)) is not None]
        constructed = any(isinstance(each, Setting) for each in path)
        text = describe.of_call(rows[0]) if rows and constructed else describe.of_callable(node.text)
        return node.span, text
    estimator = catalogue.estimator(node.text)
    if estimator is not None:
        tasks = " and ".join(estimator.tasks)
        null = "takes nulls" if estimator.nulls else "takes no nulls"
        return node.span, describe.paragraphs(
            describe.code(estimator.key), f"{estimator.library} {estimator.version}; {tasks}; {null}."
        )
    metric = catalogue.metric(node.text)
    return None if metric is None else (node.span, describe.of_metric(metric))


def _literal(node: Literal) -> str:
    """What a literal with a unit comes to."""
    wording = _UNITS.get(node.kind)
    if wording is None or not isinstance(node.value, int | float):
        return ""
    return f"`{node.raw}`: {node.kind}, {wording.format(node.value)}"
