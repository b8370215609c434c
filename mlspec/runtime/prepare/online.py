"""The online evaluator: a row expression as a Python function of one record. No numpy, pandas or DuckDB.

    compile_row(["call", "log1p", [["col", "gain", "int"]], {}])({"gain": 10})

Numbers are Python's int and float, which are the same doubles and, inside their range, the same whole numbers as DuckDB's.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.forms import Secret, day, elaborate, utc
from mlspec.runtime.prepare.redaction import redact
from mlspec.runtime.prepare.steps import Steps, alive

Record = Mapping[str, Any]
RowFunction = Callable[[Record], Any]
Resolve = Callable[[str], str]

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def compile_row(form: Any, where: str = "", secret: Resolve | None = None) -> RowFunction:
    """The function of a record that a row expression is; columns that a record lacks are null.

    `secret` gives the value of a secret by name. The function raises StageError MLS805 where a number leaves its range.
    """
    compiled = compile_rows({"value": form}, where, secret)
    return lambda record: compiled(record)["value"]


compile_expression = compile_row


def compile_rows(
    forms: Mapping[str, Any], where: str = "", secret: Resolve | None = None
) -> Callable[[Record], dict[str, Any]]:
    """Several expressions as one function; what they share is computed once."""
    program = Steps(where)
    roots = {name: program.add(elaborate(form, where)) for name, form in forms.items()}
    start: list[Any] = [None] * len(program.steps)
    instructions: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
    inputs: list[tuple[int, str, Callable[[Any], Any]]] = []
    for number in sorted(alive(program.steps, roots)):
        step = program.steps[number]
        if step.name in ("lit", "const"):
            start[number] = step.data
        elif step.name in ("col", "decimal_col", "ambient"):
            inputs.append((number, step.data, _INPUT.get(step.kind, _unchanged)))
        else:
            instructions.append((number, OPERATIONS[step.name](_resolved(step.data, secret, where)), step.args))

    def evaluate(record: Record) -> dict[str, Any]:
        values = start.copy()
        for number, name, convert in inputs:
            given = record.get(name)
            values[number] = None if given is None else convert(given)
        try:
            for number, operation, arguments in instructions:
                values[number] = operation(*[values[argument] for argument in arguments])
        except StageError as error:
            error.where = error.where or where
            raise
        return {name: values[number] for name, number in roots.items()}

    return evaluate


def _resolved(data: Any, secret: Resolve | None, where: str) -> Any:
    if not isinstance(data, Secret):
        return data
    if secret is None:
        raise StageError("MLS407", f"the secret `{data.name}` cannot be had here", where, expected="a way to the secret's value",
                         found="none", help="run where the secret's environment or vault is")  # fmt: skip
    return secret(data.name)


def _unchanged(value: Any) -> Any:
    return value


_INPUT: dict[str, Callable[[Any], Any]] = {"float": float, "date": day, "timestamp": utc}


def out_of_range(kind: str) -> StageError:
    """The error of a number that left its type's range."""
    limits = "-2^63 to 2^63 - 1" if kind == "int" else "a finite double" if kind == "float" else "the years 1 to 9999"
    return StageError("MLS805", f"a computed {kind} is out of range", expected=limits, found="a value beyond",
                      help="clip the inputs, or compute with floats: `1.0 * x`")  # fmt: skip


def _whole(value: int) -> int:
    if not _LOWEST <= value <= _HIGHEST:
        raise out_of_range("int")
    return value


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise out_of_range("float")
    return value


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _divide(left: float, right: float) -> float | None:
    return None if right == 0 else left / right


def _half_away(value: float) -> float:
    """The nearest whole number, halves away from zero, with the sign of `value` kept on a zero."""
    size = math.fabs(value)
    floor = math.floor(size) if size < 2**53 else size
    return math.copysign(floor + (size - floor >= 0.5), value)


def _to_int(value: float) -> int:
    return _whole(int(value))


def _add_micros(time: datetime, micros: int) -> datetime:
    try:
        return time + timedelta(microseconds=micros)
    except OverflowError as error:
        raise out_of_range("timestamp") from error


_ODD_LOWER = {"İ": "i"}
_ODD_UPPER = {"ß": "ẞ"}


def _simple(convert: Callable[[str], str], odd: Mapping[str, str]) -> Callable[[str], str]:
    """Unicode's simple case mapping: one character for one, so that every engine agrees."""

    def character(one: str) -> str:
        if one in odd:
            return odd[one]
        mapped = convert(one)
        if len(mapped) == 1:
            return mapped
        titled = one.title()
        return titled if convert is str.upper and len(titled) == 1 else one

    def text(value: str) -> str:
        return convert(value) if value.isascii() else "".join(character(one) for one in value)

    return text


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    if left or right:
        return True
    return None if left is None or right is None else False


def _hmac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _strict(operation: Callable[..., Any]) -> Callable[[Any], Callable[..., Any]]:
    """Null in, null out."""

    def run(*arguments: Any) -> Any:
        for argument in arguments:
            if argument is None:
                return None
        return operation(*arguments)

    return lambda data: run


def _plain(operation: Callable[..., Any]) -> Callable[[Any], Callable[..., Any]]:
    """An operation that takes nulls itself."""
    return lambda data: operation


def _with_data(operation: Callable[[Any, Any], Any]) -> Callable[[Any], Callable[..., Any]]:
    """An operation of a constant and one value."""
    return lambda data: lambda value: None if value is None else operation(data, value)


OPERATIONS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "iadd": _strict(lambda a, b: _whole(a + b)), "isub": _strict(lambda a, b: _whole(a - b)), "imul": _strict(lambda a, b: _whole(a * b)),
    "ineg": _strict(lambda a: _whole(-a)), "iabs": _strict(lambda a: _whole(abs(a))),
    "fadd": _strict(lambda a, b: a + b), "fsub": _strict(lambda a, b: a - b), "fmul": _strict(lambda a, b: a * b),
    "fscale": _strict(lambda a, b: a * b), "fdiv": _strict(_divide), "fneg": _strict(lambda a: -a), "fabs": _strict(math.fabs),
    "finite": _plain(_finite), "to_float": _strict(float), "to_int": _strict(_to_int), "to_text": _strict(_to_text),
    "sqrt": _strict(lambda a: None if a < 0 else math.sqrt(a)), "exp": _strict(_exp),
    "ln": _strict(lambda a: None if a <= 0 else math.log(a)), "sin": _strict(math.sin), "cos": _strict(math.cos),
    "fround": _strict(_half_away), "ffloor": _strict(math.floor), "fceil": _strict(math.ceil),
    "eq": _strict(lambda a, b: a == b), "ne": _strict(lambda a, b: a != b), "lt": _strict(lambda a, b: a < b),
    "le": _strict(lambda a, b: a <= b), "gt": _strict(lambda a, b: a > b), "ge": _strict(lambda a, b: a >= b),
    "and": _plain(_and), "or": _plain(_or), "not": _strict(lambda a: not a), "is_null": _plain(lambda a: a is None),
    "if": _plain(lambda condition, then, otherwise: then if condition else otherwise),
    "coalesce": _plain(lambda a, b: b if a is None else a),
    "lower": _strict(_simple(str.lower, _ODD_LOWER)), "upper": _strict(_simple(str.upper, _ODD_UPPER)), "length": _strict(len),
    "contains": _with_data(lambda part, text: part in text), "starts_with": _with_data(lambda part, text: text.startswith(part)),
    "matches": _with_data(lambda pattern, text: pattern.matches(text)), "concat": _strict(lambda *texts: "".join(texts)),
    "year": _strict(lambda time: time.year), "month": _strict(lambda time: time.month), "hour": _strict(lambda time: time.hour),
    "weekday": _strict(lambda time: time.isoweekday()),
    "midnight": _strict(lambda value: datetime(value.year, value.month, value.day, tzinfo=UTC)), "day_of": _strict(lambda time: time.date()),
    "micros_between": _strict(lambda a, b: (a - b) // _MICROSECOND), "add_micros": _strict(_add_micros),
    "pair": _strict(lambda a, b: [a, b]), "hmac": _with_data(_hmac), "redact": _with_data(lambda names, text: redact(text, names)),
}  # fmt: skip
"""Operation → its Python function, given what is constant about it."""


def columns_of(forms: Sequence[Any]) -> list[str]:
    """The columns that expressions read, each once, in order."""
    from mlspec.runtime.prepare.steps import columns_read

    program = Steps()
    for form in forms:
        program.add(elaborate(form))
    return columns_read(program.steps)
