"""What a constant argument may be where its type does not say: limits, patterns, what stands in for null."""

from __future__ import annotations

from mlspec.catalogue import limits
from mlspec.spec.expressions.bound import Bound, Parameter
from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.operators import named, short
from mlspec.spec.kinds import NUMBERS, STRINGS
from mlspec.syntax.nodes import Arg


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
