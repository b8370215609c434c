"""Values as the language writes them: the author's own spelling where it tells the two sides apart, else the value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from mlspec.source import Span
from mlspec.spec.checks.reading import days, percent
from mlspec.spec.values import Bounds, Made, Reference, Typed, Value

LONGEST = 160
_SIZES = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def written(span: Span | None) -> str:
    """The text of a span on one line."""
    return "" if span is None else " ".join(span.text.split())


def clip(old: str, new: str) -> tuple[str, str]:
    """Two texts short enough for a report; of long ones the stretch where they begin to differ, so that no change hides in a tail."""
    if max(len(old), len(new)) <= LONGEST:
        return old, new
    same = 0
    if old and new:
        while same < min(len(old), len(new)) and old[same] == new[same]:
            same += 1
    start = max(0, same - LONGEST // 4)
    return _window(old, start), _window(new, start)


def _window(text: str, start: int) -> str:
    cut = text[start : start + LONGEST]
    return f"{'…' if start and text else ''}{cut}{'…' if start + LONGEST < len(text) else ''}"


def both(old: Value | None, new: Value | None, form: Any) -> tuple[str, str]:
    """Two values of a field as texts that differ: as written, or what they came to where the writing is the same."""
    one, other = _as_written(old, form), _as_written(new, form)
    if one != other:
        return one, other
    return of_value(old, form), of_value(new, form)


def _as_written(value: Value | None, form: Any) -> str:
    if value is not None and value.span is not None and value.origin == "given":
        text = written(value.span)
        return text if "=" not in text.partition("(")[0].partition('"')[0] else of_value(value, form)
    return of_value(value, form)


def of_value(value: Value | None, form: Any) -> str:
    """A field's value, from what it came to."""
    return "" if value is None or value.item is None else of_item(value.item, form)


def of_item(item: Any, form: Any = "") -> str:
    """An item; `form` is that of its field, which tells a duration from a number."""
    head = form if isinstance(form, str) else form[0]
    inner = form[1] if head in ("list", "range") else form if head != "one" else ""
    if isinstance(item, bool) or item is None:
        return {True: "true", False: "false", None: "none"}[item]
    if isinstance(item, int | float):
        return of_number(item, head if head != "one" else "")
    if isinstance(item, Bounds):
        return f"{of_item(item.low, inner)}..{of_item(item.high, inner)}"
    if isinstance(item, Made):
        args = (f"{name}: {of_item(value.item)}" for name, value in item.args.items() if value.origin != "default")
        return f"{item.name}({', '.join(args)})"
    if isinstance(item, Reference):
        return item.path
    if isinstance(item, Typed):
        return of_form(item.form)
    if isinstance(item, tuple | list):
        return f"[{', '.join(of_item(part, inner) for part in item)}]"
    if isinstance(item, Mapping):
        return "{" + ", ".join(f"{key}: {of_item(value)}" for key, value in item.items()) + "}"
    if isinstance(item, date):
        return item.isoformat()
    return f'"{item}"' if head in ("string", "const", "text", "list") else str(item)


def of_number(item: float, kind: str) -> str:
    """A number with the unit of its type."""
    if kind == "duration":
        return ("0s" if item == 0 else days(float(item))) if item >= 0 else f"-{days(-float(item))}"
    if kind == "ratio":
        return percent(float(item))
    if kind == "points":
        return f"{round(float(item) * 100, 10):g}pp"
    if kind == "bytes":
        return next((f"{item / size:g}{unit}" for unit, size in _SIZES if item >= size and item % size == 0), f"{item}B")
    if kind == "rate":
        return f"{item:g}rps"
    return f"{item:_}" if isinstance(item, int) and abs(item) >= 10_000 else f"{item!r}"


_LOOSE = frozenset(("or", "and", "not", "==", "!=", "<", "<=", ">", ">=", "in", "??", "+", "-", "*", "/"))


def of_form(form: Any) -> str:
    """An expression from its form, for where the writing does not show the change."""
    if not isinstance(form, list) or not form:
        return str(form)
    head = form[0]
    if head == "lit":
        value, kind = form[1], str(form[2]).removesuffix("?")
        return of_item(value, kind) if kind != "category" else f'"{value}"'
    if head == "list":
        return f"[{', '.join(map(of_form, form[1]))}]"
    if head == "range":
        return f"{of_form(form[1])}..{of_form(form[2])}"
    if head == "metric":
        return f"{form[1]}({', '.join([str(form[2]), *_options(form[3])])})"
    if head == "call":
        return _call(form)
    return str(form[1]) if len(form) > 1 else str(head)


def _call(form: Any) -> str:
    name, args = form[1], form[2]
    if name in _LOOSE and len(args) == 2:
        left, right = (f"({of_form(arg)})" if _loose(arg) else of_form(arg) for arg in args)
        return f"{left} {name} {right}"
    if name in ("not", "-") and len(args) == 1:
        return f"{name}{' ' if name == 'not' else ''}{of_form(args[0])}"
    return f"{name}({', '.join([*map(of_form, args), *_options(form[3])])})"


def _loose(form: Any) -> bool:
    return isinstance(form, list) and form[:1] == ["call"] and form[1] in _LOOSE


def _options(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {_option(value)}" for name, value in options.items()]


def _option(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], str):
        return of_form(value)
    return of_item(value)


def apart(old: str, new: str) -> tuple[str, str]:
    """The words that differ between two texts, without what both begin and end with; whole texts where nothing is left of one."""
    one, other = old.split(" "), new.split(" ")
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    return (" ".join(left), " ".join(right)) if left and right else (old, new)
