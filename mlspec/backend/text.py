"""YAML and JSON as text, with a note of which lines come from which place of the spec.

The YAML is the part of the language that versions 1.1 (PyYAML, Kubernetes) and 1.2 (DVC) read alike: block style, strings in
double quotes and ASCII unless they are plain words, floats with a point and a signed exponent. The tree is written in one pass
and in the order given, so equal trees give equal bytes. Libraries are not used because they give no lines and take longer than
all the rest of a compilation.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.backend.emitted import Origin

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_RESERVED = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
"""Words that one version or the other reads as a Boolean or as nothing."""

_LONGEST_KEY = 1024
"""A key on one line may be so long in both versions."""


@dataclass(frozen=True, slots=True)
class At:
    """A value whose lines come from the place `where` of the spec: a block or `block.field`."""

    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class Text:
    """What was written, and where its lines come from."""

    text: str
    origins: Sequence[Origin] = ()


def to_yaml(value: Any) -> Text:
    """The tree as YAML; ValueError for a number that is not finite, TypeError for what is no JSON value."""
    writer = _Yaml()
    writer.node(value, "", 0)
    return writer.done()


def to_json(value: Any) -> Text:
    """The tree as JSON, two spaces a level, keys in the order given."""
    writer = _Json()
    writer.node(value, "", "", 0)
    return writer.done()


class _Lines:
    """The lines so far and their origins."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.origins: list[Origin] = []

    def done(self) -> Text:
        """Everything, with a newline at the end."""
        return Text("\n".join(self.lines) + "\n", tuple(self.origins))

    def noted(self, first: int, where: str) -> None:
        """Note that the lines from index `first` on come from a place."""
        if len(self.lines) > first:
            self.origins.append(Origin(first + 1, len(self.lines), where))


class _Yaml(_Lines):
    """`lead` is what already stands on the line: a key with its colon, a dash, or both; `column` is where children begin."""

    def node(self, value: Any, lead: str, column: int) -> None:
        """Write one value behind what stands on its line."""
        if isinstance(value, At):
            first = len(self.lines)
            self.node(value.value, lead, column)
            self.noted(first, value.where)
        elif isinstance(value, Mapping) and value:
            self._mapping(value, lead, column)
        elif isinstance(value, Sequence) and value and not isinstance(value, str):
            self._sequence(value, lead, column)
        else:
            self.lines.append(f"{lead} {yaml_scalar(value)}" if lead else yaml_scalar(value))

    def _mapping(self, value: Mapping[str, Any], lead: str, column: int) -> None:
        pad = " " * column
        here = f"{lead} " if lead.endswith("-") else pad  # the first key of an item stands behind its dash
        if lead and not lead.endswith("-"):
            self.lines.append(lead)
        for key, item in value.items():
            self.node(item, f"{here}{_key(key)}:", column + 2)
            here = pad

    def _sequence(self, value: Sequence[Any], lead: str, column: int) -> None:
        pad = " " * column
        here = f"{lead} " if lead.endswith("-") else pad
        if lead and not lead.endswith("-"):
            self.lines.append(lead)
        for item in value:
            self.node(item, f"{here}-", column + 2)
            here = pad


def _key(key: str) -> str:
    text = yaml_scalar(key)
    if len(text) > _LONGEST_KEY:
        raise ValueError(f"a key of {len(text)} characters is too long for YAML")
    return text


def yaml_scalar(value: Any) -> str:
    """A string, number, Boolean, None or empty collection as YAML on one line."""
    if isinstance(value, str):
        return value if _PLAIN.match(value) and value.lower() not in _RESERVED else _quoted(value)
    if isinstance(value, float):
        return _float(value)
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, (Mapping, Sequence)) and not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _quoted(text: str) -> str:
    """In double quotes and ASCII. JSON's escapes are YAML's too, but for pairs of surrogates: those are one `\\U`."""
    if text.isascii():
        return json.dumps(text).replace("\x7f", "\\x7f")
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character.isascii():
        return _quoted(character)[1:-1]
    number = ord(character)
    return f"\\u{number:04x}" if number < 2**16 else f"\\U{number:08x}"


def _float(value: float) -> str:
    """A float that both versions read as one: with a point, and a sign before the exponent."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number of YAML's")
    digits, mark, exponent = repr(value).partition("e")
    if not mark:
        return digits
    point = "" if "." in digits else ".0"
    sign = "" if exponent[0] in "+-" else "+"
    return f"{digits}{point}e{sign}{exponent}"


class _Json(_Lines):
    """`tail` is what follows the value on its last line: a comma, or nothing."""

    def node(self, value: Any, lead: str, tail: str, column: int) -> None:
        """Write one value behind `lead`."""
        if isinstance(value, At):
            first = len(self.lines)
            self.node(value.value, lead, tail, column)
            self.noted(first, value.where)
        elif isinstance(value, Mapping) and value:
            pairs = [(f"{json.dumps(key)}: ", item) for key, item in value.items()]
            self._collection("{", pairs, "}", lead, tail, column)
        elif isinstance(value, Sequence) and value and not isinstance(value, str):
            self._collection("[", [("", item) for item in value], "]", lead, tail, column)
        else:
            self.lines.append(f"{lead}{json.dumps(value, allow_nan=False)}{tail}")

    def _collection(self, opened: str, items: list[tuple[str, Any]], closed: str, lead: str, tail: str, column: int) -> None:
        pad = " " * (column + 2)
        self.lines.append(f"{lead}{opened}")
        for number, (key, item) in enumerate(items, 1):
            self.node(item, f"{pad}{key}", "," if number < len(items) else "", column + 2)
        self.lines.append(f"{' ' * column}{closed}{tail}")
