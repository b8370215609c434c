"""Turns what stands on the right of `=` into a checked item, by the form that the schema gives the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlspec import catalogue
from mlspec.diagnostics import Edit
from mlspec.spec import constants, references
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.literals import value_of
from mlspec.spec.expressions.operators import short
from mlspec.spec.expressions.typing import constant
from mlspec.spec.findings import listing, nearest
from mlspec.spec.values import Bounds, Value
from mlspec.syntax.nodes import Call, Expr, ListExpr, Literal, Range, Ref

INVALID = constants.INVALID  # stands for a value whose fault is reported


def convert(form: Any, node: Expr, context: Context) -> Any:
    """The item of a field, or INVALID."""
    head = form if isinstance(form, str) else form[0]
    if isinstance(node, Ref):
        node = context.scope.whole(node)
    return _CONVERTERS[head](form, node, context)


def wanted(form: Any) -> str:
    """What a form takes, in words."""
    head = form if isinstance(form, str) else form[0]
    if head == "enum":
        return ("one of " if len(form) > 2 else "") + listing(form[1:])
    if head == "list":
        return f"a list: `[…]` of {wanted(form[1])}"
    if head == "one":
        return " or ".join(wanted(each) for each in form[1:])
    if head == "call":
        from mlspec.spec import schema

        calls = [f"{name}(…)" for name in schema.constructors(form[1])]
        return ("one of " if len(calls) != 1 else "") + listing(calls)
    if head == "ref":
        return "the name of " + " or ".join(references.noun(kind) for kind in form[1:])
    if head == "range":
        return f"a range `low..high` of {wanted(form[1])}"
    if head == "tag":
        return f'{form[1]}"""…"""'
    return _WORDS.get(head) or constants.wanted(form)


_WORDS = {
    "column": "a column",
    "foreign_column": "a column of the other source",
    "part": "a part of a split, `split.part`",
    "model": "a model",
    "features": "a block of features, or a list of features",
    "label": "a column, `source.column`",
    "estimator": "an estimator, `sklearn.LogisticRegression`",
    "metric": "a metric, `auc`",
    "tolerance": "points, `1pp`, a share, `5%`, or a number",
    "secret": "a secret",
    "const": "a constant",
    "name": "a name",
    "path": "a name",
    "sibling": "a parameter of the same family",
    "rows": "a list of `row(…)`",
    "bound": "a range, `0..100`",
}


def _enum(form: Any, node: Expr, context: Context) -> Any:
    members = form[1:]
    if isinstance(node, Ref) and node.text in members:
        return node.text
    if isinstance(node, Ref):
        context.findings.unknown("MLS101", node.span, node.text, members, kind=f"value of {context.where}")
    else:
        word = str(node.value) if isinstance(node, Literal) and node.kind == "string" else ""
        context.findings.add(
            "MLS201", node.span, edits=[Edit(node.span, word)] if word in members else [], what=context.where,
            got=f"`{short(node.span)}`", wanted=wanted(form), hint=f"a word takes no quotes: `{word}`" if word in members else "",
        )  # fmt: skip
    return INVALID


def _list(form: Any, node: Expr, context: Context) -> Any:
    if not isinstance(node, ListExpr):
        hint = f"write `{_in_brackets(node)}`"
        context.findings.add(
            "MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=wanted(form), hint=hint
        )
        return INVALID
    items = [convert(form[1], item, context) for item in node.items]
    if any(item is INVALID for item in items):
        return INVALID
    seen: dict[str, Expr] = {}
    for item in () if "repeats" in form[2:] else node.items:
        text = item.span.text
        if text in seen:
            context.findings.add("MLS102", item.span, kind="item", name=short(item.span))
            return INVALID
        seen[text] = item
    return tuple(items)


def _in_brackets(node: Expr) -> str:
    """One item as a list, and a list of items behind dashes."""
    text = short(node.span)
    if text.startswith("- "):
        text = text[2:].replace(" - ", ", ")
    return f"[{text}]"


def _one(form: Any, node: Expr, context: Context) -> Any:
    """The first form whose shape the node has; its own faults are then reported."""
    words = next((each for each in form[1:] if each[0] == "enum"), None)
    if (
        isinstance(node, Ref)
        and words is not None
        and nearest(node.text, words[1:])
        and node.text not in context.scope.declared
    ):
        return convert(words, node, context)
    for each in form[1:]:
        if _shape_fits(each, node):
            return convert(each, node, context)
    if isinstance(node, Ref) and form[-1][0] == "call":
        return convert(form[-1], node, context)  # it knows which call a plain name was meant as
    context.findings.add("MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=wanted(form))
    return INVALID


def _shape_fits(form: Any, node: Expr) -> bool:
    head = form if isinstance(form, str) else form[0]
    if head == "enum":
        return isinstance(node, Ref) and node.text in form[1:]
    shapes: dict[str, type] = {"list": ListExpr, "range": Range, "call": Call, "tag": Literal}
    shape = shapes.get(head)
    return shape is None or isinstance(node, shape)


def _range(form: Any, node: Expr, context: Context) -> Any:
    if not isinstance(node, Range):
        context.findings.add("MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=wanted(form))
        return INVALID
    low, high = convert(form[1], node.low, context), convert(form[1], node.high, context)
    if low is INVALID or high is INVALID:
        return INVALID
    if low > high:
        context.findings.add(
            "MLS207", node.span, what=f"the range `{short(node.span)}`", got="empty: its start is above its end",
            wanted="a start that is not above the end", hint=f"write `{short(node.high.span)}..{short(node.low.span)}`",
        )  # fmt: skip
        return INVALID
    return Bounds(low, high)


def _estimator(form: Any, node: Expr, context: Context) -> Any:
    if not isinstance(node, Ref):
        text = str(node.value) if isinstance(node, Literal) else node.callee.text if isinstance(node, Call) else ""
        hint = ""
        if catalogue.estimator(text) is not None:
            hint = f"an estimator takes no quotes: `{text}`"
            if isinstance(node, Call):
                hint = f"write `{text}` alone: its parameters are lines of the block, as in `random_state = 1`"
        context.findings.add(
            "MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=_WORDS["estimator"], hint=hint
        )
        return INVALID
    found = catalogue.estimator(node.text)
    if found is None:
        context.findings.unknown("MLS101", node.span, node.text, catalogue.estimator_names(), kind="estimator")
        return INVALID
    return found.key


def _metric(form: Any, node: Expr, context: Context) -> Any:
    if not isinstance(node, Ref):
        hint = f"write its name alone: `{node.callee.text}`" if isinstance(node, Call) else ""
        context.findings.add(
            "MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=_WORDS["metric"], hint=hint
        )
        return INVALID
    if catalogue.metric(node.text) is None:
        context.findings.unknown("MLS101", node.span, node.text, catalogue.metric_names(), kind="metric")
        return INVALID
    return node.text


def _tolerance(form: Any, node: Expr, context: Context) -> Any:
    """(unit, amount): points of a ratio, a share of the best value, or a plain number of what is measured."""
    found = constant(node, context)
    if found is None:
        return INVALID
    unit = {"points": "points", "ratio": "share", "float": "number", "int": "number"}.get(found.type.name)
    amount = value_of(found)
    if unit is None or not isinstance(amount, int | float) or amount < 0:
        context.findings.add(
            "MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=_WORDS["tolerance"] + ", not below 0"
        )
        return INVALID
    return (unit, float(amount))


def _name(form: Any, node: Expr, context: Context) -> Any:
    if isinstance(node, Ref):
        return node.text
    context.findings.add("MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted="a name")
    return INVALID


def _call(form: Any, node: Expr, context: Context) -> Any:
    from mlspec.spec.constructors import construct

    return construct(form[1], node, context, convert)


def _rows(form: Any, node: Expr, context: Context) -> Any:
    from mlspec.spec.literal_rows import literal_rows

    return literal_rows(node, context)


_CONVERTERS: dict[str, Callable[[Any, Expr, Context], Any]] = {
    "enum": _enum,
    "list": _list,
    "one": _one,
    "range": _range,
    "call": _call,
    "estimator": _estimator,
    "metric": _metric,
    "tolerance": _tolerance,
    "name": _name,
    "path": _name,
    "sibling": _name,
    "rows": _rows,
    **references.CONVERTERS,
    **constants.CONVERTERS,
}

__all__ = ["INVALID", "Value", "convert", "wanted"]
