"""Type rules of the operators, and their folding on constants."""

from __future__ import annotations

from typing import Any

from mlspec.diagnostics import Edit
from mlspec.source import Span
from mlspec.spec import kinds
from mlspec.spec.aliases import unquoted
from mlspec.spec.expressions.arithmetic import UNITS, difference, product, quotient, total
from mlspec.spec.expressions.context import Context, is_unknown, unknown
from mlspec.spec.expressions.fold import fold, fold_unary
from mlspec.spec.expressions.literals import of_value
from mlspec.spec.expressions.tested import vectors_equal
from mlspec.spec.kinds import METRIC, NUMBERS, ORDERED, STRINGS, TEMPORAL, Type
from mlspec.spec.values import Typed

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_ARITHMETIC = {"+": total, "-": difference, "*": product, "/": quotient}


def joined(op: str, parts: tuple[Typed, ...], type: Type, span: Span, form: list[Any] | None = None) -> Typed:
    """A call of operator `op` on typed operands: level and taint are the highest of theirs."""
    return Typed(
        form or ["call", op, [part.form for part in parts], {}],
        type,
        max(part.level for part in parts),
        max(part.taint for part in parts),
        span,
        tuple(ref for part in parts for ref in part.refs),
        tuple(call for part in parts for call in part.calls),
        1 + sum(part.size for part in parts),
    )


def binary(op: str, left: Typed, right: Typed, context: Context) -> Typed:
    """`left op right`."""
    span = left.span.to(right.span)
    if is_unknown(left) or is_unknown(right):
        return unknown(span, left.refs + right.refs)
    if op in ("and", "or"):
        return _logic(op, left, right, span, context)
    if op == "??":
        return _otherwise(left, right, span, context)
    if op in COMPARISONS:
        return _compare(op, left, right, span, context)
    return _calculate(op, left, right, span, context)


def unary(op: str, operand: Typed, span: Span, context: Context) -> Typed:
    """`-x` or `not x`."""
    if is_unknown(operand):
        return unknown(span, operand.refs)
    name = operand.type.name
    if op == "not" and name != "bool":
        return mismatch(operand, "a Boolean", context, "`not` turns true into false")
    if op == "-" and name not in NUMBERS and name not in UNITS:
        return mismatch(operand, "a number", context)
    result = joined("neg" if op == "-" else op, (operand,), operand.type, span)
    return _folded(result, fold_unary(op, operand)) if operand.constant else result


def mismatch(found: Typed, wanted: str, context: Context, hint: str = "") -> Typed:
    """Report that an operand has the wrong type (201)."""
    if found.form[0] == "lit" and found.type.name == "string":
        hint = unquoted(str(found.form[1])) or hint
    context.findings.add("MLS201", found.span, what=f"`{short(found.span)}`", got=named(found.type), wanted=wanted, hint=hint)
    return unknown(found.span, found.refs)


def short(span: Span) -> str:
    """The text of a span for a message, on one line and not too long."""
    text = " ".join(span.text.split())
    return text if len(text) <= 60 else text[:57] + "…"


_NAMES = {
    "int": "a whole number",
    "bool": "a Boolean",
    "float": "a number",
    "ratio": "a ratio",
    "points": "a difference in points",
    "rate": "a rate",
    "bytes": "a size in bytes",
    "null": "null",
    "string": "a string",
    "text": "a text",
    "tokens": "the tokens of a text",
}


def named(type: Type) -> str:
    """A type as messages name it."""
    if type.name == "samples":
        return "many values, one for each request or row"
    if type.name == "each":
        return "many values, one for each feature"
    name = _NAMES.get(type.name)
    if name is None:
        text = str(type.required())
        name = f"an {text}" if text[0] in "aeiou" else f"a {text}"
    return f"{name} that may be null" if type.optional and type.name != "null" else name


def _folded(result: Typed, value: Any) -> Typed:
    return result if value is None else of_value(value, result.type.required(), result)


def _logic(op: str, left: Typed, right: Typed, span: Span, context: Context) -> Typed:
    for side in (left, right):
        if side.type.name != "bool":
            return mismatch(side, "a Boolean", context, f"both sides of `{op}` are conditions")
    result = joined(op, (left, right), kinds.BOOL.nullable() if left.optional or right.optional else kinds.BOOL, span)
    return _folded(result, fold(op, left, right)) if left.constant and right.constant else result


def _otherwise(left: Typed, right: Typed, span: Span, context: Context) -> Typed:
    """`x ?? y`: y where x is null."""
    common = common_type(left.type, right.type)
    if common is None:
        return mismatch(right, named(left.type.required()), context, "`??` gives a value of the same type in place of null")
    if not left.optional and left.type.name != "null":
        context.findings.add(
            "MLS201", left.span, what=f"`{short(left.span)}`", got="never null", wanted="a value that may be null",
            hint="remove `??` and what follows it",
        )  # fmt: skip
    return joined("??", (left, right), common.nullable() if right.optional else common.required(), span)


def common_type(left: Type, right: Type) -> Type | None:
    """The type that values of both have, None where there is none."""
    optional = left.optional or right.optional
    if left.name == "null" or right.name == "null":
        return (right if left.name == "null" else left).nullable()
    if left.name in NUMBERS and right.name in NUMBERS:
        found = left if left.name == right.name else kinds.FLOAT
    elif left.name in STRINGS and right.name in STRINGS:
        if left.name == right.name == "category":
            values = None if left.values is None or right.values is None else tuple(dict.fromkeys(left.values + right.values))
            found = Type("category", values=values)
        elif "category" in (left.name, right.name):
            found = left if left.name == "category" else right
        else:
            found = left if left.name == right.name else kinds.STRING
    elif left.name == right.name and left.name != "image":
        found = left
    else:
        return None
    return found.nullable() if optional else found.required()


def _compare(op: str, left: Typed, right: Typed, span: Span, context: Context) -> Typed:
    if context.role == "expectation" and left.type.name in ("vector", "tokens") and op in ("==", "!="):
        hint = "one for each number that the feature becomes"
        return vectors_equal(op, left, right, span) or mismatch(right, "a list of numbers, `[0.0, 1.0]`", context, hint)
    if "image" in (left.type.name, right.type.name):
        return mismatch(left if left.type.name == "image" else right, "values that can be compared", context)
    fault = comparable(left, right, context) or (comparable(right, left, context, units=False))
    if fault is not None:
        return fault
    if "null" in (left.type.name, right.type.name):
        return _null_compared(left if right.type.name == "null" else right, span, context)
    if op not in ("==", "!=") and left.type.name not in ORDERED:
        return mismatch(left, "something with an order", context, "`<` and `>` compare numbers, times and amounts")
    optional = left.optional or right.optional
    result = joined(op, (left, right), kinds.BOOL.nullable() if optional else kinds.BOOL, span)
    return _folded(result, fold(op, left, right)) if left.constant and right.constant else result


def _null_compared(value: Typed, span: Span, context: Context) -> Typed:
    """Reports `x == null`, which is null whatever x is (213)."""
    text = short(value.span)
    hint = f"nulls are counted by `null_rate({text})` in a check, and replaced by `{text} ?? …`"
    context.findings.add("MLS213", span, name=short(span), got="null", hint=hint if value.form[0] == "col" else "")
    return unknown(span, value.refs)


def comparable(left: Typed, right: Typed, context: Context, units: bool = True) -> Typed | None:
    """None if the two may be compared; else the fault is reported, and the result is unknown."""
    a, b = left.type.name, right.type.name
    if left.type.item is not None:
        return mismatch(left, "one value", context, _reduce_hint(left))
    if not units or "null" in (a, b) or right.type.item is not None:
        return None
    if a == "points" and b in ("ratio", "float", "int") and right.level < METRIC:
        return _points_for_ratio(left, right, context) or points_wanted(right, context)
    if b == "points" and a in ("ratio", "float", "int") and left.level < METRIC:
        return _points_for_ratio(right, left, context) or points_wanted(left, context)
    if (a in NUMBERS and b in NUMBERS) or (a in TEMPORAL and b in TEMPORAL) or a == b:
        return _category_value(left, right, context)
    if a in STRINGS and b in STRINGS:
        return _category_value(left, right, context)
    if a in _MEASURED and b in _MEASURED:
        return unit_mismatch(right, left.type, context)
    return mismatch(right, named(left.type.required()), context)


_MEASURED = NUMBERS | UNITS


def _reduce_hint(value: Typed) -> str:
    text = short(value.span)
    return f"write `worst({text})`" if value.type.name == "each" else f"write `p95({text})` or `mean({text})`"


def unit_mismatch(found: Typed, wanted: Type, context: Context) -> Typed:
    """Report a unit that does not fit (202)."""
    context.findings.add(
        "MLS202", found.span, what=f"`{short(found.span)}`", got=named(found.type), wanted=named(wanted.required()),
        hint=_EXAMPLES.get(wanted.name, "") or _as_ratio(found, wanted),
    )  # fmt: skip
    return unknown(found.span, found.refs)


def _as_ratio(found: Typed, wanted: Type) -> str:
    text = short(found.span)
    return f"this is no difference: write `{text[:-2]}%`" if wanted.name == "ratio" and text.endswith("pp") else ""


_EXAMPLES = {
    "duration": "write it with a unit: `20ms`, `36h`, `90d`",
    "bytes": "write it with a unit: `64MiB`",
    "rate": "write it with a unit: `50rps`",
    "points": "write it in points: `5pp`",
}


def _points_for_ratio(points: Typed, ratio: Typed, context: Context) -> Typed | None:
    """Reports constant points beside a measured ratio: it is the constant that has the wrong unit (202)."""
    text = short(points.span)
    if not points.constant or ratio.constant or not text.endswith("pp"):
        return None
    context.findings.add(
        "MLS202",
        points.span,
        what=f"`{text}`",
        got="points, which measure a difference",
        wanted="a ratio",
        hint=f"write `{text[:-2]}%`",
    )
    return unknown(points.span, points.refs)


def points_wanted(found: Typed, context: Context) -> Typed:
    """Report a ratio or bare number where points are due (203), with the spelling in `pp` as the edit."""
    text = short(found.span)
    fix = f"{text[:-1]}pp" if text.endswith("%") else ""
    if found.constant and not fix:
        value = float(found.form[1]) * 100
        fix = f"{value:.6g}pp"
    edits = [Edit(found.span, fix)] if fix and found.span.text == text else []
    context.findings.add("MLS203", found.span, edits=edits, got=text, fix=fix or "pp")
    return unknown(found.span, found.refs)


def _category_value(left: Typed, right: Typed, context: Context) -> Typed | None:
    """Reports a literal that is no value of a closed category (211)."""
    for kind, literal in ((left.type, right), (right.type, left)):
        if kind.name == "category" and kind.values and literal.form[0] == "lit" and literal.form[1] not in kind.values:
            return outside(literal, kind, context, left if literal is right else right)
    return None


def outside(literal: Typed, kind: Type, context: Context, of: Typed | None = None) -> Typed:
    """Report a value outside a closed category (211)."""
    from mlspec.spec.findings import nearest

    values = kind.values or ()
    near = nearest(str(literal.form[1]), values)
    edits = [Edit(literal.span, f'"{near}"', guess=True)] if near else []
    context.findings.add(
        "MLS211", literal.span, edits=edits, got=short(literal.span), name=short(of.span) if of else str(kind),
        known=", ".join(f'`"{value}"`' for value in values), nearest=f'`"{near}"`' if near else "",
    )  # fmt: skip
    return unknown(literal.span)


def _calculate(op: str, left: Typed, right: Typed, span: Span, context: Context) -> Typed:
    for side in (left, right):
        if side.type.item is not None:
            return mismatch(side, "one value", context, _reduce_hint(side))
    result_type = _ARITHMETIC[op](left, right)
    if result_type is None:
        return _no_rule(op, left, right, context)
    optional = left.optional or right.optional
    if op == "/" and not optional and may_be_zero(right):
        optional = True
        if not context.handles_null:
            context.findings.add("MLS205", right.span, name=short(right.span))
    result = joined(op, (left, right), result_type.nullable() if optional else result_type, span)
    return _folded(result, fold(op, left, right)) if left.constant and right.constant else result


def _no_rule(op: str, left: Typed, right: Typed, context: Context) -> Typed:
    a, b = left.type.name, right.type.name
    if "points" in (a, b) and "ratio" in (a, b):
        return points_wanted(right if a == "points" else left, context)
    if a in _MEASURED and b in _MEASURED:
        return unit_mismatch(right, left.type, context)
    measured = _MEASURED | TEMPORAL
    wrong = left if a not in measured else right
    return mismatch(
        wrong, "a number" if b not in TEMPORAL and a not in TEMPORAL else "a duration", context, f"`{op}` works on numbers"
    )


def may_be_zero(divisor: Typed) -> bool:
    """Whether 0 is among the values of a divisor, as far as the spec says."""
    if divisor.constant:
        return bool(divisor.form[1] == 0)
    if divisor.level >= METRIC:
        return False
    bounds = divisor.type.range
    return bounds is None or not (bounds[0] > 0 or bounds[1] < 0)
