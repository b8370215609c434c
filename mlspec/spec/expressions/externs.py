"""Calls of externs: who may call one, whether its arguments are of the declared types, and what its result carries of them."""

from __future__ import annotations

from collections.abc import Callable

from mlspec.spec.expressions.arguments import match
from mlspec.spec.expressions.context import Ambient, Context, Operand, is_unknown, unknown
from mlspec.spec.expressions.names import describe
from mlspec.spec.expressions.operators import mismatch, named, short
from mlspec.spec.kinds import HISTORY, LEVELS, METRIC, NONE, QUASI, ROW, STRINGS, TAINTS, Type
from mlspec.spec.model import Block
from mlspec.spec.tasks import Label
from mlspec.spec.values import Reference, Typed
from mlspec.syntax.nodes import Call, Expr

Operate = Callable[[Expr, Context], Operand]

_PLACES = {"feature": ("feature", "a definition of `features`"), "check": ("check", "a check of a source")}


def row_call(node: Call, given: dict[int, Operand], context: Context, extern: Block, operate: Operate) -> Typed:
    """A call of an extern feature or check: its form is `["extern", name, [arguments], type]`."""
    context.scope.used.add(extern.name)
    parameters, result = extern.get("parameters"), extern.get("result")
    if parameters is None or result is None or not _may_stand(node, extern, context):
        return unknown(node.span)
    rows = tuple((name, "value", ...) for name, _ in parameters)
    matched = match(f"extern `{extern.name}`", rows, node, context)
    if matched is None:
        return unknown(node.span)
    types, values = dict(parameters), {}
    for parameter, arg, place in matched:
        found = given.get(place)
        value = _value(operate(arg.value, context) if found is None else found, arg.value, types[parameter[0]], context)
        if value is None:
            return unknown(node.span)
        values[parameter[0]] = value
    return _result(node, extern, [values[name] for name, _ in parameters], result, context)


def _may_stand(node: Call, extern: Block, context: Context) -> bool:
    role, place = _PLACES[str(extern.get("role"))]
    if context.role == role:
        return True
    context.findings.add(
        "MLS206", node.span, what=f"the extern {role} `{extern.name}`", got="Row", where=context.where, wanted=place,
        hint=f"an extern {role} is called in {place}" + (": use the feature here" if role == "feature" else ""),
    )  # fmt: skip
    return False


def _value(found: Operand, node: Expr, wanted: Type, context: Context) -> Typed | None:
    """The argument if it is of the declared type; else None, and the fault is reported."""
    if not isinstance(found, Typed):
        if not (isinstance(found, Reference) and found.kind == "unknown"):
            context.scope.wrong(short(node.span), node.span, describe(found), "a value of one row")
        return None
    if is_unknown(found):
        return None
    if found.level > HISTORY:
        context.findings.add(
            "MLS206", found.span, what=f"`{short(found.span)}`", got=LEVELS[found.level], wanted="Row", where="an extern",
            hint="steps that are learned come last: apply them to what the extern gives",
        )  # fmt: skip
        return None
    if not _fits(found.type, wanted):
        mismatch(found, named(wanted), context)
        return None
    if found.optional and not wanted.optional:
        mismatch(
            found,
            named(wanted),
            context,
            f"declare the parameter `{wanted}?`, or say what stands for null: `{short(found.span)} ?? …`",
        )
        return None
    return found


def _fits(found: Type, wanted: Type) -> bool:
    """Whether values of one type may be given where another is declared: whole numbers are numbers, words are text."""
    if found.name == "null":
        return wanted.optional
    if wanted.name == "category" and wanted.values:
        return found.name == "category" and found.values is not None and set(found.values) <= set(wanted.values)
    if wanted.name in STRINGS:
        return found.name in STRINGS
    if wanted.name in ("float", "ratio"):
        return found.name in ("int", "float", "ratio")
    return found.name == wanted.name


def _result(node: Call, extern: Block, values: list[Typed], result: Type, context: Context) -> Typed:
    taint = max((value.taint for value in values), default=NONE)
    if taint > NONE:
        worst = max(values, key=lambda value: value.taint)
        column = next((ref.path for ref in worst.refs if ref.kind == "column"), short(worst.span))
        if _leaves(node, extern, taint, column, context):
            return unknown(node.span)
    lowered = {"quasi": QUASI, "none": NONE}.get(str(extern.get("taint")), taint)
    refs = tuple(ref for value in values for ref in value.refs)
    calls = tuple(call for value in values for call in value.calls)
    return Typed(
        ["extern", extern.name, [value.form for value in values], result.code], result, max(ROW, *(value.level for value in values)),
        min(taint, lowered), node.span, refs, (*calls, (extern.name, node.callee.span)), 1 + sum(value.size for value in values),
    )  # fmt: skip


def _leaves(node: Call, extern: Block, taint: int, column: str, context: Context) -> bool:
    """Whether personal data would be given to code with the network, which is reported."""
    if taint <= NONE or extern.get("network") in (None, "none"):
        return False
    context.findings.add("MLS409", node.span, name=extern.name, got=TAINTS[taint].replace("_", " "), column=column,
                         hint="personal data would leave the machine by code that nobody checks")  # fmt: skip
    return True


_LABELS = {
    "binary": ("bool", "int", "string"),
    "multiclass": ("int", "string"),
    "regression": ("float",),
    "ranking": ("float",),
}


def own_metric(node: Call, model: Reference | Ambient, extern: Block, label: Label | None, context: Context) -> Typed:
    """A call of an extern metric: the model is all that it takes in the spec; its parameters say what of the model it is given."""
    context.scope.used.add(extern.name)
    refs = (model,) if isinstance(model, Reference) else ()
    if extern.get("role") != "metric" or extern.get("result") is None:
        return unknown(node.span, refs)
    if len(node.args) > 1:
        arg = node.args[1]
        context.findings.add("MLS105", arg.span, noun="argument for", kind=f"extern `{extern.name}`", name=short(arg.span),
                             known="`model`", hint="an extern metric takes the model, and nothing else")  # fmt: skip
        return unknown(node.span, refs)
    if isinstance(model, Ambient):
        context.not_built(f"the extern metric `{extern.name}` of live traffic", node.span)
        return unknown(node.span, refs)
    if label is not None and label.task and not _given_fits(node, extern, label.task, context):
        return unknown(node.span, refs)
    if label is not None and "label" in dict(extern.get("parameters")):
        taint = _taint_of(label, context)
        if _leaves(node, extern, taint, f"{label.source}.{label.name}", context):
            return unknown(node.span, refs)
    result = extern.get("result")
    return Typed(
        ["metric", extern.name, model.block, {}], result, METRIC, NONE, node.span, refs, ((extern.name, node.callee.span),)
    )


def _taint_of(label: Label, context: Context) -> int:
    """What personal data the values of a label are, as a column or as what a frame computes."""
    block = context.scope.spec.blocks[label.source]
    if label.name in block.definitions:
        return block.definitions[label.name].value.taint
    column = block.columns.get(label.name)
    return NONE if column is None else column.taint


def _given_fits(node: Call, extern: Block, task: str, context: Context) -> bool:
    for name, kind in extern.get("parameters"):
        item = kind.item.name
        wanted = _LABELS.get(task, ())
        if name == "score":
            wanted = () if task == "multiclass" else ("float",)
        if item not in wanted:
            took = " or ".join(f"`list({one})`" for one in wanted) or "no `score`: there is one for each class"
            context.findings.add("MLS201", node.callee.span, what=f"`{name}` of extern `{extern.name}`", got=f"`{kind}`",
                                 wanted=f"{took}, as the label of a {task} model is", hint="change the parameter in the extern's head")  # fmt: skip
            return False
    return True
