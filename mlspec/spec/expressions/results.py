"""The type, level, taint and form of what a catalogue function gives."""

from __future__ import annotations

from functools import reduce
from typing import Any

from mlspec.catalogue import Function
from mlspec.spec import kinds
from mlspec.spec.expressions.bound import Bound
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import common_type
from mlspec.spec.images import image_type
from mlspec.spec.kinds import CONST, DIRECT, FITTED, HISTORY, LIVE, METRIC, NONE, QUASI, ROW, Type
from mlspec.spec.values import Typed
from mlspec.syntax.nodes import Call

_LEVELS = {"check": ROW, "row": CONST, "history": HISTORY, "fitted": FITTED, "interval": METRIC, "live": LIVE}
_DOMAINS = {"sqrt": (0.0, True), "log": (0.0, False), "log1p": (-1.0, False)}


def result_of(row: Function, node: Call, bound: Bound, context: Context) -> Typed:
    """The typed result of `row` on bound arguments."""
    level = max([_LEVELS[row.level], *(value.level for value in bound.values)])
    if row.level == "check":
        level = ROW
    kind = _type(row, bound)
    if row.level == "live":
        form: list[Any] = ["metric", row.name, context.block.name if context.block else "", dict(bound.options)]
        if bound.forms:
            form[2] = bound.forms[0]
    else:
        form = ["call", row.name, list(bound.forms), dict(bound.options)]
    calls = tuple(call for value in bound.values for call in value.calls)
    size = 1 + sum(value.size for value in bound.values)
    return Typed(
        form, kind, level, _taint(row, bound), node.span, tuple(bound.refs), (*calls, (row.name, node.callee.span)), size
    )


def _taint(row: Function, bound: Bound) -> int:
    taint = max((value.taint for value in bound.values), default=NONE)
    if row.taint == "quasi":
        return min(taint, QUASI)
    if row.taint == "mask":
        return QUASI if row.name == "hmac" and taint == DIRECT else NONE
    return NONE if row.taint in ("none", "lower") else taint


def _type(row: Function, bound: Bound) -> Type:
    result: str = row.result
    first = bound.values[0].type if bound.values else kinds.FLOAT
    optional = any(value.optional for value in bound.values) if row.null == "propagate" else False
    if row.name in _DOMAINS and not _in_domain(row.name, bound.values[0]):
        optional = True
    head, _, rest = result.partition(":")
    if head == "nullable":
        return (_plain(first) if rest == "same" else Type(rest)).nullable()
    if head == "each" and bound.options.get("of", [""])[0] != "features":
        return Type(rest)
    if head in ("samples", "each"):
        return Type(head, item=Type(rest))
    if head == "filled" or head == "aggregate":
        return _plain(first).required()
    if head == "item":
        return first if first.item is None else first.item
    if head == "image":
        return image_type(row.name, first, bound.options)
    if head == "same":
        kind = _plain(first)
    elif head == "joined":
        kind = reduce(_joined, (_plain(value.type) for value in bound.values))
    else:
        kind = Type(result)
    return kind.nullable() if optional else kind.required()


def _joined(left: Type, right: Type) -> Type:
    return common_type(left, right) or left


def _plain(kind: Type) -> Type:
    """The type without a column's range, which the result need not keep."""
    if not kind.settings:
        return kind
    return Type(
        kind.name,
        kind.optional,
        values=kind.values,
        precision=kind.precision,
        scale=kind.scale,
        entity=kind.entity,
        item=kind.item,
    )


def _in_domain(name: str, value: Typed) -> bool:
    """Whether a function has a value for all that its argument may be."""
    least, included = _DOMAINS[name]
    bounds = value.type.range
    if bounds is not None:
        return bool(bounds[0] > least or (included and bounds[0] == least))
    return bool(value.constant and value.form[1] is not None and value.form[1] > least)
