"""Fields that take a name: of a block, a column, a part, a model, features, a secret."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Edit
from mlspec.spec.aliases import word
from mlspec.spec.constants import INVALID
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import short
from mlspec.spec.findings import article, nearest
from mlspec.spec.model import Block
from mlspec.spec.scope import MODELS
from mlspec.spec.values import Reference
from mlspec.syntax.nodes import Call, Expr, ListExpr, Literal, Name, Ref

noun = article


def _names(kinds: tuple[str, ...]) -> str:
    return " or ".join(noun(kind) for kind in kinds)


def _not_a_name(node: Expr, wanted: str, context: Context) -> Any:
    text = str(node.value) if isinstance(node, Literal) and node.kind == "string" else ""
    rows = context.rows
    known = text.partition(".")[0] in context.scope.spec.blocks or (rows is not None and text in rows.columns)
    context.findings.add(
        "MLS201", node.span, edits=[Edit(node.span, text)] if known else [], what=context.where, got=f"`{short(node.span)}`",
        wanted=wanted, hint=f"a name takes no quotes: `{text}`" if known else "",
    )  # fmt: skip
    return INVALID


def find_block(node: Expr, kinds: tuple[str, ...], context: Context) -> Block | None:
    """The block of one of `kinds` that a name stands for; faults are reported."""
    scope = context.scope
    if not isinstance(node, Ref):
        _not_a_name(node, "the name of " + _names(kinds), context)
        return None
    node = scope.whole(node)
    head = node.parts[0]
    block = scope.get(head.text)
    if block is None:
        scope.missing(head, kinds[0], scope.names(kinds))
        return None
    if block.kind not in kinds or len(node.parts) > 1:
        got = block.kind if block.kind not in kinds else f"member of {noun(block.kind)[2:]}"
        scope.wrong(
            node.text, node.span, got, _names(kinds), nearest(node.text, scope.names(kinds)), _example(scope.names(kinds))
        )
        return None
    return block


def _example(names: list[str]) -> str:
    return f"this file has `{'`, `'.join(names[:4])}`" if names else ""


def block_ref(form: Any, node: Expr, context: Context) -> Any:
    """`("ref", kind, …)`: the name of a block."""
    block = find_block(node, form[1:], context)
    return INVALID if block is None else Reference(block.kind, block.path, None, node.span)


def column(form: Any, node: Expr, context: Context) -> Any:
    """A column of the rows that the block works on, bare or with its source."""
    if not isinstance(node, Ref):
        return _not_a_name(node, "a column", context)
    if len(node.parts) == 1:
        return _bare_column(node.parts[0], context)
    block = find_block_of_column(node, context)
    if block is None:
        return INVALID
    return _member(block, node.parts[1], context)


def find_block_of_column(node: Ref, context: Context) -> Block | None:
    """The source or frame before the dot of a column's name."""
    head = node.parts[0]
    block = context.scope.get(head.text)
    if block is None:
        context.scope.missing(head, "source", context.scope.names(("source", "frame")))
        return None
    if block.kind not in ("source", "frame"):
        names = context.scope.names(("source", "frame"))
        context.scope.wrong(node.text, node.span, block.kind, "a column", nearest(head.text, names))
        return None
    return block


def _bare_column(name: Name, context: Context) -> Any:
    rows = context.rows
    if rows is None:
        return INVALID  # what the rows are is unknown, and reported
    return _member(rows, name, context)


def _member(block: Block, name: Name, context: Context) -> Any:
    if name.text in block.columns:
        return Reference("column", block.name, name.text, name.span)
    if block.kind == "frame" and name.text in block.definitions:
        return Reference("derived", block.name, name.text, name.span)
    if block.name in context.scope.broken:
        context.findings.hidden.append(name.span)
    else:
        known = [*block.columns, *(block.definitions if block.kind == "frame" else ())]
        literal = word(name.text)
        hint = f"{context.where} takes the name of a column, and not `{literal}`" if literal else ""
        context.findings.unknown("MLS101", name.span, name.text, known, kind=f"column of `{block.name}`", hint=hint)
    return INVALID


def label(form: Any, node: Expr, context: Context) -> Any:
    """`source.column` or `frame.label`."""
    if isinstance(node, Ref) and len(node.parts) == 1 and node.parts[0].text not in context.scope.spec.blocks:
        return column(form, node, context)
    if not isinstance(node, Ref) or len(node.parts) == 1:
        if isinstance(node, Ref):
            block = context.scope.get(node.parts[0].text)
            context.scope.wrong(node.text, node.span, block.kind if block else "name", "a column, `source.column`")
            return INVALID
        return _not_a_name(node, "a column, `source.column`", context)
    return column(form, node, context)


def part(form: Any, node: Expr, context: Context) -> Any:
    """`split.part`."""
    if not isinstance(node, Ref):
        return _not_a_name(node, "a part of a split, `split.part`", context)
    scope = context.scope
    head = node.parts[0]
    block = scope.get(head.text)
    if block is None:
        known = [f"{split.name}.{name}" for split in scope.spec.of_kind("split") for name in split.parts]
        if head.text not in scope.declared and any(name.endswith(f".{head.text}") for name in known):
            context.findings.unknown("MLS101", node.span, node.text, known, kind="part")
        else:
            scope.missing(head, "split", scope.names(("split",)))
        return INVALID
    if block.kind != "split" or len(node.parts) == 1:
        got = "split" if block.kind == "split" else block.kind
        known = [f"{split.name}.{name}" for split in scope.spec.of_kind("split") for name in split.parts]
        scope.wrong(node.text, node.span, got, "a part of a split", nearest(node.text, known), _example(known))
        return INVALID
    member = node.parts[1]
    if member.text not in block.parts:
        if block.name in scope.broken:
            context.findings.hidden.append(member.span)
        else:
            context.findings.unknown("MLS101", member.span, member.text, block.parts, kind=f"part of `{block.name}`")
        return INVALID
    return Reference("part", block.name, member.text, node.span)


def model(form: Any, node: Expr, context: Context) -> Any:
    """A model, `search.best`, a trained or compressed model."""
    if not isinstance(node, Ref):
        return _not_a_name(node, "a model", context)
    scope = context.scope
    head = node.parts[0]
    block = scope.get(head.text)
    if block is None:
        scope.missing(head, "model", scope.names(MODELS))
        return INVALID
    if block.kind == "search" and len(node.parts) == 2:
        if node.parts[1].text == "best":
            return Reference("search", block.name, "best", node.span)
        context.findings.unknown("MLS101", node.parts[1].span, node.parts[1].text, ("best",), kind=f"model of `{block.name}`")
        return INVALID
    if block.kind == "search":
        scope.wrong(node.text, node.span, "search", "a model", f"{block.name}.best", "the model of a search is its best trial")
        return INVALID
    if block.name in scope.broken and (block.kind not in MODELS or len(node.parts) > 1):
        context.findings.hidden.append(node.span)
        return INVALID
    if block.kind not in MODELS or len(node.parts) > 1:
        known = [f"{name}.best" if scope.spec.blocks[name].kind == "search" else name for name in scope.names(MODELS)]
        scope.wrong(node.text, node.span, block.kind, "a model", nearest(node.text, known), _example(known))
        return INVALID
    return Reference(block.kind, block.name, None, node.span)


def features(form: Any, node: Expr, context: Context) -> Any:
    """A block of features, or a list of features of one block."""
    if not isinstance(node, ListExpr):
        return block_ref(("ref", "features"), node, context)
    found = [_feature(item, context) for item in node.items]
    if any(item is INVALID for item in found):
        return INVALID
    return tuple(found)


def _feature(node: Expr, context: Context) -> Any:
    if isinstance(node, Ref) and len(node.parts) == 1:
        spec = context.scope.spec
        known = [f"{block.name}.{name}" for block in spec.of_kind("features") for name in block.definitions]
        context.findings.unknown("MLS101", node.span, node.text, known, kind="feature")
        return INVALID
    if not isinstance(node, Ref) or len(node.parts) != 2:
        return _not_a_name(node, "a feature, `inputs.age`", context)
    head, member = node.parts
    block = context.scope.get(head.text)
    if block is None:
        context.scope.missing(head, "block of features", context.scope.names(("features",)))
        return INVALID
    if block.kind != "features":
        context.scope.wrong(
            node.text, node.span, block.kind, "a feature", nearest(head.text, context.scope.names(("features",)))
        )
        return INVALID
    if member.text not in block.definitions:
        if block.name not in context.scope.broken:
            context.findings.unknown("MLS101", member.span, member.text, block.definitions, kind=f"feature of `{block.name}`")
        return INVALID
    return Reference("feature", block.name, member.text, node.span)


def secret(form: Any, node: Expr, context: Context) -> Any:
    """The name of a secret, or a call that makes one on the spot."""
    if isinstance(node, Call):
        from mlspec.spec.constructors import construct
        from mlspec.spec.fields import convert

        return construct("secret_from", node, context, convert)
    if not isinstance(node, Ref):
        context.findings.add(
            "MLS404", node.span, name=context.where.strip("`"), fix="name", unbound="yes",  # nothing is left that could be accepted
        )  # fmt: skip
        return INVALID
    return block_ref(("ref", "secret"), node, context)


def foreign_column(form: Any, node: Expr, context: Context) -> Any:
    """A column of a joined source, `bureau.reported_at`."""
    if not isinstance(node, Ref) or len(node.parts) != 2:
        return _not_a_name(node, "a column of the other source, `source.column`", context)
    return column(form, node, context)


CONVERTERS = {
    "ref": block_ref,
    "column": column,
    "label": label,
    "part": part,
    "model": model,
    "features": features,
    "secret": secret,
    "foreign_column": foreign_column,
}
