"""Operations in a line: each step reads earlier steps, equal steps are one, and what is constant is computed here.

Both evaluators run this list, so what is shared in an expression is computed once, and deep expressions need no deep calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.forms import Op

MAX_STEPS = 10_000

# Operations on doubles whose result may leave the finite numbers, which is an error and never a value.
MAY_OVERFLOW = frozenset(["fadd", "fsub", "fmul", "fdiv", "exp"])
_INPUTS = frozenset(["lit", "col", "decimal_col", "ambient", "const"])


@dataclass(frozen=True, slots=True)
class Step:
    """One operation; `args` are numbers of earlier steps, `level` its distance from the inputs."""

    name: str
    kind: str
    args: tuple[int, ...]
    data: Any
    level: int


class Steps:
    """The steps of one or more expressions, and where each expression's value is."""

    def __init__(self, where: str = "") -> None:
        self.where = where
        self.steps: list[Step] = []
        self._numbers: dict[Any, int] = {}
        self._seen: dict[int, tuple[Op, int]] = {}

    def add(self, operation: Op) -> int:
        """The number of the step that holds the value of `operation`."""
        known = self._seen.get(id(operation))
        if known is not None:
            return known[1]
        args = tuple(self.add(argument) for argument in operation.args)
        number = self._reduced(operation, args)
        if number is None:
            number = self._append(operation.name, operation.kind, args, operation.data)
            if operation.name in MAY_OVERFLOW:
                number = self._append("finite", "float", (number,), None)
        # The operation is kept beside its number: an id alone may be given to another object.
        self._seen[id(operation)] = (operation, number)
        return number

    def _append(self, name: str, kind: str, args: tuple[int, ...], data: Any) -> int:
        args, name, data = self._folded(name, kind, args, data)
        key = (name, kind, args, repr(data))
        if key not in self._numbers:
            if len(self.steps) >= MAX_STEPS:
                raise StageError("MLS006", "the expressions are too large", self.where, expected=f"at most {MAX_STEPS:,} operations",
                                 found="more", help="split the features block")  # fmt: skip
            level = 0 if name in _INPUTS else 1 + max((self.steps[item].level for item in args), default=0)
            self._numbers[key] = len(self.steps)
            self.steps.append(Step(name, kind, args, data, level))
        return self._numbers[key]

    def _folded(self, name: str, kind: str, args: tuple[int, ...], data: Any) -> tuple[tuple[int, ...], str, Any]:
        """An operation on constants alone as the constant that it gives; an error stays for the row to raise."""
        from mlspec.runtime.prepare import online

        if name in _INPUTS or name == "hmac" or not all(self._is_constant(item) for item in args):
            return args, name, data
        try:
            value = online.OPERATIONS[name](data)(*(self.steps[item].data for item in args))
        except StageError:
            return args, name, data
        return (), "lit", value

    def _is_constant(self, number: int) -> bool:
        return self.steps[number].name == "lit"

    def _reduced(self, operation: Op, args: Sequence[int]) -> int | None:
        """What a constant operand decides: then the other operand is no part of the value, in either evaluator."""
        constants = [self.steps[item] if self._is_constant(item) else None for item in args]
        if operation.name == "if" and constants[0] is not None:
            return args[1] if constants[0].data else args[2]
        if operation.name == "coalesce" and constants[0] is not None:
            return args[1] if constants[0].data is None else args[0]
        if operation.name in ("and", "or"):
            decides = operation.name == "or"
            for item, constant in zip(args, constants, strict=True):
                if constant is not None and constant.data is decides:
                    return item
        return None


def columns_read(steps: Sequence[Step]) -> list[str]:
    """The columns that the steps read, each once."""
    return list(dict.fromkeys(step.data for step in steps if step.name in ("col", "decimal_col")))


def alive(steps: Sequence[Step], roots: Mapping[str, int]) -> set[int]:
    """The steps that a root needs; what a constant condition has cut off is computed by neither evaluator."""
    found: set[int] = set()
    pending = list(roots.values())
    while pending:
        number = pending.pop()
        if number not in found:
            found.add(number)
            pending.extend(steps[number].args)
    return found


def uses(steps: Sequence[Step], roots: Mapping[str, int]) -> list[int]:
    """For each step the highest level that reads it; a root is read behind all levels."""
    last = [0] * len(steps)
    for step in steps:
        for argument in step.args:
            last[argument] = max(last[argument], step.level)
    end = 1 + max((step.level for step in steps), default=0)
    for number in roots.values():
        last[number] = end
    return last
