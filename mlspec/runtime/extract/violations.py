"""What a column's values break: how to count it, how to find examples, and the error that names everything at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.extract.limits import MAX_CELL
from mlspec.runtime.extract.typed import engine_type
from mlspec.runtime.query import Sql, binary, both, call, cast, is_null, lift, name, negate, not_null, one_of

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that a value of one column can break: the condition over the columns `given<i>` and `value<i>`."""

    code: str
    place: int
    column: Mapping[str, Any]
    broken: Sql
    breaks: str
    expected: str
    help: str


def is_masked(column: Mapping[str, Any]) -> bool:
    """Whether values of the column never appear in a message or a report."""
    return any(str(tag).startswith("pii") or tag == "protected" for tag in column.get("tags", ()))


def rules(columns: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Every rule of every column, in the order of the columns."""
    return [rule for place, column in enumerate(columns) for rule in _rules_of(place, column)]


def _rules_of(place: int, column: Mapping[str, Any]) -> list[Rule]:
    value, given = name(f"value{place}"), name(f"given{place}")
    kind = str(column["type"]).removesuffix("?")
    label = f"decimal({column.get('precision')}, {column.get('scale')})" if kind == "decimal" else kind
    found = [
        Rule("MLS802", place, column, both(given, is_null(value)), f"are no {label}", f"{label}: {_SPELLING.get(kind, 'text')}",
             f"fix the data, or the declared type of `{column['name']}`")
    ]  # fmt: skip
    if not column.get("optional"):
        found.append(
            Rule("MLS804", place, column, negate(given), "are null", "a value in every row",
                 f"declare the column nullable: `{column['name']}: {kind}?`, or fix the data")
        )  # fmt: skip
    if engine_type(column) == "VARCHAR":
        found.append(
            Rule("MLS802", place, column, binary(">", call("strlen", value), MAX_CELL), f"are longer than {MAX_CELL:,} bytes",
                 f"at most {MAX_CELL:,} bytes", "shorten the values, or keep them in files of their own")
        )  # fmt: skip
    if column.get("range") is not None:
        found.append(_range_rule(place, column, value))
    if column.get("values") is not None:
        found.append(_category_rule(place, column, value))
    return found


_SPELLING = {
    "int": "a whole number of 64 bits", "bytes": "a whole number of bytes", "float": "a finite number", "ratio": "a finite number",
    "points": "a finite number", "rate": "a finite number", "duration": "a finite number of seconds",
    "decimal": "a number of no more digits than declared", "bool": "true or false", "date": "YYYY-MM-DD",
    "timestamp": "YYYY-MM-DDTHH:MM:SS, in UTC unless it names a zone",
}  # fmt: skip


def _range_rule(place: int, column: Mapping[str, Any], value: Sql) -> Rule:
    low, high = column["range"]
    kind = engine_type(column)
    outside = [binary("<", value, _bound(low, kind))] if low is not None else []
    if high is not None:
        outside.append(binary(">", value, _bound(high, kind)))
    broken = outside[0] if len(outside) == 1 else binary("or", *outside) if outside else lift(False)
    text = f"{'' if low is None else low}..{'' if high is None else high}"
    return Rule(
        "MLS805", place, column, both(not_null(value), broken), f"are outside {text}", text, "fix the data, or widen `@range`"
    )


def _bound(value: Any, kind: str) -> Sql:
    return cast(
        str(value) if not isinstance(value, float) else repr(value),
        "DOUBLE" if kind == "BIGINT" and isinstance(value, float) else kind,
    )


def _category_rule(place: int, column: Mapping[str, Any], value: Sql) -> Rule:
    values = [str(item) for item in column["values"]]
    listed = ", ".join(f'"{item}"' for item in values)
    broken = both(not_null(value), negate(one_of(value, values)))
    return Rule("MLS211", place, column, broken, "are no value of the category", listed,
                f"fix the data, or add the value to `{column['name']}: category(…)`")  # fmt: skip


def counted(items: Sequence[Rule]) -> dict[str, Sql]:
    """One count per rule, and the number of rows, to select in one scan."""
    return {"rows": call("count_star"), **{f"broken{place}": call("count_if", rule.broken) for place, rule in enumerate(items)}}


def error_of(rule: Rule, source: str, count: int, rows: int, examples: Sequence[str]) -> StageError:
    """The error of one broken rule."""
    column = str(rule.column["name"])
    return StageError(
        rule.code, f"{count:,} of {rows:,} values of `{source}.{column}` {rule.breaks}", f"{source}.{column}",
        expected=rule.expected, found=examples[0].split(": ", 1)[-1] if examples else f"{count:,} values", help=rule.help, examples=examples,
    )  # fmt: skip
