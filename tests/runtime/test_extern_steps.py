"""Steps: what their tables may be, how they are held to the past, and the stage from its tables to its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mlspec.graph.code import code_digest
from mlspec.runtime import table
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.extern import step
from mlspec.runtime.extern.tables import fitted, same
from mlspec.runtime.extern.types import Unfit


def column(name: str, kind: str, *, optional: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "optional": optional, **more}


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "values", "why"),
    [
        ("int", pa.array([1, 2], pa.int8()), ""), ("float", pa.array([1, 2]), ""), ("string", pa.array(["a", "b"]).dictionary_encode(), ""),
        ("int", pa.array([1.0, 2.0]), "double in column `x`, where int is declared"), ("int", pa.array([1, None]), "null in column `x`"),
        ("int", pa.array([1, 2**63], pa.uint64()), "a value in column `x` that int does not have"), ("string", pa.array([1, 2]), "int64"),
        ("timestamp", pa.array([NOON, NOON]), ""), ("timestamp", pa.array([NOON, NOON]).cast(pa.timestamp("us")), "timestamp[us]"),
        ("date", pa.array([NOON.date()] * 2), ""), ("bool", pa.array([True, False]), ""), ("bool", pa.array([0, 1]), "int64"),
        ("decimal", pa.array([1, 2]), "int64"),
    ],
)  # fmt: skip
def test_columns_are_of_the_declared_types(kind: str, values: Any, why: str) -> None:
    declared = [column("x", kind)]
    if not why:
        made = fitted({"x": values}, declared)
        assert same(made, declared) == ""
        return
    with pytest.raises(Unfit) as refused:
        fitted({"x": values}, declared)
    assert why in str(refused.value)


def test_a_table_has_the_columns_of_the_source_and_no_others() -> None:
    declared = [column("x", "int"), column("y", "float", optional=True)]
    made = fitted(pa.table({"y": pa.array([None, 1.0]), "x": [1, 2]}), declared)
    assert made.column_names == ["x", "y"]
    assert fitted({"x": [], "y": []}, declared).num_rows == 0
    for given, why in [
        ({"x": [1]}, "no column `y`"), ({"x": [1], "y": [1.0], "z": [0]}, "1 that no column of the source is"), ([1, 2], "list, where"),
        ({"x": [1], "y": [1.0, 2.0]}, "no Arrow columns of one length"),
    ]:  # fmt: skip
        with pytest.raises(Unfit, match=why):
            fitted(given, declared)
    assert same(pa.table({"x": pa.array([1], pa.int32())}), declared[:1]) == "a column `x` of int32"
    assert same(pa.table({"x": pa.array([None], pa.int64())}), declared[:1]).startswith("null in")


VISITS = {"person": [1, 1, 2, 3, 3], "at": [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 5, 2, 7, 9)], "cost": [10.0, 20.0, 5.0, None, 7.0]}  # fmt: skip
COLUMNS = [
    column("person", "int", tags=["key"]),
    column("spent", "float", optional=True),
    column("seen", "timestamp", tags=["event_time"]),
]
TABLES: dict[str, Any] = {
    "visits": {
        "columns": [column("person", "int"), column("at", "timestamp"), column("cost", "float", optional=True)],
        "time": "at",
    }
}


class Called:
    """Externs whose code is at hand."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def table(self, name: str, given: Mapping[str, Any], columns: Any) -> Any:
        return fitted(self.function(**given), columns)


def summed(visits: Any) -> Any:
    found = visits.group_by("person").aggregate([("cost", "sum"), ("at", "max")])
    return pa.table({"person": found["person"], "spent": found["cost_sum"], "seen": found["at_max"]})


def ahead(visits: Any) -> Any:
    """Gives each person the first time, and what was spent over all of it."""
    found = visits.group_by("person").aggregate([("cost", "sum"), ("at", "min")])
    return pa.table({"person": found["person"], "spent": found["cost_sum"], "seen": found["at_min"]})


def context_of(folder: Path, **config: Any) -> StageContext:
    rows = pa.table({table.ROW: list(range(5)), **VISITS})
    rows = rows.set_column(2, "at", rows.column("at").cast(pa.timestamp("us")))
    inputs = folder / "visits"
    inputs.mkdir()
    import pyarrow.parquet as pq

    pq.write_table(rows, inputs / table.ROWS)
    table.finish_table(inputs, TABLES["visits"]["columns"], 5)
    return StageContext("people-step", "step", "people", {"source": "people", "columns": COLUMNS, "tables": TABLES, **config}, folder,
                        {"tables.visits": inputs}, folder / "out", folder / "resume")  # fmt: skip


def test_rows_of_the_past_do_not_change_when_the_rest_is_taken_away(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    made = step.made_by(Called(summed), "f", context)  # type: ignore[arg-type]
    assert sorted(made.column("spent").to_pylist()) == [5.0, 7.0, 30.0]
    with pytest.raises(StageError) as refused:
        step.made_by(Called(ahead), "f", context)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.where) == ("MLS318", "people.seen")
    assert "1 rows up to 2026-01-02" in refused.value.found


CODE = """\
import pyarrow as pa


def summed(visits):
    found = visits.group_by("person").aggregate([("cost", "sum"), ("at", "max")]).sort_by("person")
    return pa.table({"person": found["person"], "spent": found["cost_sum"], "seen": found["at_max"]})


def wrong(visits):
    return summed(visits).drop_columns(["spent"])
"""


def run(folder: Path, function: str) -> Any:
    limits = {"memory": 2**32, "time_limit": 20.0, "gpu": False}
    extern = {
        "role": "step", "code": "code/s.py", "function": function, "files": {"code/s.py": code_digest(CODE.encode())}, "parameters": [["visits", "rows"]],
        "result": "rows", "values": None, "network": False, "deterministic": True, "limits": limits,
    }  # fmt: skip
    folder.mkdir()
    (folder / "code").mkdir()
    (folder / "code/s.py").write_text(CODE)
    step.run(context_of(folder, externs={"summed": extern}))
    return table.load(folder / "out/rows")


def test_the_stage_gives_rows_that_are_checked_as_data_is(tmp_path: Path) -> None:
    found = run(tmp_path / "a", "summed").to_pylist()
    assert [(row["__row"], row["person"], row["spent"]) for row in found] == [(0, 1, 30.0), (1, 2, 5.0), (2, 3, 7.0)]
    assert found[0]["seen"] == datetime(2026, 1, 5)  # the engine's points in time have no zone, and are UTC
    with pytest.raises(StageError) as wrong:
        run(tmp_path / "c", "wrong")
    assert (wrong.value.code, wrong.value.found) == ("MLS826", "no column `spent`")
