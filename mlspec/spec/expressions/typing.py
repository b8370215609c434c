"""Types an expression: one function per node of the syntax tree."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Edit
from mlspec.source import Span
from mlspec.spec import kinds
from mlspec.spec.expressions import literals
from mlspec.spec.expressions.calls import call
from mlspec.spec.expressions.context import Ambient, Context, Operand, is_unknown, unknown
from mlspec.spec.expressions.names import describe, resolve
from mlspec.spec.expressions.operators import binary, common_type, comparable, joined, mismatch, named, short, unary
from mlspec.spec.findings import article
from mlspec.spec.kinds import LEVELS, Type
from mlspec.spec.values import Bounds, Reference, Typed
from mlspec.syntax.nodes import Call, Chain, Expr, IfElse, ListExpr, Literal, Range, Ref, Unary


def operand(node: Expr, context: Context) -> Operand:
    """What an expression is: a typed value, or a thing that only functions take (a model, features, a part)."""
    if isinstance(node, Literal):
        return literals.of_literal(node)
    if isinstance(node, Ref):
        return resolve(node, context)
    if isinstance(node, Call):
        return call(node, context, operand)
    if isinstance(node, Chain):
        return _chain(node, context)
    if isinstance(node, Unary):
        return unary(node.op, type_expression(node.operand, context), node.span, context)
    if isinstance(node, ListExpr):
        return _list(node, context)
    if isinstance(node, Range):
        return _range(node, context)
    return _choice(node, context)


def type_expression(node: Expr, context: Context) -> Typed:
    """The typed value of an expression; a thing that is no value is reported."""
    found = operand(node, context)
    if isinstance(found, Typed):
        return found
    if isinstance(found, Reference) and found.kind == "unknown":
        return unknown(node.span)
    if isinstance(found, Reference) and found.kind == "secret":
        secret_misplaced(found, node.span, context)
        return unknown(node.span, (found,))
    hint = ""
    if isinstance(found, Reference) and found.kind in ("search", "model"):
        hint = f"name a metric of it: `accuracy({short(node.span)})`"
    context.scope.wrong(short(node.span), node.span, describe(found), "a value", hint=hint)
    refs = (found,) if isinstance(found, Reference) else ()
    return unknown(node.span, refs)


def secret_misplaced(found: Reference, span: Span, context: Context) -> None:
    """Reports a secret in a field or value that would be written down (405)."""
    hint = "an expression holds a secret only as the `key:` of `hmac`; a field only where its type is a secret"
    context.findings.add("MLS405", span, name=found.block, where=context.where, hint=hint)


def _chain(node: Chain, context: Context) -> Typed:
    outer = context.handles_null
    context.handles_null = outer or any(op == "??" for op, _ in node.rest)
    left = type_expression(node.first, context)
    context.handles_null = outer
    for op, right_node in node.rest:
        if op in ("==", "!=") and _bare_value(left, right_node, context):
            return unknown(node.span, left.refs)
        right = type_expression(right_node, context)
        left = _within(left, right, right_node, context) if op == "in" else binary(op, left, right, context)
    return left


def _bare_value(left: Typed, node: Expr, context: Context) -> bool:
    """Reports `sex == Female`: a value of a category is text, and takes quotes."""
    if not isinstance(node, Ref) or not left.type.values or node.text not in left.type.values:
        return False
    if node.text in context.local or node.text in context.scope.declared:
        return False
    fix = f'"{node.text}"'
    context.findings.add("MLS101", node.span, edits=[Edit(node.span, fix)], name=node.text, kind="name", known=f"`{fix}`",
                         hint=f"a value of a category is text, and takes quotes: `{fix}`")  # fmt: skip
    return True


def _within(left: Typed, right: Typed, node: Expr, context: Context) -> Typed:
    """`x in low..high` and `x in [a, b]`."""
    span = left.span.to(right.span)
    if is_unknown(left) or is_unknown(right):
        return unknown(span, left.refs + right.refs)
    if right.type.name not in ("range", "list") or right.type.item is None:
        return mismatch(right, "a range or a list", context, "`in` looks into `1..10` or `[1, 2]`")
    if left.type.name in ("vector", "tokens"):
        return mismatch(left, "one value", context, "all numbers of a feature at once are compared by `==` with a list")
    items = right.form[1] if right.form[0] == "list" else right.form[1:3]
    spans = [item.span for item in node.items] if isinstance(node, ListExpr) else [right.span] * len(items)
    for item, place in zip(items, spans, strict=True):
        part = Typed(item, right.type.item, right.level, right.taint, place)
        fault = comparable(left, part, context)
        if fault is not None:
            return fault
    result = kinds.BOOL.nullable() if left.optional else kinds.BOOL
    return joined("in", (left, right), result, span)


def _list(node: ListExpr, context: Context) -> Typed:
    items = [type_expression(item, context) for item in node.items]
    if any(is_unknown(item) for item in items):
        return unknown(node.span, tuple(ref for item in items for ref in item.refs))
    kind: Type | None = None
    for item in items:
        common = item.type if kind is None else common_type(kind, item.type)
        if common is None:
            return mismatch(item, named(kind or item.type), context, "the items of a list have one type")
        kind = common
    result = Type("list", item=kind or kinds.NULL)
    if not items:
        return Typed(["list", []], result, kinds.CONST, kinds.NONE, node.span)
    return joined("list", tuple(items), result, node.span, ["list", [item.form for item in items]])


def _range(node: Range, context: Context) -> Typed:
    low, high = type_expression(node.low, context), type_expression(node.high, context)
    if is_unknown(low) or is_unknown(high):
        return unknown(node.span, low.refs + high.refs)
    for end in (low, high):
        if end.type.name == "null":
            return mismatch(end, "the end of a range", context, "a range has two ends")
    fault = comparable(low, high, context)
    if fault is not None:
        return fault
    kind = common_type(low.type, high.type) or low.type
    if kind.name not in kinds.ORDERED:
        return mismatch(low, "something with an order", context, "a range runs over numbers, times or amounts")
    if low.constant and high.constant and inverted(literals.value_of(low), literals.value_of(high)):
        context.findings.add(
            "MLS207", node.span, what=f"the range `{short(node.span)}`", got="empty: its start is above its end",
            wanted="a start that is not above the end", hint=f"write `{short(high.span)}..{short(low.span)}`",
        )  # fmt: skip
        return unknown(node.span)
    return joined("range", (low, high), Type("range", item=kind), node.span, ["range", low.form, high.form])


def inverted(low: Any, high: Any) -> bool:
    """Whether a range is empty; a date counts as the whole day."""
    if type(low) is not type(high) and hasattr(low, "isoformat"):
        return bool(str(low)[:10] > str(high)[:10])
    return bool(low > high)


def _choice(node: IfElse, context: Context) -> Typed:
    condition = type_expression(node.condition, context)
    then, other = type_expression(node.then, context), type_expression(node.otherwise, context)
    if is_unknown(condition) or is_unknown(then) or is_unknown(other):
        return unknown(node.span, condition.refs + then.refs + other.refs)
    if condition.type.name != "bool":
        return mismatch(condition, "a Boolean", context, "`if` chooses by a condition")
    kind = common_type(then.type, other.type)
    if kind is None:
        return mismatch(other, named(then.type), context, "both branches of `if` have one type")
    if condition.constant:
        chosen = then if condition.form[1] else other
        return Typed(chosen.form, kind, chosen.level, chosen.taint, node.span, chosen.refs, chosen.calls)
    return joined("if", (condition, then, other), kind, node.span)


def constant(node: Expr, context: Context) -> Typed | None:
    """A constant expression, folded; None when it is none, which is reported (206)."""
    found = type_expression(node, context)
    if is_unknown(found):
        return None
    if found.level > kinds.CONST:
        context.findings.add(
            "MLS206", node.span, what=f"`{short(node.span)}`", got=LEVELS[found.level], wanted="Const", where=context.where,
            hint="write a constant, or a `param`",
        )  # fmt: skip
        return None
    return found


def bounds_of(found: Typed) -> Bounds:
    """The two ends of a constant range."""
    ends = found.form[1:3]
    return Bounds(*(literals.python_value(end[1], end[2]) for end in ends))


__all__ = ["Ambient", "article", "bounds_of", "constant", "operand", "type_expression"]
