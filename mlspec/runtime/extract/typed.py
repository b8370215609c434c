"""From what a file holds to the declared type: one SQL expression per column, null where a value does not fit.

Nothing is guessed or rounded. Text must spell the type in full, a number must be the same number afterwards, and NaN and
the infinities are no numbers. A timestamp without a zone is UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlspec.runtime.query import Sql, binary, both, call, case, cast, negate, not_null, one_of, try_cast

INTEGERS = frozenset(
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"]
)
FLOATS = frozenset(["FLOAT", "DOUBLE"])
JSON_FIELD = "JSON FIELD"
"""What the reader of JSON lines gives: JSON that the engine has written out itself, so that its text says what it is."""
TEXTS = frozenset(["VARCHAR", "ENUM", "UUID"])
TEXT_TYPES = frozenset(["string", "text", "category", "id"])
FLOAT_TYPES = frozenset(["float", "ratio", "points", "rate", "duration"])

_INTEGER = "[+-]?[0-9]+"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = "(Z|[+-][0-9]{2}(:?[0-9]{2})?)?"
_LARGEST_EXACT = 2**53

Rule = Callable[[Sql, Mapping[str, Any]], Sql]


def engine_type(column: Mapping[str, Any]) -> str:
    """The DuckDB type of a declared column."""
    kind = str(column["type"]).removesuffix("?")
    if kind == "decimal":
        return f"DECIMAL({int(column.get('precision') or 18)}, {int(column.get('scale') or 0)})"
    if kind in TEXT_TYPES:
        return "VARCHAR"
    if kind in FLOAT_TYPES:
        return "DOUBLE"
    return {"int": "BIGINT", "bytes": "BIGINT", "bool": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP"}[kind]


def typed(column: Mapping[str, Any], raw: Sql, found: str) -> Sql:
    """The column's value from `raw`, which the file gives as engine type `found`; null where it does not fit."""
    family = _family(found)
    kind = _kind(str(column["type"]).removesuffix("?"))
    rule = _RULES.get((family, kind))
    value = cast(None, engine_type(column)) if rule is None else rule(raw, column)
    return _of_calendar(value, kind) if kind in ("date", "timestamp") else value


def _of_calendar(value: Sql, kind: str) -> Sql:
    """Years 1 to 9999, the ones that every reader of the table can name."""
    after = binary(">=", value, cast("0001-01-01", kind.upper()))
    return case((both(after, binary("<", value, cast("10000-01-01", kind.upper()))), value))


def _kind(declared: str) -> str:
    if declared in TEXT_TYPES:
        return "text"
    if declared in FLOAT_TYPES:
        return "float"
    return "int" if declared == "bytes" else declared


def _family(found: str) -> str:
    base = found.split("(", maxsplit=1)[0].strip().upper()
    if base in INTEGERS:
        return "int"
    if base in FLOATS:
        return "float"
    if base in TEXTS:
        return "text"
    names = {
        "DECIMAL": "decimal", "BOOLEAN": "bool", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP_S": "timestamp",
        "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "nanoseconds", "TIMESTAMP WITH TIME ZONE": "instant",
        "TIMESTAMP WITH TIME ZONE_NS": "instant", "JSON": "json",
        JSON_FIELD: "field",
    }  # fmt: skip
    return names.get(base, "other") if "[" not in found else "other"


def _when(condition: Sql, value: Sql) -> Sql:
    return case((condition, value))


def _spelled(raw: Sql, pattern: str) -> Sql:
    return call("regexp_full_match", raw, pattern)


def _utc(instant: Sql) -> Sql:
    return call("timezone", "UTC", instant)


def _finite(value: Sql) -> Sql:
    return _when(call("isfinite", value), value)


def _text_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    value = cast(raw, "VARCHAR")
    return _when(negate(call("contains", value, call("chr", cast(0, "INTEGER")))), value)


def _plainly(raw: Sql, kind: str, otherwise: Sql) -> Sql:
    """The value of a text that the engine spells in the very same way, which no pattern need be tried on; else `otherwise`.

    The engine's own spelling of a number or a date is one that our patterns allow; NaN, infinities and years out of the
    calendar, which it spells too, are refused behind this for any text.
    """
    value = try_cast(raw, kind)
    return case((binary("==", cast(value, "VARCHAR"), raw), value.copy()), default=otherwise)


def _int_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _plainly(raw, "BIGINT", _when(_spelled(raw, _INTEGER), try_cast(raw, "BIGINT")))


def _float_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _finite(_plainly(raw, "DOUBLE", _when(_spelled(raw, _NUMBER), try_cast(raw, "DOUBLE"))))


def _decimal_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    scale = int(column.get("scale") or 0)
    pattern = rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?|\.[0-9]{{1,{scale}}}0*)" if scale else r"[+-]?[0-9]+(\.0*)?"
    return _when(_spelled(raw, pattern), try_cast(raw, engine_type(column)))


def _bool_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return case((one_of(call("lower", raw), ["true"]), True), (one_of(call("lower", raw), ["false"]), False))


def _date_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _plainly(raw, "DATE", _when(_spelled(raw, _DATE), try_cast(raw, "DATE")))


def _timestamp_from_text(raw: Sql, column: Mapping[str, Any]) -> Sql:
    zoned = _when(_spelled(raw, f"{_DATE}([T ]{_TIME}{_ZONE})?"), _utc(try_cast(raw, "TIMESTAMPTZ")))
    return _plainly(call("replace", raw, "T", " "), "TIMESTAMP", zoned)


def _exact(kind: str) -> Rule:
    """A cast that must give the same number back."""

    def rule(raw: Sql, column: Mapping[str, Any]) -> Sql:
        return try_cast(raw, kind)

    return rule


def _float_from_int(raw: Sql, column: Mapping[str, Any]) -> Sql:
    small = both(binary("<=", raw, _LARGEST_EXACT), binary(">=", raw, -_LARGEST_EXACT))
    return _when(small, cast(raw, "DOUBLE"))


def _int_from_float(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _when(both(call("isfinite", raw), binary("==", call("floor", raw), raw)), try_cast(raw, "BIGINT"))


def _float_from_float(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _finite(cast(raw, "DOUBLE"))


def _same_decimal(raw: Sql, column: Mapping[str, Any]) -> Sql:
    value = try_cast(raw, engine_type(column))
    return _when(binary("==", value, raw), value)


def _int_from_decimal(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _when(binary("==", call("floor", raw), raw), try_cast(raw, "BIGINT"))


def _float_from_decimal(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return cast(raw, "DOUBLE")


def _decimal_from_float(raw: Sql, column: Mapping[str, Any]) -> Sql:
    value = try_cast(raw, engine_type(column))
    return _when(both(call("isfinite", raw), binary("==", cast(value, "DOUBLE"), cast(raw, "DOUBLE"))), value)


def _plain(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return cast(raw, engine_type(column))


def _midnight(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _when(binary("==", call("date_trunc", "day", raw), raw), cast(raw, "DATE"))


def _finite_time(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _when(call("isfinite", raw), cast(raw, "TIMESTAMP"))


def _finite_date(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _when(call("isfinite", raw), cast(raw, "DATE"))


def _instant(raw: Sql, column: Mapping[str, Any]) -> Sql:
    return _when(call("isfinite", raw), _utc(cast(raw, "TIMESTAMPTZ")))


def _whole_micros(raw: Sql, column: Mapping[str, Any]) -> Sql:
    whole = binary("==", call("mod", call("epoch_ns", raw), 1000), 0)
    return _when(both(call("isfinite", cast(raw, "TIMESTAMP")), whole), cast(raw, "TIMESTAMP"))


_JSON_TYPES = {
    "int": ("BIGINT", "UBIGINT"),
    "float": ("BIGINT", "UBIGINT", "DOUBLE"),
    "decimal": ("BIGINT", "UBIGINT", "DOUBLE", "VARCHAR"),
    "bool": ("BOOLEAN",),
}


def _from_json(kind: str) -> Rule:
    """A JSON value by its text, when it is of a JSON type that can hold the declared one."""

    def rule(raw: Sql, column: Mapping[str, Any]) -> Sql:
        allowed = one_of(call("json_type", raw), _JSON_TYPES.get(kind, ("VARCHAR",)))
        value = _RULES["text", kind](call("json_extract_string", raw, "$"), column)
        return _when(allowed, value)

    return rule


def _from_field(kind: str) -> Rule:
    """A field of a JSON line by its text, which the reader writes out in one way: a string in quotes, anything else without."""

    def rule(raw: Sql, column: Mapping[str, Any]) -> Sql:
        written = cast(raw, "VARCHAR")
        text = written if kind in _UNQUOTED else _unquoted(raw, written, written.copy() if kind == "decimal" else None)
        return _RULES["text", kind](text, column)

    return rule


_UNQUOTED = frozenset(["int", "float", "bool"])


def _unquoted(raw: Sql, written: Sql, otherwise: Any) -> Sql:
    """What stands between the quotes of a JSON string; only where something in it is escaped need it be parsed."""
    inside = call("left", call("right", written, -1), -1)
    quoted, escaped = call("starts_with", written, '"'), call("contains", written, "\\")
    return case(
        (both(quoted, negate(escaped)), inside), (quoted.copy(), call("json_extract_string", raw, "$")), default=otherwise
    )


_RULES: dict[tuple[str, str], Rule] = {
    ("text", "text"): _text_from_text, ("text", "int"): _int_from_text, ("text", "float"): _float_from_text,
    ("text", "decimal"): _decimal_from_text, ("text", "bool"): _bool_from_text, ("text", "date"): _date_from_text,
    ("text", "timestamp"): _timestamp_from_text,
    ("int", "text"): lambda raw, column: cast(raw, "VARCHAR"), ("int", "int"): _exact("BIGINT"), ("int", "float"): _float_from_int,
    ("int", "decimal"): _same_decimal,
    ("float", "int"): _int_from_float, ("float", "float"): _float_from_float, ("float", "decimal"): _decimal_from_float,
    ("decimal", "int"): _int_from_decimal, ("decimal", "float"): _float_from_decimal, ("decimal", "decimal"): _same_decimal,
    ("bool", "bool"): _plain, ("date", "date"): _finite_date, ("date", "timestamp"): _finite_time,
    ("timestamp", "timestamp"): _finite_time, ("timestamp", "date"): _midnight,
    ("nanoseconds", "timestamp"): _whole_micros,
    ("instant", "timestamp"): _instant,
}  # fmt: skip
for _declared in ("text", "int", "float", "decimal", "bool", "date", "timestamp"):
    _RULES["json", _declared] = _from_json(_declared)
    _RULES["field", _declared] = _from_field(_declared)


def shown(raw: Sql, found: str) -> Sql:
    """The raw value as text, for an example."""
    if _family(found) in ("json", "field"):
        return cast(raw, "VARCHAR")
    return try_cast(raw, "VARCHAR")


def present(raw: Sql, found: str) -> Sql:
    """Whether the file gives a value at all: a JSON null is none."""
    match _family(found):
        case "json":
            return both(not_null(raw), binary("!=", call("json_type", raw), "NULL"))
        case "field":
            return both(not_null(raw), binary("!=", cast(raw, "VARCHAR"), "null"))
    return not_null(raw)
