"""From column descriptors to validated types: what one value of a request must be, and how its failure is told without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import AllowInfNan, BeforeValidator, PlainValidator, Strict, WithJsonSchema

from mlspec.runtime.image.decode import FORMATS, Unreadable
from mlspec.runtime.image.text import image_of_text

INT_LOW, INT_HIGH = -(2**63), 2**63 - 1
EXACT = 2**53 - 1  # every integer up to this is one double, and no other integer is
FLOATS = frozenset({"float", "ratio", "points", "rate", "duration"})
INTS = frozenset({"int", "bytes"})
TEXTS = frozenset({"string", "text", "id"})
_DECIMAL = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z")


def _date(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.match(value):
        raise ValueError("no date")
    return date.fromisoformat(value)


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or not _INSTANT.match(value):
        raise ValueError("no instant")
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(UTC)
    except OverflowError:
        raise ValueError("no instant") from None


def _decimal_reader(precision: int, scale: int) -> Callable[[Any], Decimal]:
    def read(value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("no decimal")
        # repr of a float is its shortest spelling, so 0.1 stays 0.1; more than 15 digits travel as a string.
        text = value if isinstance(value, str) else format(Decimal(repr(value)), "f")
        if not _DECIMAL.match(text):
            raise ValueError("no decimal")
        number = Decimal(text)
        rounded = number.quantize(Decimal(1).scaleb(-scale)) if number.adjusted() < precision - scale else None
        if rounded is None or rounded != number:
            raise ValueError("too many digits")
        return rounded

    return read


def _bounded(kind: Any, low: Any, high: Any, *more: Any) -> Any:
    marks = [Strict(), *more]
    if low is not None:
        marks.append(Ge(low))
    if high is not None:
        marks.append(Le(high))
    return Annotated[kind, *marks]


def _in_range(value: Any, low: Any, high: Any) -> Any:
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError("out of range")
    return value


def _decimal_type(column: Mapping[str, Any], low: Any, high: Any) -> Any:
    read = _decimal_reader(int(column.get("precision") or 38), int(column.get("scale") or 0))
    low = None if low is None else Decimal(str(low))
    high = None if high is None else Decimal(str(high))
    schema: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]{1,60}(\.[0-9]{1,60})?$"}]}
    return Annotated[Decimal, PlainValidator(lambda value: _in_range(read(value), low, high)), WithJsonSchema(schema)]


def _moment_type(column: Mapping[str, Any], low: Any, high: Any) -> Any:
    read: Callable[[Any], Any] = _date if column["type"] == "date" else _instant
    low = read(low) if isinstance(low, str) else None
    high = read(high) if isinstance(high, str) else None
    form = "date" if column["type"] == "date" else "date-time"
    return Annotated[
        Any, PlainValidator(lambda value: _in_range(read(value), low, high)), WithJsonSchema({"type": "string", "format": form})
    ]


def _float_of_int(value: Any) -> Any:
    """A JSON integer in a float column: `40` is `40.0`, and one beyond a double is refused, not made infinite."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError("out of range") from None
    return value


def _int_of_float(value: Any) -> Any:
    """`40.0` in an int column is `40`, as JSON Schema's `integer` says; a double that may stand for several integers is refused."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    return value


def _image_type(column: Mapping[str, Any]) -> Any:
    """The base64 of an image file, read before a model sees it."""

    def picture(value: Any) -> bytes:
        try:
            return image_of_text(value, column)
        except Unreadable as error:
            raise ValueError(str(error)) from None

    schema = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"}
    return Annotated[bytes, PlainValidator(picture), WithJsonSchema(schema)]


def value_type(column: Mapping[str, Any]) -> Any:
    """The validated type of one column, null not included."""
    kind = column["type"]
    low, high = column.get("range") or (None, None)
    if kind == "bool":
        return Annotated[bool, Strict()]
    if kind in INTS:
        whole = _bounded(int, INT_LOW if low is None else int(low), INT_HIGH if high is None else int(high))
        return Annotated[whole, BeforeValidator(_int_of_float)]
    if kind in FLOATS:
        return Annotated[_bounded(float, low, high, AllowInfNan(False)), BeforeValidator(_float_of_int)]
    if kind == "decimal":
        return _decimal_type(column, low, high)
    if kind in ("date", "timestamp"):
        return _moment_type(column, low, high)
    if kind == "image":
        return _image_type(column)
    if kind == "category" and column.get("values"):
        return Literal[tuple(column["values"])]
    return Annotated[str, Strict()]


def expected(column: Mapping[str, Any]) -> str:
    """What a value of this column must be, in words: `int in 17..90`, `one of "Female", "Male"`, `string or null`."""
    words = str(column["type"])
    if column.get("values"):
        shown = list(column["values"])[:20]
        words = "one of " + ", ".join(f'"{value}"' for value in shown) + (", …" if len(column["values"]) > 20 else "")
    elif column["type"] == "timestamp":
        words = "timestamp as 2026-03-31T10:00:00Z"
    elif column["type"] == "image":
        words = f"image as base64 of a {', '.join(FORMATS)} file, {column['channels']} channels, at most {column['longest']} pixels a side"
    elif column["type"] == "date":
        words = "date as 2026-03-31"
    if column.get("range"):
        low, high = column["range"]
        words += f" in {'' if low is None else low}..{'' if high is None else high}"
    return words + (" or null" if column.get("optional") else "")
