"""The values of a check in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COMPARISONS = frozenset(["==", "!=", "<", "<=", ">", ">=", "in"])


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
