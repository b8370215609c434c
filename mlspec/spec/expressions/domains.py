"""What a constant argument may be where its type does not say: limits, patterns, what stands in for null."""

from __future__ import annotations

from mlspec.catalogue import limits
from mlspec.spec.expressions.bound import Bound, Parameter
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import mismatch, named, short
from mlspec.spec.kinds import NUMBERS, STRINGS, Type
from mlspec.syntax.nodes import Arg, Ref


def filler_fits(
    parameters: tuple[Parameter, ...], matched: list[tuple[Parameter, Arg, int]], bound: Bound, context: Context
) -> bool:
    """Whether what `fill` puts in place of null is of the value's own type: a text has no median."""
    name = next((parameter[0] for parameter in parameters if parameter[1] == "filler"), "")
    kind = bound.values[0].type if name and bound.values else None
    if kind is None or kind.name not in NUMBERS | STRINGS:
        return True
    given, text = bound.options.get(name, "median"), kind.name in STRINGS
    constant = given["value"] if isinstance(given, dict) else None
    if isinstance(constant, str) == text and not isinstance(constant, bool):
        return True
    arg = next((arg for parameter, arg, _ in matched if parameter[0] == name), None)
    context.findings.add(
        "MLS201", bound.values[0].span if arg is None else arg.value.span, what="the filler", got=f"`{given if constant is None else constant}` for {named(kind)}",
        wanted='a text, `with: "missing"`' if text else "a number, `median` or `mean`",
    )  # fmt: skip
    return False


def partner_fits(matched: list[tuple[Parameter, Arg, int]], bound: Bound, context: Context) -> bool:
    """Whether a column in which values are looked for is of another source of this file, and of the type of the values."""
    arg = next((arg for parameter, arg, _ in matched if parameter[1] == "other_column"), None)
    if arg is None:
        return True
    value, other = bound.values
    own = context.block.name if context.block is not None else ""
    if isinstance(arg.value, Ref) and arg.value.parts[0].text in context.scope.imports:
        context.not_built("a reference to a source of another file", other.span)
        return False
    if other.refs[0].block == own:
        text = short(other.span)
        context.scope.wrong(text, other.span, f"column of `{own}` itself", "a column of another source")
        return False
    if any(ref.kind == "column" and ref.block != own for ref in value.refs) or value.constant:
        mismatch(value, f"a column of `{own}`", context)
        return False
    if not _may_be_equal(value.type, other.type):
        mismatch(other, f"{named(value.type.required())}, as `{short(value.span)}` is", context)
        return False
    return True


def _may_be_equal(value: Type, other: Type) -> bool:
    """Whether two columns can hold the same value: one type, or two kinds of text; ids are those of one entity."""
    if value.name == other.name == "id":
        return value.entity == other.entity
    return value.name == other.name or (value.name in STRINGS and other.name in STRINGS)


def in_limits(owner: str, parameter: Parameter, arg: Arg, bound: Bound, context: Context) -> bool:
    """Reports a constant that the function cannot work with (209): a period of 0, a pattern that cannot be read."""
    name, form = parameter[0], parameter[1]
    if not form.startswith("const:") or name not in bound.options:
        return True
    function, value = owner.split("`")[1], bound.options[name]
    wanted = hint = ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        wanted = limits.outside(function, name, value)
    elif function == "matches" and name == "pattern":
        wanted, hint = _pattern_fault(str(value))
    if wanted:
        context.findings.add(
            "MLS209",
            arg.value.span,
            what=f"`{name}` of `{function}`",
            got=f"`{short(arg.value.span)}`",
            wanted=wanted,
            hint=hint,
        )
    return not wanted


def _pattern_fault(text: str) -> tuple[str, str]:
    """(what is expected where, how patterns are written) of a pattern that cannot be read."""
    from mlspec.catalogue import pattern

    try:
        pattern.parse(text)
    except pattern.PatternError as error:
        return f"{error.expected}, not {error.found}", pattern.HELP
    return "", ""
