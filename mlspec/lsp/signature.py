"""The parameters of the call around the cursor: functions and metrics of the catalogue, calls of fields, attributes."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from mlspec import catalogue
from mlspec.lsp import describe
from mlspec.lsp.analysis import Analysis
from mlspec.lsp.cursor import Cursor, InCall
from mlspec.lsp.wanted import groups
from mlspec.lsp.workspace import Workspace
from mlspec.spec import schema
from mlspec.spec.schema.constructors import CONSTRUCTORS


def signature_help(workspace: Workspace, params: types.SignatureHelpParams) -> types.SignatureHelp | None:
    """The signatures that a name has here, the one that fits the level of the place first."""
    analysis = workspace.analysis(params.text_document.uri)
    cursor = Cursor(analysis, analysis.positions.offset(params.position))
    call = cursor.call
    if call is None or cursor.inside_comment:
        return None
    found = _signatures(analysis, cursor, call)
    if not found:
        return None
    return types.SignatureHelp(found, active_signature=0, active_parameter=found[0].active_parameter)


def _signatures(analysis: Analysis, cursor: Cursor, call: InCall) -> list[types.SignatureInformation]:
    if call.attribute:
        attribute = schema.attribute(call.callee)
        return [] if attribute is None else [_of_row(attribute, call)]
    if cursor.mark == "=":
        rows = [one for group in groups_at(cursor) if (one := schema.constructor(group, call.callee)) is not None]
        if rows:
            return [_of_row(row, call) for row in rows]
    metric = catalogue.metric(call.callee)
    wanted = ("check", "row") if cursor.block is not None and cursor.block.kind == "source" else ()
    functions = sorted(catalogue.functions(call.callee), key=lambda row: bool(wanted) and row.level not in wanted)
    found = [_information(row.name, row.parameters, row.doc, call) for row in functions]
    if metric is not None:
        parameters = (("model", "model", ...), *metric.parameters)
        found.append(_information(metric.name, parameters, metric.doc, call))
    return found


def groups_at(cursor: Cursor) -> list[str]:
    """The groups of calls that the field or short block at the cursor may hold; all where the field is not known."""
    field = field_at(cursor)
    if field is not None:
        found = groups(field.form)
        return found or list(CONSTRUCTORS)
    return list(CONSTRUCTORS)


def field_at(cursor: Cursor) -> schema.Field | None:
    """The field that the open statement sets."""
    names = [token.text for token in cursor.before if token.type == "NAME"]
    first = cursor.before[0].type if cursor.before else ""
    if first != "NAME" or not names:
        return None
    if len(cursor.before) > 1 and cursor.before[1].type == "NAME":
        row = schema.kind(names[0])
        return None if row is None else row.fields.get("value")
    row = None if cursor.block is None else schema.kind(cursor.block.kind)
    return None if row is None else row.fields.get(names[0])


def _of_row(row: schema.Constructor | schema.Attribute, call: InCall) -> types.SignatureInformation:
    texts = [describe.parameter_text(one) for one in row.parameters]
    names = [one.name for one in row.parameters]
    docs = [one.doc for one in row.parameters]
    mark = "@" if isinstance(row, schema.Attribute) else ""
    return _shown(f"{mark}{row.name}", texts, names, docs, row.doc, call)


def _information(name: str, parameters: tuple[tuple[str, str, Any], ...], doc: str, call: InCall) -> types.SignatureInformation:
    texts = [describe.catalogue_parameter(row) for row in parameters]
    return _shown(name, texts, [row[0].lstrip("*") for row in parameters], [""] * len(texts), doc, call)


def _shown(
    name: str, texts: list[str], names: list[str], docs: list[str], doc: str, call: InCall
) -> types.SignatureInformation:
    active = names.index(call.argument) if call.argument in names else min(call.place, max(0, len(names) - 1))
    return types.SignatureInformation(
        label=f"{name}({', '.join(texts)})",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, doc),
        parameters=[
            types.ParameterInformation(text, documentation=note or None) for text, note in zip(texts, docs, strict=True)
        ],
        active_parameter=active,
    )
