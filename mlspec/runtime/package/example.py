"""An example request for a package, made from declarations: ranges, categories and types, never from a data row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlspec.runtime.image.text import example_text

_PLAIN: dict[str, Any] = {
    "bool": False, "int": 1, "float": 1.0, "ratio": 0.5, "points": 0.0, "rate": 1.0, "bytes": 1024, "duration": 60.0,
    "decimal": "1", "date": "2020-01-31", "timestamp": "2020-01-31T12:00:00Z", "string": "text", "text": "text", "id": "1",
}  # fmt: skip


def example_request(columns: Iterable[Mapping[str, Any]], known: Mapping[str, list[Any]]) -> dict[str, Any]:
    """One value a column. `known` gives, for open categories, the values that the transform encodes."""
    return {str(column["name"]): _value(column, known.get(str(column["name"]), [])) for column in columns}


def _value(column: Mapping[str, Any], known: list[Any]) -> Any:
    kind = str(column["type"]).removesuffix("?")
    if kind == "image":
        return example_text(column)
    if column.get("values"):
        return column["values"][0]
    if kind == "category":
        return known[0] if known else ("other" if not column.get("optional") else None)
    if column.get("range"):
        return _inside(kind, *column["range"])
    return _PLAIN[kind]


def _inside(kind: str, low: Any, high: Any) -> Any:
    """The middle of a range, or its closed end where one is open or no number."""
    if low is None or high is None or isinstance(low, str) or isinstance(high, str):
        return low if low is not None else high
    middle = (low + high) / 2
    if kind in ("int", "bytes"):
        return int(middle)
    return str(int(middle)) if kind == "decimal" else float(middle)
