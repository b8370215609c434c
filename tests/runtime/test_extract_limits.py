"""What a source may at most hold, and the memory that a stage gives to its engine."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.graph.model import Graph, Resources, Stage
from mlspec.runtime import table
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract import limits, violations
from mlspec.runtime.extract.stage import run
from mlspec.runtime.stage import Around, run_stage
from tests.support.stages import run_stage_function

MIB = 1 << 20
COLUMNS = [{"name": "a", "type": "int"}, {"name": "b", "type": "string", "optional": True}]


def extract(tmp_path: Path, path: str, kind: str) -> Path:
    config = {"source": "s", "format": kind, "paths": [path], "options": {}, "columns": COLUMNS}
    return run_stage_function(run, tmp_path, "extract", config, block="s")


def refused(tmp_path: Path, path: str, kind: str) -> StageError:
    with pytest.raises(StageError) as caught:
        extract(tmp_path, path, kind)
    return caught.value


def write_csv(tmp_path: Path, rows: int = 3) -> None:
    lines = ["a,b", *(f"{number},x" for number in range(rows))]
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_more_rows_than_the_cap_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path)
    monkeypatch.setattr(limits, "MAX_ROWS", 3)
    extract(tmp_path, "d.csv", "csv")
    monkeypatch.setattr(limits, "MAX_ROWS", 2)
    error = refused(tmp_path, "d.csv", "csv")
    assert (error.code, error.where, error.expected, error.found) == ("MLS801", "s.from", "at most 2 rows", "3 rows")


def test_more_columns_than_the_cap_are_refused(tmp_path: Path) -> None:
    wide = {f"c{number}": pa.array([1]) for number in range(limits.MAX_COLUMNS + 1)}
    pq.write_table(pa.table({"a": pa.array([1]), **wide}), tmp_path / "d.parquet")
    error = refused(tmp_path, "d.parquet", "parquet")
    assert (error.code, error.where, error.found) == ("MLS801", "s.from", "10,002 columns")


def test_a_cell_above_the_cap_is_refused_with_its_row(tmp_path: Path) -> None:
    texts = ["x" * limits.MAX_CELL, "é" * (limits.MAX_CELL // 2 + 1)]
    pq.write_table(pa.table({"a": pa.array([1, 2]), "b": pa.array(texts)}), tmp_path / "d.parquet")
    error = refused(tmp_path, "d.parquet", "parquet")
    assert (error.code, error.where) == ("MLS802", "s.b")
    assert error.message.startswith("1 of 2 values") and error.examples[0].startswith("d.parquet row 2: ")
    assert len(error.examples[0]) < 200


def test_a_file_that_unfolds_beyond_measure_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,0\n" * (2 * MIB))
    (tmp_path / "d.csv.gz").write_bytes(bomb)
    assert limits.MAX_RATIO * len(bomb) < 8 * MIB
    extract(tmp_path, "d.csv.gz", "csv")  # what comes out is small all the same
    monkeypatch.setattr(limits, "FREE_BYTES", MIB)
    error = refused(tmp_path, "d.csv.gz", "csv")
    assert (error.code, error.where) == ("MLS801", "s.from") and "unfolds" in error.message


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n1,x\n")
    (tmp_path / "d.csv.gz").write_bytes(whole[:-6])
    assert refused(tmp_path, "d.csv.gz", "csv").code == "MLS801"


def test_every_text_column_has_a_cap() -> None:
    rules = violations.rules([{"name": kind, "type": kind} for kind in ("string", "text", "category", "id", "int")])
    assert [rule.column["name"] for rule in rules if "longer" in rule.breaks] == ["string", "text", "category", "id"]


@pytest.mark.parametrize(("memory", "engine"), [(512 * MIB, 256.0), (1024 * MIB, 512.0), (4096 * MIB, 3584.0)])
def test_the_memory_of_a_stage_bounds_its_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int, engine: float
) -> None:
    found: list[Any] = []

    def look(context: Any) -> None:
        with table.session([], [], context.resume_dir("s"), memory=context.memory) as connection:
            found.extend(connection.execute("SELECT current_setting('memory_limit')").fetchone() or ())
        (context.output("file") / "x").write_text("x", encoding="utf-8")

    monkeypatch.setattr("mlspec.runtime.stage.function_of", lambda kind: look)
    stage = Stage("w-write", "write", "w", outputs={"file": "json"}, resources=Resources(memory=memory))
    run_stage(Graph.of([stage]), "w-write", {}, tmp_path / "out", Around(tmp_path, tmp_path / "resume"))
    number, unit = found[0].split()
    assert float(number) * {"MiB": 1, "GiB": 1024}[unit] == pytest.approx(engine, rel=0.03)


def test_a_long_statement_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[float, float | None]] = []
    with (
        table.session([], [], tmp_path) as connection,
        table.watched(connection, lambda done, total, note: told.append((done, total))),
    ):
        connection.execute("SELECT count(*) FROM range(3000000) AS r(i) WHERE sha256(CAST(i AS VARCHAR)) < '1'").fetchall()
    assert told and all(0 <= done <= 100 and total == 100 for done, total in told)
