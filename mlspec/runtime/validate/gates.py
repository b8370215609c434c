"""One gate: a Boolean over stored numbers, decided so that whatever is not known fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.wording import text_of

COMPARE = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def finite(value: Any) -> float | None:
    """A number that can be compared; None for null, NaN, an infinity, a Boolean or a text."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


class Undecided(Exception):
    """A gate cannot be decided; the message says why."""


@dataclass(frozen=True)
class Numbers:
    """The stored numbers: entries of metrics.json and of measurements.json by id."""

    metrics: Mapping[str, Mapping[str, Any]]
    measurements: Mapping[str, Mapping[str, Any]]

    def entry(self, identity: str) -> Mapping[str, Any]:
        """The entry of a quantity from either file."""
        found = self.metrics.get(identity) or self.measurements.get(identity)
        if found is None:
            raise Undecided(f"the number `{identity}` was never computed")
        return found

    def absent(self, identity: str) -> str | None:
        """What is to be done where the quantity has no value because a model does not exist: `skip`, `fail`, None where it does."""
        found = self.metrics.get(identity) or self.measurements.get(identity) or {}
        return found.get("absent")

    def value(self, identity: str) -> float:
        """The number itself; NaN, infinity, null and a problem are none."""
        entry = self.entry(identity)
        if entry.get("problem"):
            raise Undecided(str(entry["problem"]))
        value = finite(entry.get("value"))
        if value is None:
            raise Undecided(f"`{entry.get('text', identity)}` has no value")
        return value

    def texts(self) -> dict[str, str]:
        """The wording of every number."""
        return {key: str(entry.get("text", key)) for key, entry in {**self.metrics, **self.measurements}.items()}


def quantities_in(expression: Any) -> Iterator[str]:
    """The ids of the numbers that an expression reads."""
    if expression[0] == "quantity":
        yield expression[1]
    parts = {"call": lambda: expression[2], "list": lambda: expression[1], "range": lambda: expression[1:]}
    for part in parts.get(expression[0], tuple)():
        if isinstance(part, list):
            yield from quantities_in(part)


def decide(expression: Any, numbers: Numbers) -> bool:
    """The Boolean value. Everything is evaluated, so that an unknown number fails a gate even beside `or true`."""
    if expression[0] == "lit" and isinstance(expression[1], bool):
        return expression[1]
    if expression[0] != "call":
        raise Undecided(f"`{text_of(expression)}` is neither true nor false")
    name, given = expression[1], expression[2]
    if name in ("and", "or"):
        values = [decide(part, numbers) for part in given]
        return all(values) if name == "and" else any(values)
    if name == "not":
        return not decide(given[0], numbers)
    if name in COMPARE:
        return bool(COMPARE[name](number(given[0], numbers), number(given[1], numbers)))
    if name == "in":
        return _inside(number(given[0], numbers), given[1], numbers)
    raise Undecided(f"`{name}` is no condition of a gate")


def _inside(value: float, where: Any, numbers: Numbers) -> bool:
    if where[0] == "range":
        low, high = (number(end, numbers) if isinstance(end, list) else float(end) for end in where[1:])
        return low <= value <= high
    return any(value == number(item, numbers) for item in where[1])


def number(expression: Any, numbers: Numbers) -> float:
    """The value of an arithmetic expression over stored numbers."""
    head = expression[0]
    if head == "quantity":
        return numbers.value(expression[1])
    if head == "lit" and (constant := finite(expression[1])) is not None:
        return constant
    if head != "call":
        raise Undecided(f"`{text_of(expression)}` is no number")
    value = _arithmetic(expression[1], [number(part, numbers) for part in expression[2]])
    if not math.isfinite(value):
        raise Undecided(f"`{text_of(expression, numbers.texts())}` is no number")
    return value


def _arithmetic(name: str, values: list[float]) -> float:
    if name == "/" and values[1] == 0:
        raise Undecided("a division by 0")
    functions: dict[str, Callable[..., float]] = {
        "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
        "neg": lambda a: -a, "abs": math.fabs, "min": lambda *all_: min(all_), "max": lambda *all_: max(all_),
    }  # fmt: skip
    if name not in functions:
        raise Undecided(f"`{name}` is no function of numbers in a gate")
    return float(functions[name](*values))


def comparison(expression: Any) -> tuple[Any, str, Any] | None:
    """(what is compared, operator, constant) of a gate that is one comparison with a constant, turned that way round."""
    if expression[0] != "call" or expression[1] not in COMPARE:
        return None
    left, right = expression[2]
    if not list(quantities_in(right)):
        return left, expression[1], right
    if not list(quantities_in(left)):
        return right, FLIPPED[expression[1]], left
    return None
