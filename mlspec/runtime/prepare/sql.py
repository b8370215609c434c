"""The batch evaluator: row expressions as one SQL query, built as a tree and rendered for an engine.

Operations are computed level by level, each level a common table expression over the one before, each value a column. So every
value is computed once however often it is used, and a check of it costs no copy of its expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlglot import exp

from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.forms import Secret, elaborate
from mlspec.runtime.prepare.redaction import PATTERNS, in_order, replacement
from mlspec.runtime.prepare.steps import Step, Steps, alive, uses
from mlspec.runtime.query import Sql, binary, both, call, case, cast, is_null, lift, name, negate, not_null, select

ROW = "__row"
OUT_OF_RANGE = "mlspec: out of range"
ENGINE_TYPES = {
    "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP",
    "vector": "DOUBLE[]", "null": "VARCHAR",
}  # fmt: skip
_FIRST_MICRO, _LAST_MICRO = -62135596800000000, 253402300799999999
_BLOCK = 64


def compile_query(
    forms: Mapping[str, Any],
    source: Any,
    where: str = "",
    secret: Callable[[str], str] | None = None,
    keep: Sequence[str] = (ROW,),
) -> exp.Select:
    """`SELECT keep…, value AS name, …` over the rows of `source`, in their order."""
    program = Steps(where)
    roots = {key: program.add(elaborate(form, where)) for key, form in forms.items()}
    return _Levels(program.steps, roots, secret, list(keep)).build(source)


def compile_condition(form: Any, where: str = "") -> tuple[list[Step], int]:
    """The steps of one expression and the number of its value; for callers that place the steps themselves."""
    program = Steps(where)
    root = program.add(elaborate(form, where))
    return program.steps, root


class _Levels:
    """The levels of one program, as common table expressions."""

    def __init__(
        self, steps: Sequence[Step], roots: Mapping[str, int], secret: Callable[[str], str] | None, keep: list[str]
    ) -> None:
        self.steps, self.roots, self.secret, self.keep = steps, roots, secret, keep
        self.last = uses(steps, roots)
        self.alive = alive(steps, roots)

    def build(self, source: Any) -> exp.Select:
        """The whole query."""
        query = select({**self._kept(), **self._at(0)}, source)
        depth = max((self.steps[number].level for number in self.alive), default=0)
        named = [("level0", query)]
        for level in range(1, depth + 1):
            named.append(
                (f"level{level}", select({**self._kept(), **self._carried(level), **self._at(level)}, f"level{level - 1}"))
            )
        outputs = {key: self._value(number) for key, number in self.roots.items()}
        result = select({**self._kept(), **outputs}, named[-1][0])
        for alias, common in named:
            table_expression = exp.CTE(
                this=common, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)), materialized=False
            )
            result = _add_common(result, table_expression)
        return result

    def _kept(self) -> dict[str, Any]:
        return {column: name(column) for column in self.keep}

    def _at(self, level: int) -> dict[str, Sql]:
        return {
            f"step{number}": self._operation(step)
            for number, step in enumerate(self.steps)
            if number in self.alive and step.level == level and step.name not in ("lit", "const")
        }

    def _carried(self, level: int) -> dict[str, Sql]:
        """Values of lower levels that this level, or one above it, still reads."""
        return {
            f"step{number}": name(f"step{number}")
            for number, step in enumerate(self.steps)
            if number in self.alive and step.level < level < self.last[number] and step.name not in ("lit", "const")
        }

    def _value(self, number: int) -> Sql:
        step = self.steps[number]
        return constant(step.data, step.kind) if step.name in ("lit", "const") else name(f"step{number}")

    def _operation(self, step: Step) -> Sql:
        if step.name == "hmac":
            return _hmac(self._value(step.args[0]), step.data, self.secret)
        return OPERATIONS[step.name](step, *(self._value(argument) for argument in step.args))


def _add_common(query: exp.Select, common: exp.CTE) -> exp.Select:
    key = "with_" if "with_" in exp.Select.arg_types else "with"
    if query.args.get(key) is None:
        query.set(key, exp.With(expressions=[]))
    query.args[key].append("expressions", common)
    return query


def constant(value: Any, kind: str) -> Sql:
    """A constant of a kind."""
    if value is None:
        return cast(None, ENGINE_TYPES[kind])
    if isinstance(value, datetime):
        return cast(value.replace(tzinfo=None).isoformat(sep=" "), "TIMESTAMP")
    if isinstance(value, date):
        return cast(value.isoformat(), "DATE")
    if isinstance(value, list):
        return exp.Array(expressions=[lift(item) for item in value])
    return lift(value) if not isinstance(value, str) else cast(value, "VARCHAR")


def _failing(kind: str) -> Sql:
    return cast(call("error", OUT_OF_RANGE), ENGINE_TYPES[kind])


def _null_when(condition: Sql, value: Sql) -> Sql:
    return case((condition, None), default=value)


def _infix(symbol: str) -> Callable[..., Sql]:
    return lambda step, left, right: binary(symbol, left, right)


def _named(function: str) -> Callable[..., Sql]:
    return lambda step, *arguments: call(function, *arguments)


def _calendar(function: str) -> Callable[..., Sql]:
    return lambda step, time: cast(call(function, time), "BIGINT")


def _strict_concat(step: Step, *texts: Sql) -> Sql:
    """`||` is null when an operand is; `concat` is not."""
    result = texts[0]
    for text in texts[1:]:
        result = exp.DPipe(this=exp.Paren(this=result), expression=exp.Paren(this=text))
    return result


def _hmac(text: Sql, key: Any, secret: Callable[[str], str] | None) -> Sql:
    """HMAC-SHA-256 by its definition, H(key ^ opad, H(key ^ ipad, text)); RFC 2104."""
    import hashlib

    if isinstance(key, Secret):
        if secret is None:
            raise StageError("MLS407", f"the secret `{key.name}` cannot be had here", expected="a way to the secret's value",
                             found="none", help="run where the secret's environment or vault is")  # fmt: skip
        key = secret(key.name)
    raw = key.encode()
    block = (hashlib.sha256(raw).digest() if len(raw) > _BLOCK else raw).ljust(_BLOCK, b"\0")
    inner, outer = (call("unhex", bytes(byte ^ pad for byte in block).hex()) for pad in (0x36, 0x5C))
    first = call("sha256", exp.DPipe(this=inner, expression=call("encode", text)))
    return call("sha256", exp.DPipe(this=outer, expression=call("unhex", first)))


def _redact(step: Step, text: Sql) -> Sql:
    for pattern in in_order(step.data):
        text = call("regexp_replace", text, PATTERNS[pattern], replacement(pattern), "g")
    return text


def _whole_number(step: Step, value: Sql) -> Sql:
    """Doubles in [-2^63, 2^63), the only ones that are 64-bit integers."""
    inside = both(binary(">=", value, -(2.0**63)), binary("<", value, 2.0**63))
    return case(
        (is_null(value), cast(None, "BIGINT")), (inside, cast(case((inside, value)), "BIGINT")), default=_failing("int")
    )


def _micros_between(step: Step, left: Sql, right: Sql) -> Sql:
    return binary("-", call("epoch_us", left), call("epoch_us", right))


def _add_micros(step: Step, time: Sql, micros: Sql) -> Sql:
    moved = binary("+", cast(call("epoch_us", time), "HUGEINT"), cast(micros, "HUGEINT"))
    inside = both(binary(">=", moved, _FIRST_MICRO), binary("<=", moved, _LAST_MICRO))
    shifted = call("make_timestamp", cast(case((inside, moved)), "BIGINT"))
    return case((is_null(moved), cast(None, "TIMESTAMP")), (inside, shifted), default=_failing("timestamp"))


OPERATIONS: dict[str, Callable[..., Sql]] = {
    "col": lambda step: name(step.data), "decimal_col": lambda step: cast(cast(name(step.data), "VARCHAR"), "DOUBLE"),
    "iadd": _infix("+"), "isub": _infix("-"), "imul": _infix("*"),
    "ineg": lambda step, value: binary("-", 0, value), "iabs": _named("abs"),
    "fadd": _infix("+"), "fsub": _infix("-"), "fmul": _infix("*"), "fscale": _infix("*"),
    "fdiv": lambda step, left, right: _null_when(binary("==", right, 0.0), binary("/", left, right)),
    "fneg": lambda step, value: exp.Neg(this=exp.Paren(this=value)), "fabs": _named("abs"),
    "finite": lambda step, value: case((is_null(value), None), (call("isfinite", value), value), default=_failing("float")),
    "to_float": lambda step, value: cast(value, "DOUBLE"), "to_int": _whole_number, "to_text": lambda step, value: cast(value, "VARCHAR"),
    "sqrt": lambda step, value: case((binary(">=", value, 0.0), call("sqrt", value))), "exp": _named("exp"),
    "ln": lambda step, value: case((binary(">", value, 0.0), call("ln", value))), "sin": _named("sin"), "cos": _named("cos"),
    "fround": _named("round"), "ffloor": _named("floor"), "fceil": _named("ceil"),
    "eq": _infix("=="), "ne": _infix("!="), "lt": _infix("<"), "le": _infix("<="), "gt": _infix(">"), "ge": _infix(">="),
    "and": _infix("and"), "or": _infix("or"), "not": lambda step, value: negate(value), "is_null": lambda step, value: is_null(value),
    "if": lambda step, condition, then, otherwise: case((condition, then), default=otherwise), "coalesce": _named("coalesce"),
    "lower": _named("lower"), "upper": _named("upper"), "length": _named("length"),
    "contains": lambda step, text: call("contains", text, step.data), "starts_with": lambda step, text: call("starts_with", text, step.data),
    "matches": lambda step, text: call("regexp_full_match", text, step.data.re2), "concat": _strict_concat,
    "year": _calendar("year"), "month": _calendar("month"), "hour": _calendar("hour"), "weekday": _calendar("isodow"),
    "midnight": lambda step, value: cast(value, "TIMESTAMP"), "day_of": lambda step, time: cast(time, "DATE"),
    "micros_between": _micros_between, "add_micros": _add_micros,
    "pair": lambda step, left, right: case((both(not_null(left), not_null(right)), exp.Array(expressions=[left, right]))),
    "redact": _redact,
}  # fmt: skip
"""Operation → its SQL, given the step and the SQL of its operands; `hmac` needs a secret besides and stands apart."""
