"""The batch and the online evaluator give the same bits, for every function, on values chosen to be unpleasant."""

from __future__ import annotations

import json
import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlspec.catalogue.functions import function_names, functions
from mlspec.runtime import query
from mlspec.runtime.errors import StageError
from mlspec.runtime.prepare.functions import FUNCTIONS
from mlspec.runtime.prepare.online import OPERATIONS as ONLINE
from mlspec.runtime.prepare.online import compile_row
from mlspec.runtime.prepare.sql import OPERATIONS as BATCH
from mlspec.runtime.prepare.sql import compile_query

INTS = [0, 1, -1, 2, 3, 7, -8, 10, 59, 1_000_003, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), None]
FLOATS = [
    0.0, -0.0, 0.5, -0.5, 1.0, 1.5, 2.5, -2.5, 0.1, 0.285, 1.005, 3.14159, 1e-300, 1e300, 1e308, 5e-324, 4503599627370495.5, 2.0**53,
    9.223372036854775e18, 9.223372036854776e18, 0.49999999999999994, 1e-17, -0.9999999999999999, None,
]  # fmt: skip
STRINGS = [
    "",
    "a",
    "Abc",
    "Straße",
    "ΑΣ ας",
    "İ",
    "é",
    "e\u0301",
    "😀x",
    "ǅ",
    "ᾳ",
    "a.b+c@mail.example",
    "+49 170 1234567",
    "x\ny",
    "a'b\\",
    None,
]
DAYS = [date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31), date(1969, 12, 31), date(2026, 1, 4), None]
TIMES = [
    datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), datetime(1969, 12, 31, 23, 0, 0, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2026, 1, 4, 12, tzinfo=UTC), None,
]  # fmt: skip
COLUMNS = {
    "i": ("int?", INTS, pa.int64()), "j": ("int?", INTS, pa.int64()), "x": ("float?", FLOATS, pa.float64()), "y": ("float?", FLOATS, pa.float64()),
    "s": ("string?", STRINGS, pa.string()), "t": ("category?", STRINGS, pa.string()), "b": ("bool?", [True, False, None], pa.bool_()),
    "d": ("date?", DAYS, pa.date32()), "e": ("date?", DAYS, pa.date32()), "u": ("timestamp?", TIMES, pa.timestamp("us")),
    "v": ("timestamp?", TIMES, pa.timestamp("us")),
}  # fmt: skip
ROWS = 240


def table() -> tuple[pa.Table, list[dict[str, Any]]]:
    """Rows that meet every pair of values of columns of a kind, by strides that share no factor with the lengths."""
    data = {
        name: [values[(row * stride + row // len(values)) % len(values)] for row in range(ROWS)]
        for stride, (name, (_, values, _)) in zip((1, 5, 1, 7, 1, 3, 1, 1, 2, 1, 5), COLUMNS.items(), strict=True)
    }
    arrays = {"__row": pa.array(range(ROWS), pa.int64())}
    for name, (_, _, kind) in COLUMNS.items():
        values = [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in data[name]]
        arrays[name] = pa.array(values, kind)
    records = [{name: data[name][row] for name in COLUMNS} for row in range(ROWS)]
    return pa.table(arrays), records


TABLE, RECORDS = table()


def bits(value: Any) -> Any:
    """A value in which -0.0, 0.0 and 0 differ."""
    if isinstance(value, float):
        return ("float", struct.pack(">d", value))
    if isinstance(value, list | tuple):
        return tuple(bits(item) for item in value)
    if isinstance(value, datetime):
        return ("timestamp", value.replace(tzinfo=None))
    return (type(value).__name__, value)


def batch(form: Any, rows: list[int]) -> list[Any]:
    connection = duckdb.connect()
    connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
    connection.register("data", TABLE.take(rows))
    return [row[1] for row in connection.execute(query.render(compile_query({"value": form}, "data"))).fetchall()]


def online(form: Any) -> tuple[list[Any], list[int], list[int]]:
    """The values, the rows that have one, and the rows that raise."""
    evaluate, values, fine, failing = compile_row(form), [], [], []
    for row, record in enumerate(RECORDS):
        try:
            values.append(evaluate(record))
            fine.append(row)
        except StageError as error:
            assert error.code == "MLS805"
            failing.append(row)
    return values, fine, failing


def check(form: Any) -> None:
    values, fine, failing = online(form)
    found = batch(form, fine)
    assert [bits(value) for value in found] == [bits(value) for value in values], form
    for row in failing[:5]:
        with pytest.raises(duckdb.Error):
            batch(form, [row])


def col(name: str) -> Any:
    return ["col", name, COLUMNS[name][0]]


def call(name: str, *arguments: Any, **named: Any) -> Any:
    return ["call", name, list(arguments), named]


def lit(value: Any, kind: str) -> Any:
    return ["lit", value, kind]


NUMBERS = [col("i"), col("x")]
BY_HAND = [
    *[call(name, left, right) for name in "+-*/" for left in NUMBERS for right in (col("j"), col("y"))],
    *[call(name, left, right) for name in ("==", "!=", "<", "<=", ">", ">=") for left in NUMBERS for right in (col("j"), col("y"))],
    *[call(name, number) for name in ("neg", "abs", "sqrt", "exp", "log", "log1p", "round", "floor", "ceil") for number in NUMBERS],
    *[call("round", col("x"), lit(digits, "int")) for digits in (1, 2, 6, 15)],
    call("min", col("x"), col("y"), col("i")), call("max", col("i"), col("j")), call("min", col("x"), lit(0.0, "float")), call("max", col("x"), lit(0.0, "float")),
    call("clip", col("x"), ["range", lit(-1, "int"), lit(2.5, "float")]), call("clip", col("i"), ["range", lit(0, "int"), lit(60, "int")]),
    call("clip", col("i"), ["range", lit(0, "int"), lit(2.5, "float")]),
    call("bucket", col("x"), ["list", [lit(-0.5, "float"), lit(0.5, "float"), lit(3, "int")]]), call("bucket", col("i"), ["list", [lit(0, "int"), lit(10, "int")]]),
    call("and", col("b"), call(">", col("i"), lit(0, "int"))), call("or", col("b"), call(">", col("i"), lit(0, "int"))), call("not", col("b")),
    call("??", col("x"), col("y")), call("??", col("i"), lit(0, "int")), call("??", col("i"), lit(0.5, "float")),
    call("if", call(">", col("x"), lit(0.5, "float")), col("i"), col("y")), call("if", col("b"), col("s"), lit("other", "string")),
    call("==", col("s"), lit(None, "null")), call("!=", col("i"), lit(None, "null")),
    call("in", col("i"), ["list", [lit(1, "int"), lit(7, "int")]]), call("in", col("s"), ["list", [lit("a", "string"), lit("ß", "string")]]),
    call("in", col("x"), ["range", lit(0, "int"), lit(2.5, "float")]), call("in", col("d"), ["range", lit("1969-12-31", "date"), lit("2024-02-29", "date")]),
    call("in", col("u"), ["range", lit("1969-12-31", "date"), lit("2024-02-29", "date")]),
    *[call(name, col("s")) for name in ("lower", "upper", "length")], call("<", col("s"), col("t")), call("==", col("s"), col("t")),
    call("contains", col("s"), lit("a", "string")), call("contains", col("s"), lit("", "string")), call("starts_with", col("s"), lit("A", "string")),
    call("matches", col("s"), lit("[a-z]+", "string")), call("matches", col("s"), lit(r".*(\w\.|ß)[^x]*", "string")), call("matches", col("s"), lit("", "string")),
    *[call(name, time) for name in ("year", "month", "weekday") for time in (col("d"), col("u"))], call("hour", col("u")),
    call("-", col("u"), col("v")), call("-", col("d"), col("e")), call("-", col("u"), col("d")), call("+", col("u"), lit(86400.5, "duration")),
    call("-", col("d"), lit(3600, "duration")), call("+", col("u"), col("x")), call("<", col("d"), col("v")),
    *[call(name, call("-", col("u"), col("v"))) for name in ("days", "hours", "years")],
    call("cyclic", col("x"), period=lit(7, "int")), call("cyclic", col("i"), period=24), call("cross", col("s"), col("t")),
    call("redact", col("s"), ["list", [lit("email", "string"), lit("phone", "string")]]),
    call("if", lit(True, "bool"), col("x"), call("exp", lit(1e4, "float"))), call("and", lit(False, "bool"), col("b")), call("+", lit(2, "int"), lit(3, "int")),
]  # fmt: skip


@pytest.mark.parametrize("form", BY_HAND, ids=lambda form: str(form)[:70])
def test_each_function_is_equal_in_both(form: Any) -> None:
    check(form)


def numbers(depth: int) -> st.SearchStrategy[Any]:
    leaves = st.sampled_from([col("i"), col("j"), col("x"), col("y")]) | st.sampled_from(
        [lit(2, "int"), lit(-3, "int"), lit(0.5, "float"), lit(0.0, "float"), lit(-1.5, "float"), lit(86400.0, "duration")]
    )
    if not depth:
        return leaves
    inner = numbers(depth - 1)
    two = st.builds(call, st.sampled_from(["+", "-", "*", "/", "min", "max", "??"]), inner, inner)
    one = st.builds(call, st.sampled_from(["neg", "abs", "sqrt", "log", "log1p", "round", "exp"]), inner)
    clipped = st.builds(lambda item: call("clip", item, ["range", lit(-5, "int"), lit(5, "int")]), inner)
    chosen = st.builds(lambda test, left, right: call("if", test, left, right), conditions(depth - 1), inner, inner)
    return leaves | two | one | clipped | chosen


def conditions(depth: int) -> st.SearchStrategy[Any]:
    side = numbers(depth)
    plain = st.builds(call, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), side, side) | st.just(col("b"))
    if not depth:
        return plain
    inner = conditions(depth - 1)
    return (
        plain | st.builds(call, st.sampled_from(["and", "or"]), inner, inner) | st.builds(lambda item: call("not", item), inner)
    )


@settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(numbers(3) | conditions(3))
def test_random_expressions_are_equal_in_both(form: Any) -> None:
    check(form)


def test_case_mapping_is_equal_for_every_character() -> None:
    """Unicode's simple mapping, one character for one, over all of Unicode that both sides know."""
    points = [point for point in range(1, 0x110000) if not 0xD800 <= point <= 0xDFFF]
    connection = duckdb.connect()
    connection.register("points", pa.table({"s": pa.array([chr(point) for point in points])}))
    found = connection.execute("SELECT s, lower(s), upper(s), length(s) FROM points").fetchall()
    lower, upper = compile_row(call("lower", col("s"))), compile_row(call("upper", col("s")))
    different = [hex(ord(s)) for s, low, up, length in found if (lower({"s": s}), upper({"s": s}), 1) != (low, up, length)]
    assert different == []


def test_the_stage_reads_a_secret_by_its_handle_and_writes_it_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib
    import hmac

    from mlspec.runtime.prepare.features import run
    from tests.support.stages import run_stage_function

    rows = tmp_path / "rows"
    rows.mkdir()
    pq.write_table(pa.table({"__row": [0, 1], "s": ["ann", "bob"]}), rows / "rows.parquet")
    (rows / "table.json").write_text(json.dumps({"columns": [{"name": "s", "type": "string"}], "rows": 2, "files": []}))
    feature = {"name": "who", "value": call("hmac", col("s"), key=["secret", "salt"]), "type": "string", "audit": True}
    config = {"features": [feature], "secrets": {"salt": {"kind": "env", "variable": "LOG_SALT"}}}
    monkeypatch.delenv("LOG_SALT", raising=False)
    with pytest.raises(StageError, match="the secret `salt` has no value"):
        run_stage_function(run, tmp_path, "features", config, {"rows": rows})
    monkeypatch.setenv("LOG_SALT", "grain-of-salt")
    out = run_stage_function(run, tmp_path, "features", config, {"rows": rows})
    expected = [hmac.new(b"grain-of-salt", name, hashlib.sha256).hexdigest() for name in (b"ann", b"bob")]
    assert pq.read_table(out / "values" / "rows.parquet").column("f.who").to_pylist() == expected
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"grain-of-salt" in path.read_bytes()]


def test_a_model_that_would_need_a_secret_says_so() -> None:
    from mlspec.runtime.package.online import features_function

    with pytest.raises(StageError, match="keyed with the secret `salt` is not built yet") as caught:
        features_function(
            [{"name": "who", "type": "string", "value": call("hmac", col("s"), key=["secret", "salt"])}], "majority"
        )
    assert (caught.value.code, caught.value.where) == ("MLS901", "majority")
    assert "@audit" in caught.value.help


def test_hmac_is_that_of_the_standard_library() -> None:
    import hashlib
    import hmac

    for key in ("salt", "k" * 100):
        form = call("hmac", col("s"), key=["secret", "salt"])
        expected = [
            None if record["s"] is None else hmac.new(key.encode(), record["s"].encode(), hashlib.sha256).hexdigest()
            for record in RECORDS
        ]
        connection = duckdb.connect()
        connection.register("data", TABLE)
        statement = query.render(compile_query({"value": form}, "data", secret=lambda name, key=key: key))
        assert [row[1] for row in connection.execute(statement).fetchall()] == expected
        evaluate = compile_row(form, secret=lambda name, key=key: key)
        assert [evaluate(record) for record in RECORDS] == expected
    with pytest.raises(StageError) as caught:
        compile_row(form)
    assert caught.value.code == "MLS407"


def test_a_decimal_is_the_double_nearest_to_its_text() -> None:
    from decimal import Decimal

    values = [Decimal("0.10"), Decimal("-12345678901234.56"), Decimal("92233720368547758.07"), None]
    connection = duckdb.connect()
    connection.register("data", pa.table({"__row": [0, 1, 2, 3], "a": pa.array(values, pa.decimal128(19, 2))}))
    form = call("+", ["col", "a", "decimal?"], lit(0, "int"))
    found = connection.execute(query.render(compile_query({"value": form}, "data"))).fetchall()
    evaluate = compile_row(form)
    assert [row[1] for row in found] == [evaluate({"a": value}) for value in values]
    assert found[0][1] == 0.1


def test_every_row_function_of_the_catalogue_has_both_evaluators() -> None:
    rows = [function for name in function_names() for function in functions(name) if function.level == "row" and function.built]
    # Pixels have one evaluator for both, in runtime/image.
    built = {function.name for function in rows if function.result != "image"}
    assert built <= set(FUNCTIONS)
    assert len(built) >= 29
    assert set(ONLINE) - set(BATCH) == {"hmac"}
    assert set(BATCH) - set(ONLINE) == {"col", "decimal_col"}


def test_an_overflow_is_the_same_error_in_both_and_names_the_feature(tmp_path: Any) -> None:
    from mlspec.runtime.prepare.features import run
    from tests.support.stages import run_stage_function

    folder = tmp_path / "rows"
    folder.mkdir()
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"__row": [0, 1, 2, 3], "n": [1, 2, 2**62, 3]}), folder / "rows.parquet")
    form = call("*", ["col", "n", "int"], lit(4, "int"))
    config = {
        "features": [
            {"name": "fine", "value": ["col", "n", "int"], "type": "int"},
            {"name": "big", "value": form, "type": "int"},
        ]
    }
    with pytest.raises(StageError) as caught:
        run_stage_function(run, tmp_path, "features", config, {"rows": folder}, block="inputs")
    assert (caught.value.code, caught.value.where, caught.value.found) == ("MLS805", "inputs.big", "row 2")
    with pytest.raises(StageError) as raised:
        compile_row(form, "inputs.big")({"n": 2**62})
    assert (raised.value.code, raised.value.where) == ("MLS805", "inputs.big")


def test_months_add_nothing_beyond_the_calendar() -> None:
    form = call("+", col("u"), lit(86400.0, "duration"))
    with pytest.raises(StageError):
        compile_row(form)({"u": TIMES[3]})
    assert compile_row(form)({"u": TIMES[4]}) == TIMES[4] + timedelta(days=1)
