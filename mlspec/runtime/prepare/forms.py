"""The typed form of a row expression, broken down to operations that both evaluators have.

A form such as `["call", "clip", [x, range], {}]` becomes a graph of a few dozen primitive operations with every conversion
written out, once, here; `sql.py` renders each operation for an engine and `online.py` runs it in Python. So the two can only
differ in a primitive, and each primitive is small enough to test against the other.

Rules of the operations: null in, null out, except where said; every part of an expression is evaluated, so a number that leaves
its type's range is an error (MLS805) in both even inside a branch not taken; a division by zero, and a function outside its
domain, is null; decimals are read as the double nearest to their text; a point in time is UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from mlspec.runtime.errors import StageError

# What a value is, once units and names no longer matter.
KINDS = ("int", "float", "bool", "string", "date", "timestamp", "vector", "null")
_KIND_OF = {
    "int": "int", "bytes": "int", "float": "float", "ratio": "float", "points": "float", "rate": "float", "duration": "float",
    "decimal": "float", "bool": "bool", "date": "date", "timestamp": "timestamp", "string": "string", "text": "string",
    "category": "string", "id": "string", "null": "null",
}  # fmt: skip
MAX_DEPTH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """One operation: its name, the kind of its result, its operands, and what is constant about it. Compared by identity."""

    name: str
    kind: str
    args: tuple[Op, ...] = ()
    data: Any = None


def kind_of(type_name: str) -> str:
    """The kind of a declared type name."""
    return _KIND_OF[type_name.removesuffix("?")]


def elaborate(form: Any, where: str = "") -> Op:
    """The operations of a typed form; StageError MLS901 for a call that no row evaluator has."""
    return _Elaboration(where).visit(form, 0)


def literal(value: Any, kind: str) -> Op:
    """A constant; text stands for dates and times."""
    return Op("lit", kind, (), None if value is None else _CONSTANT.get(kind, _same)(value))


def _same(value: Any) -> Any:
    return value


def utc(value: Any) -> datetime:
    """A point in time in UTC, from ISO text or a datetime; without a zone it is UTC already."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def day(value: Any) -> date:
    """A date, from ISO text or a date."""
    return date.fromisoformat(value) if isinstance(value, str) else value


_CONSTANT: dict[str, Callable[[Any], Any]] = {"float": float, "date": day, "timestamp": utc}


class _Elaboration:
    """One walk over one form; `where` is the place that an error names."""

    def __init__(self, where: str) -> None:
        self.where = where

    def visit(self, form: Any, depth: int) -> Op:
        """The operation of one node."""
        if depth > MAX_DEPTH:
            raise StageError("MLS006", "the expression is nested too deep", self.where, expected=f"at most {MAX_DEPTH} levels",
                             found="more", help="split it into several features")  # fmt: skip
        head = form[0]
        if head == "lit":
            return literal(form[1], kind_of(form[2]))
        if head == "col":
            kind = kind_of(form[2])
            return Op("decimal_col" if form[2].removesuffix("?") == "decimal" else "col", kind, (), form[1])
        if head == "ambient":
            return Op("ambient", kind_of(form[2]), (), form[1])
        if head == "call":
            return self.visit_call(form, depth)
        raise self.unbuilt(str(head))

    def visit_call(self, form: Any, depth: int) -> Op:
        """The operation of a call, by the table of functions."""
        from mlspec.runtime.prepare.functions import FUNCTIONS

        name = form[1]
        if name not in FUNCTIONS:
            raise self.unbuilt(name)
        arguments = bind(name, form[2], form[3])
        operands = [
            self.visit(item, depth + 1) if is_row(item) else Op("const", "null", (), constant(item)) for item in arguments
        ]
        return FUNCTIONS[name](self.where, *operands)

    def unbuilt(self, name: str) -> StageError:
        """The error of something that has no row evaluator."""
        return StageError(
            "MLS901", f"`{name}` has no row evaluator yet", self.where, expected="a row function of the catalogue", found=name,
            help="`mlspec show --full` lists what is built; compute the value in the source's query",
        )  # fmt: skip


def is_row(item: Any) -> bool:
    """Whether an argument has a value per row, as against a plain constant, a list, a range or a secret."""
    return isinstance(item, list) and bool(item) and item[0] in ("lit", "col", "call", "ambient")


def constant(item: Any) -> Any:
    """A constant argument as Python: a list of values, a (low, high) range, a secret's name, or the value itself."""
    if isinstance(item, list) and item:
        if item[0] == "lit":
            return item[1]
        if item[0] == "list":
            return [constant(entry) for entry in item[1]]
        if item[0] == "range":
            return (_end(item[1]), _end(item[2]))
        if item[0] == "secret":
            return Secret(item[1])
    return item


def _end(item: Any) -> Any:
    return (
        item if item is None or not is_row(item) else Op("lit", kind_of(item[2]), (), literal(item[1], kind_of(item[2])).data)
    )


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by name, resolved by whoever runs."""

    name: str


def bind(name: str, positional: list[Any], named: Mapping[str, Any]) -> list[Any]:
    """The arguments in the order of the function's parameters, named ones and defaults put in their places."""
    parameters = _parameters(name)
    if parameters is None:
        return [*positional, *named.values()]
    bound = list(positional)
    for parameter, default in parameters[len(positional) :]:
        if parameter.startswith("*"):
            break
        bound.append(named.get(parameter, default))
    return bound


def _parameters(name: str) -> list[tuple[str, Any]] | None:
    from mlspec.catalogue.functions import functions

    for function in functions(name):
        if function.level == "row":
            return [(parameter[0], None if parameter[2] is ... else parameter[2]) for parameter in function.parameters]
    return None
