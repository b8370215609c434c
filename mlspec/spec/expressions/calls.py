"""Calls: which row of the catalogue a name means here, and what its arguments and result are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from mlspec import catalogue
from mlspec.catalogue import Function
from mlspec.spec import schema
from mlspec.spec.expressions.arguments import bind_arguments
from mlspec.spec.expressions.context import Ambient, Context, Operand, is_unknown, unknown
from mlspec.spec.expressions.models import metric_call
from mlspec.spec.expressions.names import describe
from mlspec.spec.expressions.operators import mismatch, short
from mlspec.spec.expressions.results import result_of
from mlspec.spec.kinds import FITTED, LEVELS, METRIC, ROW
from mlspec.spec.values import Reference, Typed
from mlspec.syntax.nodes import Call, Expr

Operate = Callable[[Expr, Context], Operand]

_LIVE_ROLES = frozenset(("guard", "alert"))
_LEVEL_NAMES = {"check": "Check", "row": "Row", "history": "History", "fitted": "Fitted", "interval": "Metric", "live": "Live"}


def call(node: Call, context: Context, operate: Operate) -> Operand:
    """The operand that a call gives."""
    name = context.scope.whole(node.callee).text
    extern = context.scope.spec.blocks.get(name)
    rows = catalogue.functions(name)
    metric = catalogue.metric(name)
    if not rows and metric is None and (extern is None or extern.kind != "extern"):
        return _no_function(node, context)
    given = {
        place: operate(arg.value, context)
        for place, arg in enumerate(node.args)
        if arg.name is None and not _is_word(place, rows)
    }
    operands = list(given.values())
    if any(_faulty(found) for found in operands):
        return unknown(node.span, tuple(ref for found in operands if isinstance(found, Typed) for ref in found.refs))
    first = operands[0] if operands else None
    if extern is not None and extern.kind == "extern" and extern.get("role") is None:
        return unknown(node.span)  # what is wrong with its head is reported
    if extern is not None and extern.kind == "extern" and extern.get("role") in ("feature", "check"):
        from mlspec.spec.expressions.externs import row_call

        return row_call(node, given, context, extern, operate)
    if (extern is not None and extern.kind == "extern") or (metric is not None and (not rows or _is_model(first))):
        return metric_call(node, given, context, metric, extern, operate)
    row = _choose(rows, node, operands, context)
    if row is None:
        return _no_fit(node, operands, context, rows, operate)
    if not row.built:
        context.not_built(f"function `{name}`", node.callee.span)
    return _apply(row, node, given, context, operate)


@cache
def _is_word(place: int, rows: tuple[Function, ...]) -> bool:
    """Whether the argument at a place is a word or list of words, which only its parameter can read."""
    forms = [row.parameters[place][1] for row in rows if place < len(row.parameters)]
    return any(form in ("filler", "patterns", "by") or form.startswith("enum:") for form in forms)


def _faulty(found: Operand) -> bool:
    if isinstance(found, Typed):
        return is_unknown(found)
    return isinstance(found, Reference) and found.kind == "unknown"


def _is_model(found: Operand | None) -> bool:
    if isinstance(found, Ambient):
        return found.kind in ("model", "trial")
    return isinstance(found, Reference) and found.kind in ("model", "search", "train", "compress")


def _no_function(node: Call, context: Context) -> Operand:
    names = [*catalogue.function_names(), *catalogue.metric_names()]
    later = context.scope.declared.get(node.callee.text)
    if later is not None and later.kind == "extern":
        context.scope.missing(node.callee.parts[0], "function", names)
    else:
        context.findings.unknown(
            "MLS101", node.callee.span, node.callee.text, names, kind="function", hint=_as_method(node, names)
        )
    return unknown(node.span)


def _as_method(node: Call, names: list[str]) -> str:
    """The way out for `census.age.log1p()`."""
    head, _, last = node.callee.text.rpartition(".")
    return f"a function stands before what it works on: `{last}({head})`" if "." in head and last in names else ""


def _choose(rows: tuple[Function, ...], node: Call, operands: list[Operand], context: Context) -> Function | None:
    """The row that fits the place and the arguments; rows stand lowest level first."""
    named = {arg.name.text for arg in node.args if arg.name is not None}
    count = sum(1 for arg in node.args if arg.name is None)
    fitting = [row for row in rows if _fits(row, operands, count, named, context)]
    return fitting[0] if fitting else None


def _fits(row: Function, operands: list[Operand], count: int, named: set[str], context: Context) -> bool:
    first = operands[0] if operands else None
    level = first.level if isinstance(first, Typed) else None
    if row.level == "check":
        return context.role == "check" and count <= _most(row)
    if row.level == "history":
        return context.role != "check" and ("over" in named or _is_foreign(first, context))
    if row.level == "interval":
        return level is not None and level >= METRIC
    if row.level == "live":
        return context.role in _LIVE_ROLES and not (isinstance(first, Typed) and first.level == ROW and not first.refs)
    return (
        (level is None or level < METRIC or _is_request_value(first))
        and count + len(named) >= _least(row)
        and "over" not in named
    )


def _is_request_value(found: Operand | None) -> bool:
    return isinstance(found, Typed) and found.form[0] == "live"


def _least(row: Function) -> int:
    return sum(1 for parameter in row.parameters if parameter[2] is ... and not parameter[0].startswith("*"))


def _most(row: Function) -> int:
    return 99 if any(parameter[0].startswith("*") for parameter in row.parameters) else len(row.parameters)


def _is_foreign(found: Operand | None, context: Context) -> bool:
    """Whether an operand is rows or columns of a source that is joined to the spine."""
    if isinstance(found, Reference):
        return found.kind == "source"
    if not isinstance(found, Typed) or context.rows is None:
        return False
    return any(ref.kind == "column" and ref.block != context.rows.name for ref in found.refs)


def _no_fit(node: Call, operands: list[Operand], context: Context, rows: tuple[Function, ...], operate: Operate) -> Typed:
    """Report a function that the place or its arguments do not allow."""
    if operands and all(row.level in ("row", "fitted") for row in rows) and len(operands) >= _least(rows[0]):
        found = operands[0]
        span = node.args[0].span
        context.scope.wrong(short(span), span, describe(found), "a value of one row")
    elif not _level_fits(rows, context) or not _arguments_wrong(node, operands, context, rows[0], operate):
        context.findings.add(
            "MLS206", node.span, what=f"`{short(node.span)}`", got=_LEVEL_NAMES[rows[0].level], where=context.where,
            wanted=_highest(context), hint=_place(rows[0]),
        )  # fmt: skip
    return unknown(node.span)


def _arguments_wrong(node: Call, operands: list[Operand], context: Context, row: Function, operate: Operate) -> bool:
    """Whether the arguments themselves are at fault, which is then reported."""
    before = context.findings.errors
    bind_arguments(f"function `{row.name}`", row.parameters, node, context, dict(enumerate(operands)), operate)
    return context.findings.errors > before


def _level_fits(rows: tuple[Function, ...], context: Context) -> bool:
    allowed = {"check": ("check", "row"), "alert": ("live", "interval", "row"), "guard": ("live", "interval", "row")}
    levels = allowed.get(context.role, ("row", "history", "fitted", "interval"))
    return any(row.level in levels for row in rows)


def _highest(context: Context) -> str:
    return LEVELS[schema.role(context.role).level] if context.role in _ROLES else "Const"


_ROLES = frozenset(
    ("check", "part", "derived", "feature", "measure", "gate", "constraint", "limit", "guard", "logged", "alert", "expectation")
)


def _place(row: Function) -> str:
    places = {
        "check": "it reads all rows of a source: use it in a check of the source",
        "history": "it reads past rows of a joined source",
        "live": "it reads live requests: use it in `monitor`",
        "fitted": "it is learned with a model: use it in `features`",
    }
    return places.get(row.level, "")


def _apply(row: Function, node: Call, given: dict[int, Operand], context: Context, operate: Operate) -> Typed:
    bound = bind_arguments(f"function `{row.name}`", row.parameters, node, context, given, operate)
    if bound is None:
        return unknown(node.span, tuple(ref for found in given.values() if isinstance(found, Typed) for ref in found.refs))
    values = bound.values
    if row.level in ("row", "check", "history") and any(value.level == FITTED for value in values):
        fitted = next(value for value in values if value.level == FITTED)
        context.findings.add(
            "MLS206", fitted.span, what=f"`{short(fitted.span)}`", got="Fitted", wanted="History", where=f"`{row.name}`",
            hint="fitted steps come last: apply it to the column, and the fitted step to the result",
        )  # fmt: skip
        return unknown(node.span)
    if row.level == "check" and values and all(value.constant for value in values):
        found = values[0]
        text = str(found.form[1])
        known = context.rows is not None and text in context.rows.columns
        return mismatch(found, "a column", context, f"a column takes no quotes: `{text}`" if known else "")
    return result_of(row, node, bound, context)
