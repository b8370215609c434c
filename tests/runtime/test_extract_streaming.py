"""Data larger than the memory allowed passes every data stage."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.runtime.streaming import run_measured, write_rows

MIB = 1 << 20


def check_outputs(root: Path, rows: int) -> None:
    values, parts = root / "features" / "values" / "rows.parquet", root / "split" / "parts" / "rows.parquet"
    assert pq.ParquetFile(values).metadata.num_rows == rows
    table = pq.read_table(parts, columns=["part"])
    train = table["part"].to_numpy(zero_copy_only=False).tolist().count("train") if rows <= 2_000_000 else None
    assert train is None or abs(train - rows * 7 // 10) <= 2
    first = pq.ParquetFile(values).read_row_group(0)["__row"].to_pylist()
    assert first == list(range(len(first)))


def test_a_million_rows_pass_under_a_small_memory_limit(tmp_path: Path) -> None:
    """1,000,000 rows take about 350 MiB as pandas objects; DuckDB is given 96 MiB."""
    write_rows(tmp_path / "big.parquet", 1_000_000)
    used = run_measured(tmp_path, 96 * MIB)
    check_outputs(tmp_path, 1_000_000)
    assert used < 700 * MIB


@pytest.mark.slow
def test_fifty_million_rows_pass(tmp_path: Path) -> None:
    """50 million rows, 1 GiB for DuckDB, which is less than their hashes alone take (32 bytes each, 1.5 GiB)."""
    write_rows(tmp_path / "big.parquet", 50_000_000)
    used = run_measured(tmp_path, 1024 * MIB)
    assert pq.ParquetFile(tmp_path / "split" / "parts" / "rows.parquet").metadata.num_rows == 50_000_000
    check_outputs(tmp_path, 50_000_000)
    assert used < 2500 * MIB
