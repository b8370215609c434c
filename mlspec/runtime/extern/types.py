"""The types that cross the pipe: Arrow on the wire, Python values in the code; the worker and its parent read this one table."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

KINDS = {
    "int": "int", "float": "float", "ratio": "float", "points": "float", "rate": "float", "duration": "float", "bytes": "int",
    "bool": "bool", "string": "string", "text": "string", "category": "string", "id": "string", "date": "date",
    "timestamp": "timestamp", "decimal": "float",
}  # fmt: skip
"""What a type of the language is on the wire."""

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def kind_of(type_name: str) -> str:
    """The kind of a type name, with or without `?`."""
    return KINDS[type_name.removesuffix("?")]


def arrow_type(kind: str) -> Any:
    """The Arrow type of a kind."""
    import pyarrow as pa

    made = {
        "int": pa.int64, "float": pa.float64, "bool": pa.bool_, "string": pa.string, "date": pa.date32,
        "timestamp": lambda: pa.timestamp("us", tz="UTC"),
    }  # fmt: skip
    return made[kind]()


class Unfit(Exception):
    """A value that the declaration excludes; the text says what it is, and never quotes data."""


def checked(value: Any, kind: str, optional: bool, values: frozenset[str] | None) -> Any:
    """A value of the code as Arrow takes it; `Unfit` where it is not what is declared."""
    if value is None:
        if not optional:
            raise Unfit("null, where the result has no `?`")
        return None
    value = value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
    found = _PYTHON[kind](value)
    if values is not None and found not in values:
        raise Unfit("a text that is no value of the category")
    return found


def _is(kind: type) -> Any:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Unfit(f"{type(value).__name__}, where {kind.__name__} is declared")
        return value

    return check


def _int(value: Any) -> int:
    if type(value) is not int:
        raise Unfit(f"{type(value).__name__}, where int is declared")
    if not _LOWEST <= value <= _HIGHEST:
        raise Unfit("a whole number beyond 64 bits")
    return value


def _float(value: Any) -> float:
    if type(value) not in (int, float):
        raise Unfit(f"{type(value).__name__}, where float is declared")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Unfit("a number that is not finite" + (" (NaN)" if found != found else ""))
    return found


def _timestamp(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise Unfit(f"{type(value).__name__}, where datetime is declared")
    if value.tzinfo is None:
        raise Unfit("a datetime without a time zone")
    return value.astimezone(UTC)


_PYTHON: dict[str, Any] = {
    "int": _int, "float": _float, "bool": _is(bool), "string": _is(str), "date": _is(date), "timestamp": _timestamp,
}  # fmt: skip
