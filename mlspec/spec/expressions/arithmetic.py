"""The types of sums, differences, products and quotients: units are types."""

from __future__ import annotations

from mlspec.spec import kinds
from mlspec.spec.kinds import METRIC, NUMBERS, TEMPORAL, Type
from mlspec.spec.values import Typed

UNITS = frozenset(("duration", "bytes", "rate", "points"))


def total(left: Typed, right: Typed) -> Type | None:
    """The type of `left + right`, None where there is none."""
    a, b = left.type.name, right.type.name
    if a in NUMBERS and b in NUMBERS:
        return _number(a, b)
    if a == b and a in UNITS:
        return _unit(a)
    if a in TEMPORAL and b == "duration":
        return _moment(left, right)
    if b in TEMPORAL and a == "duration":
        return _moment(right, left)
    if {a, b} == {"ratio", "points"}:
        return kinds.RATIO
    return None


def difference(left: Typed, right: Typed) -> Type | None:
    """The type of `left - right`: of metrics and ratios it is points, of times a duration."""
    a, b = left.type.name, right.type.name
    if a == b == "ratio" or (
        max(left.level, right.level) >= METRIC and {a, b} <= {"ratio", "float", "int"} and "ratio" in (a, b)
    ):
        return kinds.POINTS
    if a in TEMPORAL and b in TEMPORAL:
        return kinds.DURATION
    if a in NUMBERS and b in NUMBERS:
        return _number(a, b)
    if a == b and a in UNITS:
        return _unit(a)
    if a in TEMPORAL and b == "duration":
        return _moment(left, right)
    return kinds.RATIO if (a, b) == ("ratio", "points") else None


def product(left: Typed, right: Typed) -> Type | None:
    """The type of `left * right`: a unit times a number keeps the unit."""
    a, b = left.type.name, right.type.name
    if a in NUMBERS and b in NUMBERS:
        return kinds.RATIO if a == b == "ratio" else _number(a, b)
    if a in UNITS and b in NUMBERS:
        return _unit(a)
    if b in UNITS and a in NUMBERS:
        return _unit(b)
    return None


def quotient(left: Typed, right: Typed) -> Type | None:
    """The type of `left / right`: a unit by itself is a number."""
    a, b = left.type.name, right.type.name
    if a in NUMBERS and b in NUMBERS:
        return kinds.FLOAT
    if a == b and a in UNITS:
        return kinds.FLOAT
    return _unit(a) if a in UNITS and b in NUMBERS else None


def _number(a: str, b: str) -> Type:
    if a == b == "int":
        return kinds.INT
    if a == b == "ratio":
        return kinds.RATIO
    return kinds.FLOAT


def _unit(name: str) -> Type:
    return {"duration": kinds.DURATION, "bytes": kinds.BYTES, "rate": kinds.RATE, "points": kinds.POINTS}[name]


def _moment(moment: Typed, length: Typed) -> Type:
    """A date moved by whole days stays a date; by anything else it is a timestamp."""
    whole = length.constant and isinstance(length.form[1], int | float) and length.form[1] % 86_400 == 0
    return kinds.DATE if moment.type.name == "date" and whole else kinds.TIMESTAMP
