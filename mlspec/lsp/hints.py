"""Inlay hints: the types of definitions, and the defaults of fields that a block leaves out."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from mlspec.lsp.analysis import Analysis
from mlspec.lsp.workspace import Workspace
from mlspec.spec import schema
from mlspec.spec.kinds import LEVELS
from mlspec.spec.model import Block, Spec
from mlspec.spec.text import default_text

RESOURCES = frozenset(("cpu", "memory", "gpu", "time_limit", "retry", "image"))
SHOWN = 3


def hints(workspace: Workspace, params: types.InlayHintParams) -> list[types.InlayHint]:
    """The hints of the lines in sight."""
    analysis = workspace.analysis(params.text_document.uri)
    spec = analysis.spec
    if spec is None:
        return []
    found: list[types.InlayHint] = []
    for block in _blocks(spec):
        if block.alias or block.head.source.name != analysis.path:
            continue
        if workspace.settings.types:
            found += _types(analysis, block)
        if workspace.settings.defaults:
            found += _defaults(analysis, block)
    return [hint for hint in found if params.range.start.line <= hint.position.line <= params.range.end.line]


def _blocks(spec: Spec) -> Iterator[Block]:
    for block in (*spec.blocks.values(), *spec.unnamed):
        yield block
        yield from block.blocks


def _types(analysis: Analysis, block: Block) -> Iterator[types.InlayHint]:
    """`: float` behind the name of a definition whose type is not plain to see: conditions are all Boolean."""
    row = schema.kind(block.kind)
    if row is None or row.role is None or schema.role(row.role).type in ("bool", "part"):
        return
    for item in block.definitions.values():
        if item.value.type.name == "unknown":
            continue
        end = item.span.start + len(item.name)
        yield types.InlayHint(
            position=analysis.positions.position(end),
            label=f": {item.value.type}",
            kind=types.InlayHintKind.Type,
            tooltip=f"level {LEVELS[item.value.level]}",
        )


def _defaults(analysis: Analysis, block: Block) -> Iterator[types.InlayHint]:
    """`seed = 0, …` behind the line that opens a block: what it leaves to defaults, resources aside."""
    row = schema.kind(block.kind)
    line = analysis.text[block.head.end : analysis.text.find("\n", block.head.end)]
    if row is None or line.strip() != "{":
        return
    left = [
        f"{name} = {default_text(field.default, field.form)}"
        for name, field in row.fields.items()
        if not field.required
        and field.default not in (None, ())
        and field.built
        and name not in RESOURCES
        and not block.given(name)
    ]
    if left:
        more = f", {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        yield types.InlayHint(
            position=analysis.positions.position(block.head.end + len(line.rstrip())),
            label=f"{', '.join(left[:SHOWN])}{more}",
            padding_left=True,
            tooltip=types.MarkupContent(
                types.MarkupKind.Markdown, "Left to defaults:\n\n" + "\n".join(f"* `{text}`" for text in left)
            ),
        )
