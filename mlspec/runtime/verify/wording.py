"""Checks in words: an expression as it would be written, and the value that stood on its left side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_INFIX = frozenset(["+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or", "??", "in"])
_COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">=", "in"])


def text_of(form: Any, labels: Mapping[str, str] | None = None) -> str:
    """The expression as text; columns that stand for aggregates by their labels."""
    if not isinstance(form, list) or not form:
        return show(form)
    head = form[0]
    if head == "lit":
        return _literal(form[1], form[2])
    if head == "col":
        return (labels or {}).get(form[1], str(form[1]))
    if head == "range":
        return "..".join("" if end is None else text_of(end, labels) for end in form[1:])
    if head == "list":
        return f"[{', '.join(text_of(item, labels) for item in form[1])}]"
    return _call(form, labels)


def _call(form: Any, labels: Mapping[str, str] | None) -> str:
    _, name, arguments, named = form
    parts = [text_of(item, labels) for item in arguments]
    if name in _INFIX and len(parts) == 2:
        return f"{parts[0]} {name} {parts[1]}"
    if name == "not":
        return f"not {parts[0]}"
    if name == "neg":
        return f"-{parts[0]}"
    if name == "if":
        return f"if {parts[0]} then {parts[1]} else {parts[2]}"
    return f"{name}({', '.join([*parts, *(f'{key}: {text_of(item, labels)}' for key, item in named.items())])})"


def _literal(value: Any, kind: str) -> str:
    if value is not None and kind in ("ratio", "points"):
        return f"{value * 100:g}{'%' if kind == 'ratio' else 'pp'}"
    if isinstance(value, str) and kind not in ("date", "timestamp"):
        return f'"{value}"'
    return show(value)


def show(value: Any) -> str:
    """A value for a message: numbers with separators and at most six digits behind the point."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def expected_text(form: Any) -> str:
    """What the check demands, as written."""
    return text_of(form)


def value_text(form: Any, values: Mapping[str, Any], labels: Mapping[str, str]) -> Any:
    """The number on the left of a comparison of one aggregate; else every aggregate with its value, as text."""
    if form[0] == "call" and form[1] in _COMPARISONS and form[2][0][0] == "col":
        return _plain(values[form[2][0][1]])
    return ", ".join(f"{label} = {show(_plain(values[column]))}" for column, label in labels.items() if _reads(form, column))


def _reads(form: Any, column: str) -> bool:
    if not isinstance(form, list):
        return False
    return form[:2] == ["col", column] or any(_reads(item, column) for item in form)


def _plain(value: Any) -> Any:
    """A value that JSON has."""
    return (
        value
        if value is None or isinstance(value, bool | int | float | str)
        else value.isoformat()
        if hasattr(value, "isoformat")
        else str(value)
    )
