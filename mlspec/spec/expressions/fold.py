"""Folding of operators on constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mlspec.spec.expressions.literals import value_of
from mlspec.spec.values import Typed

_LIMIT = 10**19


def _instant(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, date):
        return _moved(a, b)
    return _moved(b, a) if isinstance(b, date) else a + b


def _subtract(a: Any, b: Any) -> Any:
    if isinstance(a, date) and isinstance(b, date):
        return (_instant(a) - _instant(b)).total_seconds()
    return _moved(a, -b) if isinstance(a, date) else a - b


def _moved(moment: date, seconds: float) -> date:
    plain = not isinstance(moment, datetime)
    if plain and seconds % 86_400 == 0:
        return moment + timedelta(seconds=seconds)
    moved: datetime = _instant(moment) + timedelta(seconds=seconds)
    return moved


_RULES: dict[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": _subtract,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}


def fold(op: str, left: Typed, right: Typed) -> Any:
    """The value of an operator on two constants; None where it has none (null, a zero divisor, out of range)."""
    a, b = value_of(left), value_of(right)
    if a is None or b is None:
        return None
    if isinstance(a, datetime) != isinstance(b, datetime) and isinstance(a, date) and isinstance(b, date):
        a, b = _instant(a), _instant(b)
    try:
        result = _RULES[op](a, b)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if _too_large(result) else result


def _too_large(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) >= _LIMIT if isinstance(value, int) else not math.isfinite(value)


def fold_unary(op: str, operand: Typed) -> Any:
    """The value of `-x` or `not x` on a constant."""
    value = value_of(operand)
    if value is None:
        return None
    return (not value) if op == "not" else -value
