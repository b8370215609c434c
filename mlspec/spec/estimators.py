"""The fields of an estimator: constants and search spaces, checked against the catalogue's row of each parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlspec import catalogue
from mlspec.catalogue import Estimator
from mlspec.diagnostics import Edit
from mlspec.spec import schema
from mlspec.spec.constants import INVALID, any_constant
from mlspec.spec.constructors import construct
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import short
from mlspec.spec.fields import convert
from mlspec.spec.findings import Findings, listing, nearest
from mlspec.spec.model import Block
from mlspec.spec.schema import Kind
from mlspec.spec.values import Made, Value
from mlspec.syntax.nodes import Arg, Call, Expr, ListExpr, Setting

_SPACES = frozenset(schema.constructors("space"))


def bind_parameters(
    block: Block, row: Kind, extra: dict[str, Setting], context: Context, patched: Callable[..., Value]
) -> None:
    """Adds the estimator's parameters to the fields of a model or family."""
    estimator = catalogue.estimator(block.get("estimator") or "")
    if estimator is None:
        return  # the estimator itself is reported
    for name, statement in extra.items():
        constraint = estimator.parameters.get(name)
        if constraint is None or constraint.get("runtime"):
            _unknown(estimator, row, name, statement, context.findings)
            continue
        if constraint.get("deprecated"):
            since = f"{estimator.library} {estimator.version}"
            context.findings.add("MLS113", statement.name.span, name=name, since=since)
        inner = context.at(f"`{name}`")
        item = _item(statement.value, block, inner)
        if item is INVALID or not _allowed(item, estimator, name, statement.value, inner):
            continue
        block.fields[name] = patched(name, ("const",), "guarded", Value(item, statement.value.span))
    _siblings(block, estimator, context.findings)


def _unknown(estimator: Estimator, row: Kind, name: str, statement: Setting, findings: Findings) -> None:
    known = [key for key, value in estimator.parameters.items() if not value.get("runtime")]
    if name in estimator.parameters:
        findings.add(
            "MLS208", statement.name.span, estimator=estimator.key, name=name, known=listing(known),
            hint="mlspec sets it itself, from the spec's seed and the workers",
        )  # fmt: skip
        return
    fields = [field for field in row.fields if field != "value"]
    near = nearest(name, fields)
    if near and not nearest(name, known):
        findings.unknown("MLS105", statement.name.span, name, fields, noun="field", kind=f"`{row.name}`")
        return
    findings.unknown("MLS208", statement.name.span, name, known, estimator=estimator.key)


def _item(node: Expr, block: Block, context: Context) -> Any:
    if isinstance(node, Call) and node.callee.text in _SPACES:
        if block.kind == "family":
            return construct("space", node, context, convert)
        context.findings.add(
            "MLS201", node.span, what=context.where, got="a search space", wanted="a constant",
            hint="a space stands in a `family` of a `search`",
        )  # fmt: skip
        return INVALID
    if isinstance(node, Call):
        context.findings.unknown("MLS101", node.callee.span, node.callee.text, sorted(_SPACES), kind="search space")
        return INVALID
    if isinstance(node, ListExpr) and block.kind == "family":
        fix = f"choice({node.span.text[1:-1].strip()})"
        context.findings.add(
            "MLS201", node.span, edits=[Edit(node.span, fix)], what=context.where, got="a list", wanted="a constant or a search space",
            hint=f"to try each of them write `{short(node.span) if len(fix) > 60 else fix}`",
        )  # fmt: skip
        return INVALID
    return any_constant("const", node, context)


def _allowed(item: Any, estimator: Estimator, name: str, node: Expr, context: Context) -> bool:
    """Whether every value that an item may have is in the parameter's domain."""
    constraint = estimator.parameters[name]
    if not isinstance(item, Made):
        return _in_domain(item, constraint, estimator, node, context)
    if item.name == "rounds":
        return _rounds(item, estimator, name, node, context)
    if not _space(item, node, context):
        return False
    whole = {"uniform": "int", "loguniform": "logint"}.get(item.name, "")
    if whole and "int" in constraint["types"] and "float" not in constraint["types"]:
        ends = [f"{round(item.get(end))}" for end in ("low", "high")]
        edits = (
            [Edit(node.callee.span, whole)]
            if isinstance(node, Call) and node.span.text.endswith(f"({ends[0]}, {ends[1]})")
            else []
        )
        context.findings.add(
            "MLS209", node.span, edits=edits, what=f"`{name}` of `{estimator.key}`", got=f"`{short(node.span)}`, which draws fractions",
            wanted="whole numbers", hint=f"write `{whole}({ends[0]}, {ends[1]})`",
        )  # fmt: skip
        return False
    if item.name == "choice":
        return all(_in_domain(value, constraint, estimator, node, context) for value in item.get("values"))
    if item.name == "normal":
        return _in_domain(float(item.get("mean")), constraint, estimator, node, context)
    number = int if item.name in ("int", "logint") else float
    return all(_in_domain(number(item.get(end)), constraint, estimator, node, context) for end in ("low", "high"))


def _rounds(item: Made, estimator: Estimator, name: str, node: Expr, context: Context) -> bool:
    """Whether a trial can find the value: the parameter counts rounds, and is judged at least once before the last."""
    from mlspec.catalogue.rounds import ROUNDS

    counted = ROUNDS.get(estimator.key)
    if name != counted:
        known = "boosted trees or a forest" if counted is None else f"`{counted} = {short(node.span)}`"
        context.findings.add(
            "MLS209", node.span, what=f"`{name}` of `{estimator.key}`", got="`rounds(…)`", wanted=known,
            hint="`rounds` is for the parameter that counts the trees of a fit that can go on",
        )  # fmt: skip
        return False
    if item.get("first") >= item.get("to"):
        context.findings.add(
            "MLS207", node.span, what=f"`{short(node.span)}`", got="judged first where it ends", wanted="`first:` below `to`",
            hint="write a constant where nothing is to be found",
        )  # fmt: skip
        return False
    return True


def _space(item: Made, node: Expr, context: Context) -> bool:
    """Whether a space has room, and a logarithm a positive start (207)."""
    if item.name in ("choice", "normal"):
        if item.name == "choice" and not item.get("values"):
            context.findings.add("MLS207", node.span, what="the choice", got="empty", wanted="at least one value")
            return False
        return True
    low, high = item.get("low"), item.get("high")
    if low >= high:
        context.findings.add(
            "MLS207", node.span, what=f"the space `{short(node.span)}`", got="empty: its start is not below its end",
            wanted="a start below the end", hint=f"write `{item.name}({_text(high)}, {_text(low)})`" if low > high else "write a constant",
        )  # fmt: skip
        return False
    if item.name.startswith("log") and low <= 0:
        context.findings.add(
            "MLS207", node.span, what=f"the start of `{short(node.span)}`", got="not above 0", wanted="a start above 0",
            hint="a logarithm has no value at 0 and below",
        )  # fmt: skip
        return False
    return True


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _in_domain(value: Any, constraint: Mapping[str, Any], estimator: Estimator, node: Expr, context: Context) -> bool:
    fault = outside_domain(value, constraint)
    if fault is None:
        return True
    shown = (
        "null"
        if value is None
        else f'"{value}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else _text(value)
    )
    near = nearest(value, constraint["options"]) if isinstance(value, str) else ""
    context.findings.add(
        "MLS209", node.span, what=f"{context.where} of `{estimator.key}`", got=f"`{shown}`", wanted=fault,
        hint=f'did you mean `"{near}"`?' if near else "",
    )  # fmt: skip
    return False


def outside_domain(value: Any, constraint: Mapping[str, Any]) -> str | None:
    """None if the parameter takes the value, else what it takes in words."""
    types = constraint["types"]
    if types == ["other"]:
        return "nothing that a spec can say: it takes an object"
    name = _type_name(value)
    if name == "str":
        fits = "str" in types and (not constraint["options"] or value in constraint["options"])
    elif name in ("int", "float"):
        fits = _number_fits(value, name, constraint)
    else:
        fits = name in types
    return None if fits else _domain_text(constraint)


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "other")


def _number_fits(value: float, name: str, constraint: Mapping[str, Any]) -> bool:
    ranges = constraint["ranges"]
    usable = [
        bounds for bounds in ranges if bounds[0] == name or (bounds[0] == "float" and name == "int" and not _has_int(ranges))
    ]
    if usable:
        return any(_inside(value, bounds) for bounds in usable)
    return not ranges and (name in constraint["types"] or (name == "int" and "float" in constraint["types"]))


def _has_int(ranges: list[Any]) -> bool:
    return any(bounds[0] == "int" for bounds in ranges)


def _inside(value: float, bounds: list[Any]) -> bool:
    _, low, high, closed = bounds
    above = low is None or value > low or (value == low and closed in ("left", "both"))
    below = high is None or value < high or (value == high and closed in ("right", "both"))
    return above and below


_NAMES = {"int": "a whole number", "float": "a number", "bool": "`true` or `false`", "null": "`null`", "str": "a string"}


def _domain_text(constraint: Mapping[str, Any]) -> str:
    parts = [f'`"{option}"`' for option in constraint["options"]]
    for bounds in constraint["ranges"]:
        parts.append(_bounds_text(bounds))
    covered = {bounds[0] for bounds in constraint["ranges"]} | ({"str"} if constraint["options"] else set())
    parts += [_NAMES[name] for name in constraint["types"] if name in _NAMES and name not in covered]
    return ", ".join(parts[:-1]) + " or " + parts[-1] if len(parts) > 1 else "".join(parts)


def _bounds_text(bounds: list[Any]) -> str:
    name, low, high, closed = bounds
    text = _NAMES[name]
    if low is not None:
        text += f" {'of at least' if closed in ('left', 'both') else 'above'} {low:g}"
    if high is not None:
        text += f"{' and' if low is not None else ''} {'at most' if closed in ('right', 'both') else 'below'} {high:g}"
    return text


def bind_arguments(key: str, given: list[Arg], context: Context) -> dict[str, Value]:
    """The parameters of an estimator that stand beside it in a call, `student(sklearn.Ridge, alpha: 2)`."""
    estimator = catalogue.estimator(key)
    if estimator is None:
        return {}
    known = [name for name, constraint in estimator.parameters.items() if not constraint.get("runtime")]
    found: dict[str, Value] = {}
    for arg in given:
        name = "" if arg.name is None else arg.name.text
        if name not in known:
            span = arg.span if arg.name is None else arg.name.span
            context.findings.unknown("MLS208", span, name, known, estimator=key)
        elif name in found:
            context.findings.add("MLS102", arg.span, kind="argument", name=name)
        else:
            inner = context.at(f"`{name}`")
            item = any_constant("const", arg.value, inner)
            if item is not INVALID and _in_domain(item, estimator.parameters[name], estimator, arg.value, inner):
                found[name] = Value(item, arg.value.span)
    return found


def _siblings(block: Block, estimator: Estimator, findings: Findings) -> None:
    """`when:` names a parameter above it in the same family, of which it reads the truth."""
    above: list[str] = []
    for name, value in block.fields.items():
        if name == "estimator":
            continue
        when = value.item.args.get("when") if isinstance(value.item, Made) else None
        if when is not None and when.item is not None and when.item not in above:
            findings.unknown("MLS210", when.span or block.head, when.item, above)
        above.append(name)


__all__ = ["bind_arguments", "bind_parameters", "outside_domain"]
