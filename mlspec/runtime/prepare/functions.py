"""Every row function and operator of the catalogue, as operations: the one meaning that both evaluators share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.forms import Op, literal

Function = Callable[..., Op]

# Doubles from here on have no fraction, so rounding them changes nothing.
_WHOLE_FROM = 4503599627370496.0
_MICRO = 1e6
_DAY = 86400.0


def to_float(value: Op) -> Op:
    """A number as a double."""
    if value.kind == "null":
        return literal(None, "float")
    if value.name == "lit" and value.kind == "int" and value.data is not None:
        return literal(value.data, "float")
    return Op("to_float", "float", (value,)) if value.kind == "int" else value


def _joined(where: str, items: Sequence[Op]) -> list[Op]:
    """The operands in their common kind: whole numbers beside doubles become doubles, dates beside times become midnights."""
    kinds = {item.kind for item in items} - {"null"}
    if kinds == {"int", "float"}:
        return [to_float(item) for item in items]
    if kinds == {"date", "timestamp"}:
        return [Op("midnight", "timestamp", (item,)) if item.kind == "date" else item for item in items]
    if len(kinds) > 1:
        raise StageError("MLS201", "the operands have different types", where, expected="operands of one type",
                         found=" and ".join(sorted(kinds)), help="convert one of them in the source")  # fmt: skip
    kind = next(iter(kinds), "null")
    return [literal(None, kind) if item.kind == "null" else item for item in items]


def _arithmetic(symbol: str, whole: str, double: str) -> Function:
    def build(where: str, left: Op, right: Op) -> Op:
        times = {"date", "timestamp"} & {left.kind, right.kind}
        if times:
            return _time_arithmetic(where, symbol, left, right)
        left, right = _joined(where, (left, right))
        return Op(whole if left.kind == "int" else double, left.kind, (left, right))

    return build


def _time_arithmetic(where: str, symbol: str, left: Op, right: Op) -> Op:
    both_times = left.kind in ("date", "timestamp") and right.kind in ("date", "timestamp")
    if symbol == "-" and both_times:
        left, right = (Op("midnight", "timestamp", (item,)) if item.kind == "date" else item for item in (left, right))
        micros = Op("micros_between", "int", (left, right))
        return Op("fdiv", "float", (to_float(micros), literal(_MICRO, "float")))
    if both_times or (symbol == "-" and right.kind in ("date", "timestamp")) or symbol == "*":
        raise StageError("MLS201", f"`{symbol}` has no meaning for these operands", where, expected="a time and a duration",
                         found=f"{left.kind} and {right.kind}", help="subtract times, or add a duration to a time")  # fmt: skip
    time, span = (left, right) if left.kind in ("date", "timestamp") else (right, left)
    time = Op("midnight", "timestamp", (time,)) if time.kind == "date" else time
    span = Op("fneg", "float", (to_float(span),)) if symbol == "-" else to_float(span)
    micros = Op("to_int", "int", (Op("fround", "float", (Op("fmul", "float", (span, literal(_MICRO, "float"))),)),))
    return Op("add_micros", "timestamp", (time, micros))


def _divide(where: str, left: Op, right: Op) -> Op:
    return Op("fdiv", "float", (to_float(left), to_float(right)))


def _negative(where: str, value: Op) -> Op:
    return Op("ineg" if value.kind == "int" else "fneg", value.kind, (value,))


def _comparison(name: str) -> Function:
    def build(where: str, left: Op, right: Op) -> Op:
        if name in ("eq", "ne") and "null" in (left.kind, right.kind):
            given = right if left.kind == "null" else left
            found = Op("is_null", "bool", (given,))
            return found if name == "eq" else Op("not", "bool", (found,))
        return Op(name, "bool", tuple(_joined(where, (left, right))))

    return build


def _in(where: str, value: Op, choices: Op) -> Op:
    if choices.name != "const":
        return _comparison("eq")(where, value, choices)
    if isinstance(choices.data, tuple):
        return _in_range(where, value, choices.data)
    found = [_comparison("eq")(where, value, _like(value, item)) for item in choices.data]
    result = literal(False, "bool")
    for item in found:
        result = Op("or", "bool", (result, item))
    return result


def _in_range(where: str, value: Op, ends: tuple[Any, Any]) -> Op:
    low, high = (None if end is None else _like(value, end) for end in ends)
    if value.kind == "timestamp" and any(end is not None and end.kind == "date" for end in (low, high)):
        # A range of dates covers whole UTC days.
        value = Op("day_of", "date", (value,))
    sides = [] if low is None else [_comparison("ge")(where, value, low)]
    sides += [] if high is None else [_comparison("le")(where, value, high)]
    if len(sides) == 2:
        return Op("and", "bool", tuple(sides))
    return sides[0] if sides else Op("not", "bool", (Op("is_null", "bool", (value,)),))


def _like(value: Op, item: Any) -> Op:
    """A bare constant in the kind that its Python type has; an operation as it is."""
    if isinstance(item, Op):
        return item
    if isinstance(item, bool):
        return literal(item, "bool")
    if isinstance(item, int):
        return literal(item, "int")
    if isinstance(item, float):
        return literal(item, "float")
    kind = value.kind if value.kind in ("date", "timestamp") else "string"
    return literal(item, "null" if item is None else kind)


def _logic(name: str) -> Function:
    def build(where: str, *items: Op) -> Op:
        result = _boolean(items[0])
        for item in items[1:]:
            result = Op(name, "bool", (result, _boolean(item)))
        return result

    return build


def _boolean(item: Op) -> Op:
    return literal(None, "bool") if item.kind == "null" else item


def _not(where: str, value: Op) -> Op:
    return Op("not", "bool", (_boolean(value),))


def _coalesce(where: str, value: Op, other: Op) -> Op:
    first, second = _joined(where, (value, other))
    return Op("coalesce", first.kind, (first, second))


def _if(where: str, condition: Op, then: Op, otherwise: Op) -> Op:
    first, second = _joined(where, (then, otherwise))
    return Op("if", first.kind, (_boolean(condition), first, second))


def _when(condition: Op, then: Op, otherwise: Op) -> Op:
    return Op("if", then.kind, (condition, then, otherwise))


def _abs(where: str, value: Op) -> Op:
    return Op("iabs" if value.kind == "int" else "fabs", value.kind, (value,))


def _double(name: str) -> Function:
    """A function of one double, which has its domain inside the operation."""

    def build(where: str, value: Op) -> Op:
        return Op(name, "float", (to_float(value),))

    return build


def _log1p(where: str, value: Op) -> Op:
    """Kahan's form: with u = 1 + x, x itself where u is 1, else ln(u) * x / (u - 1); exact near zero."""
    x, one = to_float(value), literal(1.0, "float")
    u = Op("fadd", "float", (one, x))
    quotient = Op("fdiv", "float", (Op("fmul", "float", (Op("ln", "float", (u,)), x)), Op("fsub", "float", (u, one))))
    return _when(Op("eq", "bool", (u, one)), x, quotient)


def _round(where: str, value: Op, digits: Op) -> Op:
    places = int(digits.data or 0)
    if not 0 <= places <= 15:
        raise StageError("MLS209", "`round` keeps 0 to 15 decimal places", where, expected="0..15", found=str(places),
                         help="give `digits` between 0 and 15")  # fmt: skip
    if value.kind == "int":
        return value
    scale = literal(10.0**places, "float")
    scaled = Op("fscale", "float", (value, scale))
    rounded = Op("fdiv", "float", (Op("fround", "float", (scaled,)), scale))
    return _when(Op("ge", "bool", (Op("fabs", "float", (scaled,)), literal(_WHOLE_FROM, "float"))), value, rounded)


def _whole(name: str) -> Function:
    def build(where: str, value: Op) -> Op:
        return value if value.kind == "int" else Op("to_int", "int", (Op(name, "float", (value,)),))

    return build


def _extreme(comparison: str) -> Function:
    """The least or greatest of several: the first of equal ones, null if any is null."""

    def build(where: str, *items: Op) -> Op:
        operands = _joined(where, items)
        result = operands[0]
        for item in operands[1:]:
            better = Op(comparison, "bool", (item, result))
            chosen = _when(better, item, result)
            result = _when(Op("is_null", "bool", (better,)), literal(None, item.kind), chosen)
        return result

    return build


def _clip(where: str, value: Op, to: Op) -> Op:
    low, high = (None if end is None else _like(value, end) for end in to.data)
    if value.kind == "int" and any(end is not None and end.kind == "float" for end in (low, high)):
        value = to_float(value)
    if low is not None:
        value = _extreme("gt")(where, value, to_float(low) if value.kind == "float" else low)
    if high is not None:
        value = _extreme("lt")(where, value, to_float(high) if value.kind == "float" else high)
    return value


def _bucket(where: str, value: Op, cuts: Op) -> Op:
    """The label of the interval: `..25`, `25..40`, `60..`; a left end belongs to its interval."""
    points = list(cuts.data)
    labels = [
        f"{'' if low is None else low}..{'' if high is None else high}"
        for low, high in zip([None, *points], [*points, None], strict=True)
    ]
    result = literal(labels[-1], "string")
    for point, label in reversed(list(zip(points, labels, strict=False))):
        result = _when(_comparison("lt")(where, value, _like(value, point)), literal(label, "string"), result)
    return _when(Op("is_null", "bool", (value,)), literal(None, "string"), result)


def _text(name: str, kind: str) -> Function:
    def build(where: str, *items: Op) -> Op:
        return Op(name, kind, items)

    return build


def _with_constant(name: str) -> Function:
    def build(where: str, value: Op, item: Op) -> Op:
        return Op(name, "bool", (value,), str(item.data))

    return build


def _matches(where: str, value: Op, item: Op) -> Op:
    from mlspec.runtime.prepare.pattern import parse

    return Op("matches", "bool", (value,), parse(str(item.data), where))


def _calendar(name: str) -> Function:
    def build(where: str, value: Op) -> Op:
        time = Op("midnight", "timestamp", (value,)) if value.kind == "date" else value
        return Op(name, "int", (time,))

    return build


def _per(seconds: float) -> Function:
    def build(where: str, value: Op) -> Op:
        return Op("fdiv", "float", (to_float(value), literal(seconds, "float")))

    return build


def _cyclic(where: str, value: Op, period: Op) -> Op:
    length = float(period.data)
    if not (math.isfinite(length) and length > 0):
        raise StageError("MLS209", "the period of `cyclic` is above 0", where, expected="a number above 0", found=repr(length),
                         help="give the length of one turn, such as `period: 24`")  # fmt: skip
    turns = Op(
        "fdiv", "float", (Op("fmul", "float", (literal(2 * math.pi, "float"), to_float(value))), literal(length, "float"))
    )
    return Op("pair", "vector", (Op("sin", "float", (turns,)), Op("cos", "float", (turns,))))


def _cross(where: str, left: Op, right: Op) -> Op:
    """Both categories with the multiplication sign between them."""
    return Op("concat", "string", (left, literal(" × ", "string"), right))


def _hmac(where: str, value: Op, key: Op) -> Op:
    if key.data is None:
        raise StageError("MLS407", "`hmac` has no key", where, expected="`key:` with a secret", found="none",
                         help="declare a secret and give it: `hmac(x, key: salt)`")  # fmt: skip
    text = value if value.kind == "string" else Op("to_text", "string", (value,))
    return Op("hmac", "string", (text,), key.data)


def _redact(where: str, value: Op, patterns: Op) -> Op:
    from mlspec.runtime.prepare.redaction import PATTERNS

    names = [str(item) for item in patterns.data]
    unknown = [item for item in names if item not in PATTERNS]
    if unknown:
        raise StageError("MLS209", f"`redact` has no pattern `{unknown[0]}`", where, expected=", ".join(PATTERNS), found=unknown[0],
                         help="use one of the named patterns")  # fmt: skip
    return Op("redact", "string", (value,), tuple(names))


FUNCTIONS: dict[str, Function] = {
    "+": _arithmetic("+", "iadd", "fadd"), "-": _arithmetic("-", "isub", "fsub"), "*": _arithmetic("*", "imul", "fmul"),
    "/": _divide, "neg": _negative,
    "==": _comparison("eq"), "!=": _comparison("ne"), "<": _comparison("lt"), "<=": _comparison("le"),
    ">": _comparison("gt"), ">=": _comparison("ge"), "in": _in,
    "and": _logic("and"), "or": _logic("or"), "not": _not, "??": _coalesce, "if": _if,
    "abs": _abs, "sqrt": _double("sqrt"), "exp": _double("exp"), "log": _double("ln"), "log1p": _log1p,
    "round": _round, "floor": _whole("ffloor"), "ceil": _whole("fceil"),
    "clip": _clip, "min": _extreme("lt"), "max": _extreme("gt"), "bucket": _bucket,
    "lower": _text("lower", "string"), "upper": _text("upper", "string"), "length": _text("length", "int"),
    "contains": _with_constant("contains"), "starts_with": _with_constant("starts_with"), "matches": _matches,
    "year": _calendar("year"), "month": _calendar("month"), "weekday": _calendar("weekday"), "hour": _calendar("hour"),
    "days": _per(_DAY), "hours": _per(3600.0), "years": _per(31556952.0),
    "cyclic": _cyclic, "cross": _cross, "hmac": _hmac, "redact": _redact,
}  # fmt: skip
"""Name → how its call becomes operations; `range` and `list` are arguments, not values."""
