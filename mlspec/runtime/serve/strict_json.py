"""A JSON reader that takes RFC 8259 and little more: no duplicate keys, no lone surrogates, bounded depth.

The standard reader lets duplicate keys (last wins) and `"\\ud800"` through, and each of them became a 500 or a silent change further
in. `NaN`, `Infinity` and numbers beyond a double are read, as floats that are not finite: only the schema knows at which column
they stand, and it refuses them there, whatever the column's type.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 16
MAX_DIGITS = 400
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class BadJson(ValueError):
    """The body is no JSON that a request may hold. The message never holds a part of the body."""


def _int(text: str) -> int | float:
    """A whole number; one of more digits than a double can reach is infinite, and converting it would take long."""
    return int(text) if len(text) <= MAX_DIGITS else float(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("an object has the same key twice")
    return found


def _depth(body: bytes) -> int:
    """The deepest nesting of brackets outside strings, found without recursion."""
    depth = deepest = 0
    for byte in _STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_surrogate(key) or _has_surrogate(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_surrogate(item) for item in value)


_decoder = json.JSONDecoder(parse_int=_int, object_pairs_hook=_unique, strict=True)


def read_json(body: bytes) -> Any:
    """The value of a UTF-8 JSON text, or `BadJson` with a reason that echoes nothing of it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJson(f"the body is not UTF-8 (byte {error.start})") from None
    # Only a text with this many brackets can be that deep: the scan of a usual small body is skipped.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise BadJson(f"the body nests deeper than {MAX_DEPTH}")
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise BadJson(f"the body is no JSON (line {error.lineno}, column {error.colno})") from None
    if _ESCAPED_SURROGATE.search(body) and _has_surrogate(value):
        raise BadJson("a string holds half of a surrogate pair")
    return value
