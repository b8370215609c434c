"""The arguments of catalogue functions and metrics: matched to parameters, typed, and spelled for the plan."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from mlspec.spec import kinds
from mlspec.spec.expressions import literals
from mlspec.spec.expressions.bound import Bound, Parameter
from mlspec.spec.expressions.context import Ambient, Context, Operand, is_unknown
from mlspec.spec.expressions.domains import filler_fits, in_limits, partner_fits
from mlspec.spec.expressions.names import describe
from mlspec.spec.expressions.operators import mismatch, named, short, unit_mismatch
from mlspec.spec.kinds import CONST, METRIC, NUMBERS, STRINGS, TEMPORAL, Type
from mlspec.spec.values import Reference, Typed
from mlspec.syntax.nodes import Arg, Call, Expr, ListExpr, Literal, Ref

Operate = Callable[[Expr, Context], Operand]


def match(
    owner: str, parameters: tuple[Parameter, ...], node: Call, context: Context
) -> list[tuple[Parameter, Arg, int]] | None:
    """Each argument with its parameter; unknown names, doubles, too many and missing ones are reported."""
    matched: list[tuple[Parameter, Arg, int]] = []
    seen: dict[str, Arg] = {}
    free = iter(parameters)
    rest: Parameter | None = None
    before = context.findings.errors
    for place, arg in enumerate(node.args):
        parameter = _named(parameters, arg) if arg.name is not None else rest or next(free, None)
        if parameter is None:
            _unexpected(owner, parameters, arg, context)
            continue
        if parameter[0].startswith("*"):
            rest = parameter
        elif parameter[0] in seen:
            context.findings.add("MLS102", arg.span, kind="argument", name=parameter[0])
            continue
        seen[parameter[0]] = arg
        matched.append((parameter, arg, place))
    for parameter in parameters:
        if parameter[2] is ... and parameter[0] not in seen:
            _absent(owner, parameter, node, context)
    return matched if context.findings.errors == before else None


def _named(parameters: tuple[Parameter, ...], arg: Arg) -> Parameter | None:
    assert arg.name is not None
    return next((parameter for parameter in parameters if parameter[0].lstrip("*") == arg.name.text), None)


def _unexpected(owner: str, parameters: tuple[Parameter, ...], arg: Arg, context: Context) -> None:
    names = [parameter[0].lstrip("*") for parameter in parameters]
    if arg.name is not None:
        context.findings.unknown("MLS105", arg.name.span, arg.name.text, names, noun="argument", kind=owner)
    else:
        context.findings.add(
            "MLS105", arg.span, noun="argument for", kind=owner, name=short(arg.span), known=", ".join(f"`{name}`" for name in names),
            hint=f"it takes {len(names) or 'no'} argument{'s' if len(names) != 1 else ''}",
        )  # fmt: skip


def _absent(owner: str, parameter: Parameter, node: Call, context: Context) -> None:
    name = parameter[0].lstrip("*")
    if name == "over":
        context.findings.add("MLS302", node.span, function=node.callee.text)
        return
    kind, _, block = owner.partition(" ")
    if not node.args and not parameter[1].startswith("const:"):
        example = _example(parameter[1], context)
        wanted = wanted_text(parameter[1]) + (f": `{node.callee.text}({example})`" if example else "")
        context.findings.add("MLS106", node.span, kind=kind, block=block.strip("`"), name="argument", wanted=wanted)
        return
    context.findings.add(
        "MLS106", node.span, kind=kind, block=block.strip("`"), name=name, wanted=wanted_text(parameter[1]), fix=f"{name}: …"
    )


def _example(form: str, context: Context) -> str:
    """A column of the rows that fits a parameter, as it is named here; "" where there is none."""
    family = _FAMILIES.get(form)
    rows = context.rows
    if rows is None or family is None:
        return ""
    own = context.role == "check"
    return next(
        (name if own else f"{rows.name}.{name}" for name, column in rows.columns.items() if column.type.name in family), ""
    )


_WANTED = {
    "number": "a number",
    "string": "a string or category",
    "bool": "a Boolean",
    "temporal": "a date or timestamp",
    "duration": "a duration",
    "image": "an image",
    "value": "a value of one row",
    "rows": "a source that is joined",
    "model": "a model",
    "metric": "a metric, such as `auc(candidate)`",
    "metric_or_each": "a metric, such as `auc(candidate)`",
    "samples": "many values, such as `latency(candidate)`",
    "watched": "features, one feature, or `score`",
    "input": "a column of the source, as `people.age`",
    "by": "a feature, a column, or `day`, `week`, `month`",
    "where": "a condition over a row",
    "range": "a range, `0..2`",
    "cuts": "a rising list of numbers, `[25, 40, 60]`",
    "secret": "a secret",
    "patterns": "a list of redactions, `[email, phone]`",
    "other_column": "a column of another source",
    "filler": "`median`, `mean` or a constant",
    "judge": "a model",
    "class": "a class of the label",
}


def wanted_text(form: str) -> str:
    """What a parameter takes, for messages."""
    head, _, rest = form.partition(":")
    if head == "enum":
        return "one of " + ", ".join(f"`{member}`" for member in rest.split("|"))
    return named(Type(rest)) if head == "const" else _WANTED[form]


def bind_arguments(
    owner: str, parameters: tuple[Parameter, ...], node: Call, context: Context, given: dict[int, Operand], operate: Operate
) -> Bound | None:
    """Matches and types the arguments of a call; None when something is wrong, which is reported."""
    matched = match(owner, parameters, node, context)
    if matched is None:
        return None
    bound = Bound()
    fine = True
    for parameter, arg, place in sorted(matched, key=lambda each: parameters.index(each[0])):  # however they are written
        fine = _one(parameter, arg, given.get(place), bound, context, operate) and fine
        fine = fine and in_limits(owner, parameter, arg, bound, context)
    if not fine or not (filler_fits(parameters, matched, bound, context) and partner_fits(matched, bound, context)):
        return None
    for name, _, default in parameters:
        if not name.startswith("*") and default not in (..., None):
            bound.options.setdefault(name, default) if not _is_positional(name, matched) else None
    return bound


def _is_positional(name: str, matched: list[tuple[Parameter, Arg, int]]) -> bool:
    return any(parameter[0] == name for parameter, _, _ in matched)


def _one(parameter: Parameter, arg: Arg, found: Operand | None, bound: Bound, context: Context, operate: Operate) -> bool:
    """Types one argument and adds it to `bound`; False when it does not fit."""
    name, form = parameter[0].lstrip("*"), parameter[1]
    head, _, rest = form.partition(":")
    if head == "enum" or form == "filler":
        return _word(name, arg, rest.split("|") if rest else ["median", "mean"], form == "filler", bound, context, operate)
    if form == "patterns":
        return _patterns(name, arg, bound, context)
    if form == "input":
        return _input(name, arg, bound, context, operate)
    if form == "by":
        return _by(name, arg, bound, context, operate)
    if found is None:
        found = operate(arg.value, context)
    if (isinstance(found, Typed) and is_unknown(found)) or (isinstance(found, Reference) and found.kind == "unknown"):
        return False
    bound.operands.append(found)
    if head == "const":
        return _constant(name, rest, found, bound, context)
    return _operand(name, form, found, arg, bound, context)


def _word(name: str, arg: Arg, members: list[str], or_value: bool, bound: Bound, context: Context, operate: Operate) -> bool:
    node = arg.value
    if isinstance(node, Ref) and len(node.parts) == 1 and node.parts[0].text in members:
        bound.options[name] = node.parts[0].text
        return True
    if or_value and not isinstance(node, Ref):
        found = operate(node, context)
        if isinstance(found, Typed) and found.constant:
            bound.options[name] = {"value": found.form[1]}
            return True
    if isinstance(node, Ref):
        context.findings.unknown("MLS101", node.span, node.text, members, kind=f"`{name}`")
    else:
        context.findings.add(
            "MLS201", node.span, what=f"`{short(node.span)}`", got="a value", wanted=wanted_text("enum:" + "|".join(members))
        )
    return False


REDACTIONS = ("email", "phone", "iban", "card_number", "ip_address", "url", "date_of_birth", "national_id")


def _patterns(name: str, arg: Arg, bound: Bound, context: Context) -> bool:
    node = arg.value
    if isinstance(node, ListExpr):
        words = [item for item in node.items if isinstance(item, Ref)]
        for item in node.items:
            if not isinstance(item, Ref) or item.text not in REDACTIONS:
                context.findings.unknown("MLS101", item.span, short(item.span), REDACTIONS, kind="redaction")
                return False
        bound.options[name] = [word.text for word in words]
        return True
    from mlspec.spec.expressions.typing import constant

    found = constant(node, context)
    if found is None:
        return False
    if found.type.name != "list" or found.type.item is None or found.type.item.name != "redaction":
        mismatch(found, "a list of redactions, `[email, phone]`", context)
        return False
    bound.refs.extend(found.refs)
    bound.options[name] = list(literals.value_of(found))
    return True


_PERIODS = ("day", "week", "month")


def _by(name: str, arg: Arg, bound: Bound, context: Context, operate: Operate) -> bool:
    node = arg.value
    if isinstance(node, Ref) and len(node.parts) == 1 and node.parts[0].text in _PERIODS:
        bound.options[name] = ["period", node.parts[0].text]
        _period(node, context)
        return True
    found = operate(node, context)
    if (isinstance(found, Reference) and found.kind == "unknown") or (isinstance(found, Typed) and is_unknown(found)):
        return False
    first = found.refs[0] if isinstance(found, Typed) and found.refs and isinstance(node, Ref) else None
    if first is None or first.kind not in ("feature", "column", "derived"):
        context.scope.wrong(
            short(arg.value.span), arg.value.span, describe(found), wanted_text("by"), hint=_without_quotes(node, context)
        )
        return False
    assert isinstance(found, Typed)
    if found.type.name == "image":
        mismatch(found, "a feature or a column that groups rows", context)
        return False
    bound.refs.extend(found.refs)
    bound.options[name] = [first.kind, first.member] if first.kind != "feature" else ["feature", first.member]
    return True


def _input(name: str, arg: Arg, bound: Bound, context: Context, operate: Operate) -> bool:
    """A source column that a model reads, which a question of behaviour changes."""
    found = operate(arg.value, context)
    if (isinstance(found, Reference) and found.kind == "unknown") or (isinstance(found, Typed) and is_unknown(found)):
        return False
    first = found.refs[0] if isinstance(found, Typed) and found.refs and isinstance(arg.value, Ref) else None
    if first is None or first.kind != "column" or not isinstance(found, Typed):
        context.scope.wrong(short(arg.value.span), arg.value.span, describe(found), wanted_text("input"))
        return False
    if name == "along" and found.type.name not in NUMBERS:
        mismatch(found, "a column of numbers", context)
        return False
    bound.refs.extend(found.refs)
    bound.options[name] = first.member
    return True


def _without_quotes(node: Expr, context: Context) -> str:
    """The feature or column that a text was meant as."""
    text = str(node.value) if isinstance(node, Literal) and node.kind == "string" else ""
    for kind in ("features", "source"):
        for block in context.scope.spec.of_kind(kind):
            if text and (text in block.definitions if kind == "features" else text in block.columns):
                return f"a name takes no quotes: `{block.name}.{text}`"
    return ""


def _period(node: Ref, context: Context) -> None:
    """Reports a period of rows that have no time: neither the split of the part goes by one, nor does their source tell it."""
    spec = context.scope.spec
    part = None if context.block is None else context.block.ref("part")
    split = None if part is None else spec.blocks.get(part.block)
    frame = None if split is None else split.ref("frame")
    source = None if frame is None else spec.spine(frame.block)
    if split is None or source is None or frame is None or frame.kind == "frame" or source.name in context.scope.broken:
        return
    if split.get("on") is None and not any("event_time" in column.attrs for column in source.columns.values()):
        context.findings.add(
            "MLS106", node.span, kind="source", block=source.name, name="@event_time", fix=f"@event_time` to a date or timestamp of `{source.name}",
            wanted=f"the time of each row, by which `{node.text}` groups rows", hint="",
        )  # fmt: skip


def _constant(name: str, type_name: str, found: Operand, bound: Bound, context: Context) -> bool:
    if not isinstance(found, Typed):
        context.scope.wrong(_text(found), _span(found), describe(found), "a constant")
        return False
    if found.level > CONST:
        context.findings.add(
            "MLS206",
            found.span,
            what=f"`{short(found.span)}`",
            got=kinds.LEVELS[found.level],
            wanted="Const",
            where=f"`{name}:`",
        )
        return False
    if not fits(found.type, type_name):
        _misfit(found, Type(type_name), context)
        return False
    bound.refs.extend(found.refs)
    bound.options[name] = found.form[1]
    return True


def _misfit(found: Typed, wanted: Type, context: Context) -> None:
    measured = NUMBERS | {"duration", "bytes", "rate", "points"}
    if found.type.name in measured and wanted.name in measured and found.type.name != wanted.name and wanted.name != "int":
        unit_mismatch(found, wanted, context)
    else:
        mismatch(found, named(wanted), context)


def fits(found: Type, wanted: str) -> bool:
    """Whether a constant of type `found` stands for one of type `wanted`; int widens, ratio and float are interchangeable."""
    if found.name == wanted:
        return True
    if wanted in ("float", "ratio"):
        return found.name in ("int", "float", "ratio")
    return wanted == "string" and found.name in ("string", "text")


_FAMILIES = {
    "number": NUMBERS,
    "string": STRINGS,
    "bool": frozenset(("bool",)),
    "temporal": TEMPORAL,
    "image": frozenset(("image",)),
    "duration": frozenset(("duration",)),
}
_NO_VALUES = frozenset(("range", "image", "list", "vector", "tokens", "json", "features"))


def _operand(name: str, form: str, found: Operand, arg: Arg, bound: Bound, context: Context) -> bool:
    """An argument that is an expression, a model, rows or something watched."""
    if form in ("rows", "model", "judge"):
        return _thing(name, form, found, arg, bound, context)
    if form == "watched":
        return _watched(found, arg, bound, context)
    if form == "secret":
        return _secret(name, found, arg, bound, context)
    if not isinstance(found, Typed):
        context.scope.wrong(short(arg.value.span), arg.value.span, describe(found), wanted_text(form))
        return False
    if not _fits_form(form, found, context):
        return False
    bound.values.append(found)
    bound.refs.extend(found.refs)
    if arg.name is not None and form == "where":
        bound.options[name] = found.form
    else:
        bound.forms.append(found.form)
    return True


def _fits_form(form: str, found: Typed, context: Context) -> bool:
    kind = found.type
    family = _FAMILIES.get(form)
    if family is not None:
        if kind.name in family:
            return True
        _wrong_family(form, found, context)
        return False
    checks: dict[str, bool] = {
        "value": kind.name not in _NO_VALUES and kind.item is None,
        "where": kind.name == "bool",
        "range": kind.name == "range" and kind.item is not None and kind.item.name in NUMBERS and found.level == CONST,
        "cuts": kind.name == "list" and kind.item is not None and kind.item.name in NUMBERS and found.level == CONST,
        "metric": found.level >= METRIC and kind.item is None,
        "metric_or_each": found.level >= METRIC and (kind.item is None or kind.name == "each"),
        "samples": found.level >= METRIC and kind.name == "samples",
        "other_column": found.form[0] == "col",
        "class": found.constant,
    }
    if form == "cuts" and checks[form]:
        return _rising(found, context)
    if not checks[form]:
        mismatch(found, wanted_text(form), context)
    return checks[form]


def _wrong_family(form: str, found: Typed, context: Context) -> None:
    if form == "number" and found.type.name in ("duration", "bytes", "rate", "points"):
        hint = f"`days({short(found.span)})` gives a number" if found.type.name == "duration" else ""
        context.findings.add(
            "MLS202", found.span, what=f"`{short(found.span)}`", got=named(found.type), wanted=wanted_text(form), hint=hint
        )
        return
    hint = ""
    if form == "number" and found.type.name in STRINGS:
        hint = f"encode it: `onehot({short(found.span)})`"
    if form == "string" and found.type.name in NUMBERS:
        hint = f"make groups of it first: `bucket({short(found.span)}, [10, 20])`"
    mismatch(found, wanted_text(form), context, hint)


def _rising(found: Typed, context: Context) -> bool:
    values = literals.value_of(found)
    if values and all(a < b for a, b in pairwise(values)):
        return True
    context.findings.add(
        "MLS207",
        found.span,
        what="the list of cuts",
        got="not rising" if values else "empty",
        wanted="rising numbers, each once",
    )
    return False


def _thing(name: str, form: str, found: Operand, arg: Arg, bound: Bound, context: Context) -> bool:
    kinds_of = {"rows": ("source",)}.get(form, ("model", "search", "train", "compress"))
    if isinstance(found, Ambient) and form == "model" and found.kind in ("model", "trial"):
        bound.forms.append(found.name)
        return True
    if not isinstance(found, Reference) or found.kind not in kinds_of:
        context.scope.wrong(short(arg.value.span), arg.value.span, describe(found), wanted_text(form))
        return False
    bound.refs.append(found)
    if arg.name is None:
        bound.forms.append(["rows", found.block] if form == "rows" else found.block)
    else:
        bound.options[name] = found.block
    return True


def _secret(name: str, found: Operand, arg: Arg, bound: Bound, context: Context) -> bool:
    if not isinstance(found, Reference) or found.kind != "secret":
        context.scope.wrong(short(arg.value.span), arg.value.span, describe(found), "a secret")
        return False
    bound.refs.append(found)
    bound.options[name] = {"secret": found.block}
    return True


def _watched(found: Operand, arg: Arg, bound: Bound, context: Context) -> bool:
    if isinstance(found, Reference) and found.kind == "features":
        bound.refs.append(found)
        bound.options["of"] = ["features", found.block]
        return True
    if isinstance(found, Typed) and found.form[0] == "live":
        bound.options["of"] = [found.form[1]]
        return True
    if isinstance(found, Typed) and found.refs and found.refs[0].kind == "feature":
        bound.refs.extend(found.refs)
        bound.options["of"] = ["feature", found.refs[0].member]
        return True
    context.scope.wrong(short(arg.value.span), arg.value.span, describe(found), wanted_text("watched"))
    return False


def _span(found: Operand) -> Any:
    return None if isinstance(found, Ambient) else found.span


def _text(found: Operand) -> str:
    return found.name if isinstance(found, Ambient) else short(found.span) if found.span is not None else ""
