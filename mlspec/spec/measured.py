"""The numbers that a gate or an alert compares: the sides of its comparisons that hold a metric, in order of reading."""

from __future__ import annotations

from typing import Any

JUDGED = ("gates", "monitor")
"""Kinds of blocks whose definitions compare measured numbers, which a test may state."""

_LOGIC = frozenset(("and", "or", "not"))
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">=", "in"))
_NUMBERS = frozenset(("int", "ratio", "decimal"))


def numbers_of(form: Any) -> list[str]:
    """The type of each different number, "" where nothing says it: that of the constant beside it."""
    found: list[tuple[Any, str]] = []
    _collect(form, found)
    return [kind for _, kind in found]


def _collect(form: Any, found: list[tuple[Any, str]]) -> None:
    if form[0] == "call" and form[1] in _LOGIC:
        for item in form[2]:
            _collect(item, found)
    elif form[0] == "call" and form[1] in _COMPARISONS:
        left, right = form[2]
        _side(left, right, found)
        _side(right, left, found)
    else:
        _side(form, ["lit", None, ""], found)


def _side(form: Any, other: Any, found: list[tuple[Any, str]]) -> None:
    if is_measured(form) and all(form != known for known, _ in found):
        found.append((form, _unit(other)))


def is_measured(form: Any) -> bool:
    """Whether a metric of a model or of live requests is in an expression."""
    pending = [form]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            if node and node[0] == "metric":
                return True
            pending.extend(node)
    return False


def _unit(form: Any) -> str:
    """The type of the first constant of an expression; plain numbers and ratios are floats."""
    if form[0] == "lit":
        kind = str(form[2]).removesuffix("?")
        return "float" if kind in _NUMBERS else kind
    parts = {"call": lambda: form[2], "list": lambda: form[1], "range": lambda: form[1:]}.get(form[0], list)()
    return next((kind for part in parts if isinstance(part, list) and (kind := _unit(part))), "")
