"""Typed expressions as nested JSON lists: walking them, the columns they read, and the rules of the form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from mlspec.graph.errors import GraphError

Expression: TypeAlias = list[Any]

TYPES = frozenset(
    (
        "bool", "int", "float", "decimal", "string", "text", "date", "timestamp", "duration", "bytes", "category", "id",
        "ratio", "points", "rate", "image", "null",
    )
)  # fmt: skip
MAX_NODES = 10_000

# form -> number of elements, the head included
_LENGTHS = {"lit": 3, "col": 3, "call": 4, "list": 2, "range": 3, "metric": 4, "quantity": 2, "extern": 4}


def is_expression(value: Any) -> bool:
    """Whether a value looks like one of the forms, as against a plain argument such as `["period", "month"]`."""
    return isinstance(value, list) and bool(value) and value[0] in _LENGTHS and len(value) == _LENGTHS[value[0]]


def children(expression: Expression) -> Iterator[Expression]:
    """The expressions right below one."""
    head = expression[0]
    if head == "call":
        yield from expression[2]
        yield from (value for value in expression[3].values() if is_expression(value))
    elif head == "list":
        yield from expression[1]
    elif head == "extern":
        yield from expression[2]
    elif head == "range":
        yield from (part for part in expression[1:] if is_expression(part))


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all below it, parents first, left to right; iterative."""
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(children(node))))


def columns_of(expression: Expression) -> list[str]:
    """The names of the columns that it reads, each once, in order of appearance."""
    return list(dict.fromkeys(node[1] for node in walk(expression) if node[0] == "col"))


def metrics_of(expression: Expression) -> list[Expression]:
    """The `["metric", …]` forms in it, in order of appearance."""
    return [node for node in walk(expression) if node[0] == "metric"]


def rewrite(expression: Expression, change: Callable[[Expression], Expression | None]) -> Expression:
    """A copy in which every node for which `change` gives another is replaced by it, parents first."""
    changed = change(expression)
    if changed is not None:
        return changed
    head = expression[0]
    if head == "call":
        named = {key: rewrite(value, change) if is_expression(value) else value for key, value in expression[3].items()}
        return ["call", expression[1], [rewrite(item, change) for item in expression[2]], named]
    if head == "list":
        return ["list", [rewrite(item, change) for item in expression[1]]]
    if head == "extern":
        return ["extern", expression[1], [rewrite(item, change) for item in expression[2]], expression[3]]
    if head == "range":
        return ["range", *(rewrite(item, change) if is_expression(item) else item for item in expression[1:])]
    return expression


def validate(expression: Any, where: str) -> None:
    """Raise GraphError unless every node has one of the forms; `where` is the place that the error names."""
    pending: list[tuple[Any, str]] = [(expression, where)]
    count = 0
    while pending:
        node, place = pending.pop()
        count += 1
        if count > MAX_NODES:
            raise GraphError("the expression is too large", where, expected=f"at most {MAX_NODES:,} nodes")
        _check_node(node, place)
        pending.extend((child, f"{place}[{index}]") for index, child in enumerate(children(node)))


def _check_node(node: Any, where: str) -> None:
    if not is_expression(node):
        raise GraphError("no expression", where, expected=" ".join(_LENGTHS), found=repr(node)[:80])
    head = node[0]
    if head in ("lit", "col", "extern"):
        name = node[3] if head == "extern" else node[2]
        if not isinstance(name, str) or name.removesuffix("?") not in TYPES:
            raise GraphError("no such type", where, expected=" ".join(sorted(TYPES)), found=repr(name)[:80])
    if head in ("col", "call", "metric", "quantity", "extern") and not isinstance(node[1], str):
        raise GraphError("a name is a string", where, expected="a string", found=repr(node[1])[:80])
    if (head in ("call", "extern") and not isinstance(node[2], list)) or (head == "list" and not isinstance(node[1], list)):
        raise GraphError("arguments are a list", where, expected="a list", found=repr(node)[:80])
    if head in ("call", "metric") and not isinstance(node[3], Mapping):
        raise GraphError("named arguments are an object", where, expected="an object", found=repr(node[3])[:80])
