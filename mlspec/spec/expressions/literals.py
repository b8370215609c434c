"""Constants as typed expressions, and the JSON spelling of their values."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from mlspec.spec import kinds
from mlspec.spec.kinds import CONST, NONE, Type
from mlspec.spec.values import Typed
from mlspec.syntax.nodes import Literal

TYPES: dict[str, Type] = {
    "int": kinds.INT,
    "float": kinds.FLOAT,
    "string": kinds.STRING,
    "bool": kinds.BOOL,
    "null": kinds.NULL,
    "date": kinds.DATE,
    "instant": kinds.TIMESTAMP,
    "duration": kinds.DURATION,
    "bytes": kinds.BYTES,
    "rate": kinds.RATE,
    "percent": kinds.RATIO,
    "points": kinds.POINTS,
    "digest": kinds.STRING,
    "text": kinds.TEXT,
}


def json_value(value: Any) -> Any:
    """A constant as JSON: dates and instants in ISO 8601, all else as it is."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def python_value(value: Any, type_name: str) -> Any:
    """The Python value of a `["lit", value, type]`."""
    if type_name == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    if type_name == "timestamp" and isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def of_literal(node: Literal) -> Typed:
    """A literal of the source text."""
    kind = TYPES[node.kind]
    return Typed(["lit", json_value(node.value), kind.name], kind, CONST, NONE, node.span)


def of_value(value: Any, kind: Type, like: Typed) -> Typed:
    """A folded constant that stands where `like` stood."""
    return Typed(["lit", json_value(value), kind.name], kind, CONST, like.taint, like.span, like.refs, like.calls)


def value_of(typed: Typed) -> Any:
    """The Python value of a constant expression; a list gives a tuple, a range a pair."""
    head = typed.form[0]
    if head == "lit":
        return python_value(typed.form[1], typed.form[2])
    if head == "list":
        return tuple(python_value(item[1], item[2]) for item in typed.form[1])
    return None
