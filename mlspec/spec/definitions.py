"""`name := expression`: its type, its level, and what each role asks of it."""

from __future__ import annotations

from datetime import date

from mlspec.diagnostics import Edit
from mlspec.spec import constants, kinds
from mlspec.spec.columns import bind_attributes
from mlspec.spec.expressions import literals
from mlspec.spec.expressions.context import Context, Operand, is_unknown, unknown
from mlspec.spec.expressions.names import describe
from mlspec.spec.expressions.operators import mismatch, short
from mlspec.spec.expressions.typing import bounds_of, constant, operand, secret_misplaced, type_expression
from mlspec.spec.kinds import LEVELS, ROW, Type
from mlspec.spec.model import Block, Definition, Part
from mlspec.spec.schema import Role
from mlspec.spec.values import Bounds, Reference, Typed
from mlspec.syntax.nodes import Define, Literal, Range


def bind_definition(node: Define, role: Role, block: Block, context: Context) -> None:
    """Binds one definition and adds it to its block."""
    if role.type == "part":
        _part(node, block, context)
        return
    attrs = bind_attributes(node.attrs, role.name, context)
    context.handles_null = role.name == "feature" and block.get("missing") is not None
    value = _logged(node, context) if role.name == "logged" else type_expression(node.value, context)
    if not is_unknown(value):
        value = _fits(node, role, value, context) or unknown(node.value.span, value.refs)
    block.definitions[node.name.text] = Definition(node.name.text, node.span, attrs, node.doc, value)


def _fits(node: Define, role: Role, value: Typed, context: Context) -> Typed | None:
    """The value if its level and type are those of the role; else None, and the fault is reported."""
    if value.level > role.level:
        context.findings.add(
            "MLS206", node.value.span, what=f"`{short(node.value.span)}`", got=LEVELS[value.level], wanted=LEVELS[role.level],
            where=context.where, hint=_HINTS.get(role.name, ""),
        )  # fmt: skip
        return None
    if role.type == "bool":
        return _condition(node, role, value, context)
    if role.type == "value" and (value.type.item is not None or value.type.name in ("null", "range", "features", "json")):
        mismatch(value, "a value of one row", context)
        return None
    if role.name == "feature" and value.constant:
        context.findings.add(
            "MLS213",
            node.value.span,
            name=node.name.text,
            got=short(node.value.span),
            hint="a feature reads at least one column",
        )
        return None
    return value


_HINTS = {
    "feature": "metrics and live values are known only after features: use them in `gates` or `monitor`",
    "check": "checks of a source see its rows only",
    "expectation": "name a feature, check, gate or alert: the test computes it as a run does",
    "gate": "live values are known only after release: use them in `monitor`",
}


def _condition(node: Define, role: Role, value: Typed, context: Context) -> Typed | None:
    if value.type.name != "bool":
        mismatch(value, "a Boolean", context, f"{role.noun} is a condition: compare it, as in `{short(node.value.span)} >= …`")
        return None
    if value.constant:
        got = "true" if value.form[1] else "false"
        context.findings.add(
            "MLS213", node.value.span, name=node.name.text, got=got, hint="remove it, or compare something that can vary"
        )
        return None
    return value


def _logged(node: Define, context: Context) -> Typed:
    """A logged value: an expression, or all features of a block."""
    found: Operand = operand(node.value, context)
    if isinstance(found, Reference) and found.kind == "features":
        block = context.scope.spec.blocks[found.block]
        taint = max((each.value.taint for each in block.definitions.values() if "audit" not in each.attrs), default=kinds.NONE)
        return Typed(["features", found.block], Type("features"), ROW, taint, node.value.span, (found,))
    if isinstance(found, Typed):
        return found
    if isinstance(found, Reference) and found.kind == "secret":
        secret_misplaced(found, node.value.span, context)
    elif not (isinstance(found, Reference) and found.kind == "unknown"):
        context.scope.wrong(short(node.value.span), node.value.span, describe(found), "a value")
    return Typed(["lit", None, "null"], kinds.UNKNOWN, kinds.CONST, kinds.NONE, node.value.span)


def _part(node: Define, block: Block, context: Context) -> None:
    """`train := 70%`, or `train := 2023-01-01..2025-02-28`."""
    attrs = bind_attributes(node.attrs, "part", context)
    if isinstance(node.value, Range):
        interval = _interval(node, context)
        block.parts[node.name.text] = Part(node.name.text, node.span, attrs, node.doc, None, interval)
        return
    share = constants.simple("ratio", node.value, context.at(f"the share of `{node.name.text}`"))
    block.parts[node.name.text] = Part(node.name.text, node.span, attrs, node.doc, None, None)
    if share is constants.INVALID:
        return
    if not 0 < share <= 1:
        text = node.value.span.text
        fix = f"{text}%" if isinstance(node.value, Literal) and node.value.kind == "int" and share <= 100 else ""
        context.findings.add(
            "MLS209", node.value.span, edits=[Edit(node.value.span, fix, guess=True)] if fix else [], what=f"the share of `{node.name.text}`",
            got=f"`{short(node.value.span)}`", wanted="more than 0% and at most 100%", hint=f"write `{fix}`" if fix else "",
        )  # fmt: skip
        return
    block.parts[node.name.text] = Part(node.name.text, node.span, attrs, node.doc, float(share), None)


def _interval(node: Define, context: Context) -> Bounds | None:
    found = constant(node.value, context)
    if found is None:
        return None
    ends = bounds_of(found) if found.type.name == "range" else None
    if ends is None or not (isinstance(ends.low, date) and isinstance(ends.high, date)):
        mismatch(found, "a share, `70%`, or an interval of dates", context)
        return None
    return ends


__all__ = ["bind_definition", "literals"]
