"""Constructor calls as field values: which constructor, its arguments by name, its defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlspec import catalogue
from mlspec.spec import schema
from mlspec.spec.constants import INVALID
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import short
from mlspec.spec.findings import listing, nearest
from mlspec.spec.schema.constructors import OPEN_GROUPS
from mlspec.spec.schema.rows import Attribute, Constructor, Parameter
from mlspec.spec.values import Made, Value
from mlspec.syntax.nodes import Arg, Attr, Call, Expr, Literal, Ref

Convert = Callable[[Any, Expr, Context], Any]


def construct(group: str, node: Expr, context: Context, convert: Convert) -> Any:
    """The `Made` of a constructor call, or INVALID."""
    names = schema.constructors(group)
    if group in OPEN_GROUPS and isinstance(node, Call) and "." in node.callee.text and node.callee.text not in names:
        return _of_library(group, node, context, convert)
    if group == "join_by" and (not isinstance(node, Call) or schema.constructor(group, node.callee.text) is None):
        _unsafe_join(node, names, context)
        return INVALID
    if not isinstance(node, Call):
        hint = _as_call(group, node, names)
        shown = listing([f"{name}(…)" for name in names])
        context.findings.add(
            "MLS201", node.span, what=context.where, got=f"`{short(node.span)}`", wanted=f"one of {shown}", hint=hint
        )
        return INVALID
    row = schema.constructor(group, node.callee.text)
    if row is None and group == "source_from":
        from mlspec.spec.extern_steps import step_call

        made = step_call(node, context)
        if made is not None:
            return made
    if row is None and group == "network_of":
        from mlspec.spec.extern_networks import network_call

        made = network_call(node, context)
        if made is not None:
            return made
    if row is None:
        context.findings.unknown("MLS101", node.callee.span, node.callee.text, names, kind=f"value of {context.where}")
        return INVALID
    if not row.built:
        context.not_built(f"`{row.name}(…)`", node.callee.span)
    return build(row, node, context, convert)


def _as_call(group: str, node: Expr, names: tuple[str, ...]) -> str:
    """The call that a plain value was meant as: `folds(5)` for 5, `maximize(auc)` for auc, `csv("a.csv")` for a path."""
    if isinstance(node, Ref) and node.text in names:
        row = schema.constructor(group, node.text)
        needs = row is not None and any(parameter.required for parameter in row.parameters)
        return f"write `{node.text}({'…' if needs else ''})`"
    text = short(node.span)
    metric = catalogue.metric(node.text) if isinstance(node, Ref) else None
    if metric is not None and "maximize" in names:
        return f"write `{'minimize' if metric.direction == 'lower' else 'maximize'}({text})`"
    if isinstance(node, Literal) and node.kind == "int" and "folds" in names:
        return f"write `folds({text})`"
    if isinstance(node, Literal) and node.kind == "string" and group == "secret_from":
        return 'a secret is a handle, and its value never stands in a spec: `env("VARIABLE")`'
    if isinstance(node, Literal) and node.kind == "string":
        ending = str(node.value).rpartition(".")[2]
        return f"write `{ending}({text})`" if ending in names else ""
    return ""


def _unsafe_join(node: Expr, names: tuple[str, ...], context: Context) -> None:
    """Reports a join that does not say which rows of the past it reads (303)."""
    name = node.callee.text if isinstance(node, Call) else ""
    near = nearest(name, names)
    hint = f"did you mean `{near}`?" if near else "the newest row before `at`: `asof(SOURCE.TIME, on: KEY)`"
    span = node.callee.span if isinstance(node, Call) else node.span
    join = "" if context.block is None else context.block.name
    context.findings.add("MLS303", span, name=join, got=f"`{short(node.span)}`", hint=hint)


def _of_library(group: str, node: Call, context: Context, convert: Convert) -> Any:
    """A constructor by a library's own name for it: one row for all names of the library."""
    row = schema.constructor(group, f"{node.callee.text.partition('.')[0]}.*")
    if row is None:
        return _open(group, node, context)
    made = build(row, node, context, convert)
    return made if made is INVALID else Made(node.callee.text, group, made.args, made.span)


def _open(group: str, node: Call, context: Context) -> Any:
    """A constructor whose name is that of a library that this version does not have yet."""
    context.not_built(f"`{node.callee.text}(…)`", node.callee.span)
    args = {
        arg.name.text if arg.name else str(place): Value(_plain(arg.value), arg.span) for place, arg in enumerate(node.args)
    }
    return Made(node.callee.text, group, args, node.span)


def _plain(node: Expr) -> Any:
    return node.value if isinstance(node, Literal) else short(node.span)


def build(row: Constructor | Attribute, node: Call | Attr, context: Context, convert: Convert) -> Any:
    """Binds the arguments of a call to the parameters of `row`."""
    before = context.findings.errors
    further = _of_estimator(row, node)
    given = _matched(row, node, context, further)
    misnamed = context.findings.errors > before  # the missing one is likely that one
    args: dict[str, Value] = {}
    for parameter in row.parameters:
        found = given.get(parameter.name)
        if found is None:
            if parameter.required and misnamed:
                continue
            if parameter.required:
                _absent(row, parameter, node, context)
            else:
                args[parameter.name] = Value(parameter.default, None, "default")
            continue
        item = _argument(row, parameter, found, context, convert)
        if item is not INVALID:
            args[parameter.name] = Value(item, found[0].value.span.to(found[-1].value.span))
    if further and isinstance(chosen := args["estimator"].item if "estimator" in args else None, str):
        from mlspec.spec.estimators import bind_arguments

        args.update(bind_arguments(chosen, further, context))
    if context.findings.errors > before and len(args) < len(row.parameters):
        return INVALID
    return Made(row.name, row.group, args, node.span)


def _argument(row: Constructor | Attribute, parameter: Parameter, found: list[Arg], context: Context, convert: Convert) -> Any:
    inner = context.at(f"`{parameter.name}` of `{row.name}`")
    if not parameter.many:
        return convert(parameter.form, found[0].value, inner)
    items = [convert(parameter.form, arg.value, inner) for arg in found]
    return INVALID if any(item is INVALID for item in items) else tuple(items)


def _of_estimator(row: Constructor | Attribute, node: Call | Attr) -> list[Arg]:
    """The arguments that are parameters of the estimator which another argument names."""
    names = [parameter.name for parameter in row.parameters]
    given = [arg.name.text for arg in node.args if arg.name is not None]
    first = node.args[0].name is None and names[:1] == ["estimator"] if node.args else False
    if "estimator" not in names or not (first or "estimator" in given):
        return []
    return [arg for arg in node.args if arg.name is not None and arg.name.text not in names]


def _matched(row: Constructor | Attribute, node: Call | Attr, context: Context, further: list[Arg]) -> dict[str, list[Arg]]:
    """The arguments of each parameter; unknown, doubled and surplus ones are reported."""
    names = [parameter.name for parameter in row.parameters]
    given: dict[str, list[Arg]] = {}
    places = iter(row.parameters)
    rest: Parameter | None = None
    for arg in node.args:
        if arg in further:
            continue
        if arg.name is not None:
            if arg.name.text not in names:
                context.findings.unknown(
                    "MLS105", arg.name.span, arg.name.text, names, noun="argument", kind=f"`{row.name}(…)`"
                )
            elif arg.name.text in given:
                context.findings.add("MLS102", arg.span, kind="argument", name=arg.name.text)
            else:
                given[arg.name.text] = [arg]
            continue
        parameter = rest or next(places, None)
        if parameter is None:
            hint = f"it takes {len(names) or 'no'} argument{'' if len(names) == 1 else 's'}"
            context.findings.add(
                "MLS105",
                arg.span,
                noun="argument for",
                kind=f"`{row.name}(…)`",
                name=short(arg.span),
                known=listing(names),
                hint=hint,
            )
            continue
        rest = parameter if parameter.many else None
        given.setdefault(parameter.name, []).append(arg)
    return given


def _absent(row: Constructor | Attribute, parameter: Parameter, node: Call | Attr, context: Context) -> None:
    from mlspec.spec.fields import wanted

    attribute = isinstance(node, Attr)
    members = parameter.form[1:] if parameter.form[0] == "enum" else ()
    context.findings.add(
        "MLS106", node.span, kind="attribute" if attribute else "the call", block=f"@{row.name}" if attribute else f"{row.name}(…)",
        name=parameter.name, wanted=wanted(parameter.form),
        fix=f"@{row.name}({members[0]})" if attribute and members else f"{parameter.name}: …",
    )  # fmt: skip


def default_item(default: Any, form: Any) -> Any:
    """The item of a default in the schema table; `("make", name, arguments)` calls a constructor of the field's group."""
    if not (isinstance(default, tuple) and default and default[0] == "make"):
        return default
    _, name, given = default
    group = _group(form)
    row = schema.constructor(group, name)
    assert row is not None, name
    args = {parameter.name: Value(parameter.default, None, "default") for parameter in row.parameters}
    args.update({key: Value(item, None, "default") for key, item in given})
    return Made(name, group, args, None)


def _group(form: Any) -> str:
    """The constructor group that a form takes."""
    if form[0] == "call":
        return str(form[1])
    return next(str(each[1]) for each in form[1:] if each[0] == "call")
