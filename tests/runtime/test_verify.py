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


def test_references_says_that_it_is_not_built(tmp_path: Path, rows: Path) -> None:
    with pytest.raises(StageError) as caught:
        verify(tmp_path, rows, call("references", N, ["col", "other.n", "int"]))
    assert caught.value.code == "MLS901"
