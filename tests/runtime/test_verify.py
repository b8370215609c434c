"""Checks of a source: every aggregate by hand, what fails and how it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.verify import run
from tests.support.stages import run_stage_function

COLUMNS = [
    {"name": "n", "type": "int", "optional": True}, {"name": "x", "type": "float"}, {"name": "s", "type": "string", "tags": ["pii.direct"]},
    {"name": "at", "type": "timestamp"},
]  # fmt: skip
N, X, S, AT = ["col", "n", "int?"], ["col", "x", "float"], ["col", "s", "string"], ["col", "at", "timestamp"]


def call(name: str, *arguments: Any, **named: Any) -> Any:
    return ["call", name, list(arguments), named]


def lit(value: Any, kind: str = "float") -> Any:
    return ["lit", value, kind]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    from datetime import datetime

    folder = tmp_path / "rows"
    folder.mkdir()
    data = {
        "__row": range(5), "n": pa.array([1, 2, 2, None, 10]), "x": [0.0, 1.0, 2.0, 3.0, 10.0], "s": ["anna", "bert", "anna", "carl", "dora"],
        "at": pa.array([datetime(2024, 1, day) for day in range(1, 6)], pa.timestamp("us")),
    }  # fmt: skip
    pq.write_table(pa.table(data), folder / "rows.parquet")
    (folder / "table.json").write_text(json.dumps({"columns": [], "rows": len(data["__row"]), "files": []}))
    return folder


def verify(tmp_path: Path, rows: Path, *expressions: Any) -> list[dict[str, Any]]:
    checks = [{"name": f"c{place}", "expression": expression} for place, expression in enumerate(expressions)]
    config = {"source": "s", "columns": COLUMNS, "checks": checks, "min_cell": 2}
    out = run_stage_function(run, tmp_path, "verify", config, {"rows": rows}, block="s")
    found: list[dict[str, Any]] = json.loads((out / "checks" / "metrics.json").read_text(encoding="utf-8"))["checks"]
    return found


HOLDS = [
    (call("==", call("rows"), lit(5, "int")), 5),
    (call("==", call("null_rate", N), lit(0.2, "ratio")), 0.2),
    (call("==", call("distinct", N), lit(3, "int")), 3),
    (call("==", call("min", N), lit(1, "int")), 1),
    (call("==", call("max", N), lit(10, "int")), 10),
    (call("==", call("mean", X), lit(3.2)), 3.2),
    (call("==", call("quantile", X, at=0.875), lit(6.5)), 6.5),
    (call("==", call("quantile", X, lit(0.5, "ratio")), lit(2.0)), 2.0),
    (call("==", call("share", call(">", X, lit(0.5))), lit(0.8, "ratio")), 0.8),
    (call("in", call("rows"), ["range", lit(5, "int"), lit(6, "int")]), 5),
    (call("<", call("min", call("abs", call("-", X, lit(3.2)))), lit(0.3)), pytest.approx(0.2)),
    (call("==", call("max", AT), lit("2024-01-05", "date")), "2024-01-05T00:00:00"),
]


@pytest.mark.parametrize(("expression", "value"), HOLDS, ids=lambda item: str(item)[:50])
def test_aggregates_by_hand(tmp_path: Path, rows: Path, expression: Any, value: Any) -> None:
    (check,) = verify(tmp_path, rows, expression)
    assert check["passed"] is True
    assert check["value"] == value
    assert check["failed_rows"] == 0


def test_unique_of_one_and_of_several_columns(tmp_path: Path, rows: Path) -> None:
    assert [check["passed"] for check in verify(tmp_path, rows, call("unique", X), call("unique", S, X))] == [True, True]
    with pytest.raises(StageError) as caught:
        verify(tmp_path, rows, call("unique", N))
    assert caught.value.examples == ("row 1: n is 2", "row 2: n is 2")


def test_words_of_a_check_are_those_of_the_spec(tmp_path: Path, rows: Path) -> None:
    text = call(
        "and",
        call("<=", call("null_rate", N), lit(0.25, "ratio")),
        call("not", call("<", call("max", X), call("+", call("mean", X), lit(1, "int")))),
    )
    (check,) = verify(tmp_path, rows, text)
    assert check["expected"] == "null_rate(n) <= 25% and not max(x) < mean(x) + 1"
    assert check["value"] == "null_rate(n) = 0.2, max(x) = 10, mean(x) = 3.2"


def test_every_failed_check_is_told_with_rows(tmp_path: Path, rows: Path) -> None:
    fails = [
        call(">=", call("rows"), lit(30_000, "int")),
        call("<=", call("null_rate", N), lit(0.1, "ratio")),
        call("==", call("share", call("<", X, lit(5.0))), lit(1.0, "ratio")),
    ]
    with pytest.raises(StageError) as caught:
        verify(tmp_path, rows, *fails, call("==", call("rows"), lit(5, "int")))
    error = caught.value.to_json()
    assert (error["code"], error["where"], error["expected"], error["found"]) == ("MLS803", "s.c0", "rows() >= 30000", "5")
    also = error["also"]
    assert [item["where"] for item in also] == ["s.c1", "s.c2"]
    assert also[0]["examples"] == ["row 3: n is null"]
    assert also[1]["examples"] == ["row 4: x < 5 is false"]


def test_personal_values_are_masked(tmp_path: Path, rows: Path) -> None:
    with pytest.raises(StageError) as caught:
        verify(tmp_path, rows, call("unique", S))
    assert caught.value.examples == ("row 0: s is (masked)", "row 2: s is (masked)")
    assert "anna" not in json.dumps(caught.value.to_json())


def test_a_check_without_a_value_fails(tmp_path: Path, rows: Path) -> None:
    """The mean of nothing is null; null is not true, so the check fails."""
    nothing = call("if", call(">", X, lit(99.0)), X, lit(None, "null"))
    with pytest.raises(StageError) as caught:
        verify(tmp_path, rows, call("<", call("mean", nothing), lit(1.0)))
    assert caught.value.found == "null"


def refer(
    tmp_path: Path, rows: Path, partners: dict[str, Any], *expressions: Any, tags: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Verify against a source `other` of these columns."""
    folder = tmp_path / "other"
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.table({"__row": range(len(next(iter(partners.values())))), **partners}), folder / "rows.parquet")
    checks = [{"name": f"c{place}", "expression": expression} for place, expression in enumerate(expressions)]
    described = {f"other.{name}": {"name": name, "type": "int", "tags": list(tags)} for name in partners}
    config = {"source": "s", "columns": COLUMNS, "checks": checks, "min_cell": 2, "partners": described}
    inputs = {"rows": rows, "references.other": folder}
    out = run_stage_function(run, tmp_path, "verify", config, inputs, block="s")
    found: list[dict[str, Any]] = json.loads((out / "checks" / "metrics.json").read_text(encoding="utf-8"))["checks"]
    return found


def references(key: Any, column: str = "n", kind: str = "int?") -> Any:
    return call("references", key, ["col", f"other.{column}", kind])


def test_every_value_with_a_partner(tmp_path: Path, rows: Path) -> None:
    """A null refers to nothing, and partners may be there several times or for nobody."""
    found = refer(
        tmp_path,
        rows,
        {"n": pa.array([10, 1, None, 2, 2, 77])},
        references(N),
        call("not", references(call("+", N, lit(1, "int")))),
    )
    assert [(item["passed"], item["failed_rows"], item["examples"]) for item in found] == [(True, 0, []), (True, 0, [])]
    assert found[0]["expected"] == "references(n, other.n)"
    assert found[0]["value"] == "references(n, other.n) = true"


def test_values_without_a_partner_are_counted_and_shown(tmp_path: Path, rows: Path) -> None:
    with pytest.raises(StageError) as caught:
        refer(tmp_path, rows, {"n": pa.array([1, None])}, references(N), call("==", call("rows"), lit(5, "int")))
    assert caught.value.found == "references(n, other.n) = false, 3 rows without a partner"
    assert caught.value.examples == (
        "row 1: n is 2, which `other.n` lacks", "row 2: n is 2, which `other.n` lacks", "row 4: n is 10, which `other.n` lacks",
    )  # fmt: skip


def test_nothing_refers_to_an_empty_source(tmp_path: Path, rows: Path) -> None:
    with pytest.raises(StageError, match="c0"):
        refer(tmp_path, rows, {"n": pa.array([], pa.int64())}, references(N))


@pytest.mark.parametrize(("key", "tags"), [(S, ()), (N, ("pii",)), (N, ("protected",))])
def test_a_value_is_hidden_where_either_column_is(tmp_path: Path, rows: Path, key: Any, tags: tuple[str, ...]) -> None:
    values = pa.array(["anna"]) if key is S else pa.array([1])
    with pytest.raises(StageError) as caught:
        refer(tmp_path, rows, {"n": values}, references(key), tags=tags)
    assert caught.value.examples and all("is (masked), which" in item for item in caught.value.examples)


def test_an_expression_and_two_columns_in_one_check(tmp_path: Path, rows: Path) -> None:
    low = call("lower", S)
    both = call("and", references(low, "name", "string"), references(N))
    names = {"name": pa.array(["anna", "bert", "carl", "dora", "eve"]), "n": pa.array([1, 2, 10, 11, 12])}
    assert refer(tmp_path, rows, names, both)[0]["passed"] is True


def test_a_decimal_is_compared_in_every_digit(tmp_path: Path) -> None:
    """As doubles the two would be one number."""
    from decimal import Decimal

    folder = tmp_path / "rows"
    folder.mkdir()
    near, exact = Decimal("12345678901234567.8"), Decimal("12345678901234567.9")
    assert float(near) == float(exact)
    pq.write_table(pa.table({"__row": [0], "price": pa.array([near], pa.decimal128(18, 1))}), folder / "rows.parquet")
    (folder / "table.json").write_text(json.dumps({"columns": [], "rows": 1, "files": []}))
    with pytest.raises(StageError) as caught:
        refer(
            tmp_path,
            folder,
            {"price": pa.array([exact], pa.decimal128(18, 1))},
            references(["col", "price", "decimal"], "price", "decimal"),
        )
    assert caught.value.examples == ("row 0: price is 12345678901234567.8, which `other.price` lacks",)
