"""The type of an expression's inner parts, by the rows of the catalogue: `log1p(census.capital_gain)` inside `scale(…)` is a float."""

from __future__ import annotations

from typing import Any

from mlspec.catalogue import functions

_BOOLEAN = frozenset(("==", "!=", "<", "<=", ">", ">=", "in", "and", "or", "not"))
_NUMBERS = ("int", "decimal", "ratio", "float")


def form_type(form: list[Any]) -> str:
    """The type name of a checked expression, with `?` where null is among its values."""
    head = form[0]
    if head == "lit":
        return "null?" if form[1] is None else str(form[2])
    if head == "col":
        return str(form[2])
    if head == "extern":
        return str(form[3])
    if head == "call":
        return _call(form[1], [form_type(item) for item in form[2] if item[0] not in ("list", "range")], form)
    raise TypeError(f"a feature holds no `{head}`")


def _call(name: str, types: list[str], form: list[Any]) -> str:
    if name == "??":
        return _joined(types[:1]) + ("?" if types[-1].endswith("?") else "")
    optional = any(kind.endswith("?") for kind in (types[1:] if name == "if" else types))
    if name in _BOOLEAN:
        return _mark("bool", optional)
    if name == "if":
        return _mark(_joined(types[1:]), optional or types[0].endswith("?"))
    if name == "/":
        return _mark("float", optional or not _never_zero(form[2][1]))
    if name in ("+", "-", "*", "neg"):
        return _mark(_arithmetic(name, types), optional)
    row = next(row for row in functions(name) if row.level in ("row", "history"))
    if row.null in ("accept", "never"):
        optional = row.result.startswith("nullable:")
    return _mark(_result(row.result.removeprefix("nullable:"), types), optional)


def _result(result: str, types: list[str]) -> str:
    if result == "same":
        return types[0].removesuffix("?")
    return _joined(types) if result == "joined" else result


def _arithmetic(name: str, types: list[str]) -> str:
    plain = [kind.removesuffix("?") for kind in types]
    if "timestamp" in plain or "date" in plain:
        return "duration" if name == "-" and plain[0] == plain[-1] else next(k for k in plain if k in ("timestamp", "date"))
    if "duration" in plain:
        return "duration"
    return _joined(types)


def _joined(types: list[str]) -> str:
    plain = [kind.removesuffix("?") for kind in types if kind != "null?"]
    if not plain:
        return "null"
    if all(kind in _NUMBERS for kind in plain):
        return max(plain, key=_NUMBERS.index)
    return plain[0] if len(set(plain)) == 1 else "string"


def _never_zero(form: list[Any]) -> bool:
    """Whether a divisor is a constant other than 0; a column's range is known to the checker, which says so in its type."""
    return form[0] == "lit" and bool(form[1])


def _mark(kind: str, optional: bool) -> str:
    return kind + "?" if optional else kind
