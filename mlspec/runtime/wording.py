"""An expression as a person would write it: `lower(auc(tune)) >= 0.88`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PRECEDENCE = {"or": 1, "and": 2, "not": 3, "in": 4, "??": 5, "+": 6, "-": 6, "*": 7, "/": 7, "neg": 8}
_COMPARE = ("==", "!=", "<", "<=", ">", ">=")
_ATOM = 9
# Arguments of metrics that are names, and that are shares.
_WORDS, _SHARES = ("to", "along", "direction", "of"), ("missing", "unseen")
_DURATIONS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))
_SIZES = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def number(value: float) -> str:
    """A number without noise: at most 6 significant digits, no trailing zeros."""
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def literal(value: Any, kind: str) -> str:
    """A constant in the units of its type."""
    base = kind.removesuffix("?")
    if value is None:
        return "null"
    if base == "points":
        return f"{number(value * 100)}pp"
    if base == "ratio":
        return f"{number(value * 100)}%"
    if base == "rate":
        return f"{number(value)}rps"
    if base == "duration":
        return _in_units(float(value), _DURATIONS, "ms", 0.001)
    if base == "bytes":
        return _in_units(float(value), _SIZES, "B", 1)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return number(value)
    return str(value) if base in ("date", "timestamp") else json.dumps(value, ensure_ascii=False)


def _in_units(value: float, units: Sequence[tuple[float, str]], least: str, size: float) -> str:
    for unit, name in units:
        if value and abs(value) >= unit and float(value / unit).is_integer():
            return f"{number(value / unit)}{name}"
    if least == "B" and abs(value) >= 1024:
        unit, name = next(pair for pair in units if abs(value) >= pair[0])
        return f"{value / unit:.3g}{name}"
    return f"{number(value / size)}{least}"


def text_of(expression: Any, texts: Mapping[str, str] | None = None) -> str:
    """The text of an expression; `texts` has that of each stored number and of each column that stands for an aggregate."""
    return _write(expression, texts or {})[0]


def _write(node: Any, texts: Mapping[str, str]) -> tuple[str, int]:
    head = node[0]
    if head == "lit":
        return literal(node[1], node[2]), _ATOM
    if head == "col":
        return str(texts.get(node[1], node[1])), _ATOM
    if head == "quantity":
        text = texts.get(node[1], str(node[1]))
        return text, _loosest(text)
    if head == "metric":
        return f"{node[1]}({_arguments([node[2]], node[3], texts)})", _ATOM
    if head == "list":
        return "[" + ", ".join(_write(item, texts)[0] for item in node[1]) + "]", _ATOM
    if head == "range":
        return "..".join("" if end is None else _plain(end, texts) for end in node[1:]), _ATOM
    if head == "extern":
        return f"{node[1]}({_arguments([_write(item, texts)[0] for item in node[2]], {}, texts)})", _ATOM
    return _call(node[1], node[2], node[3], texts)


def _loosest(text: str) -> int:
    """The precedence of the loosest operator outside brackets in a text already written."""
    inner, last = text, ""
    while inner != last:
        inner, last = re.sub(r"\([^()]*\)", "", inner), inner
    return min((_PRECEDENCE[mark] for mark in re.findall(r" ([-+*/]) ", inner)), default=_ATOM)


def _call(name: str, given: Sequence[Any], named: Mapping[str, Any], texts: Mapping[str, str]) -> tuple[str, int]:
    if name == "neg":
        return "-" + _inside(given[0], 8, texts), 8
    if name == "not":
        return "not " + _inside(given[0], 3, texts), 3
    if name in _COMPARE:
        return f"{_inside(given[0], 5, texts)} {name} {_inside(given[1], 5, texts)}", 4
    if name in _PRECEDENCE and len(given) >= 2:
        own = _PRECEDENCE[name]
        rest = [_inside(item, own + (name in "-/"), texts) for item in given[1:]]
        return f" {name} ".join([_inside(given[0], own, texts), *rest]), own
    if name == "if":
        condition, yes, no = (_write(item, texts)[0] for item in given)
        return f"if {condition} then {yes} else {no}", 0
    return f"{name}({_arguments([_write(item, texts)[0] for item in given], named, texts)})", _ATOM


def _inside(node: Any, least: int, texts: Mapping[str, str]) -> str:
    text, own = _write(node, texts)
    return text if own >= least else f"({text})"


def _arguments(given: Sequence[str], named: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    # Canonical JSON has sorted the names; people read a load before its cores.
    known = [key for key in ("load", "cpu", "along") if key in named]
    order = [*known, *(key for key in named if key not in known)]
    return ", ".join([*given, *(f"{key}: {_argument(key, named[key], texts)}" for key in order if not _is_absent(named[key]))])


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, list) and value[:2] == ["lit", None])


def _argument(key: str, value: Any, texts: Mapping[str, str]) -> str:
    if key == "by" and isinstance(value, list):
        return str(value[1])
    if key in _WORDS and isinstance(value, str):
        return value
    if key in _SHARES and isinstance(value, (int, float)):
        return literal(value, "ratio")
    if key == "load" and isinstance(value, (int, float)):
        return f"{number(value)}rps"
    return _plain(value, texts)


def _plain(value: Any, texts: Mapping[str, str]) -> str:
    if isinstance(value, list):
        return _write(value, texts)[0]
    return literal(value, "int" if isinstance(value, (int, float)) and not isinstance(value, bool) else "string")
