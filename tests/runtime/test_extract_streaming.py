"""Data larger than the memory allowed passes every data stage."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.runtime.streaming import run_measured, write_rows

MIB = 1 << 20


def check_outputs(root: Path, rows: int) -> None:
    """Every row has a value, and a part of the right size, in row order."""
    values = pq.ParquetFile(root / "features" / "values" / "rows.parquet")
    assert values.metadata.num_rows == rows
    first = values.read_row_group(0)["__row"].to_pylist()
    assert first == list(range(len(first)))
    sizes = {name: sizes_of(root / name / "parts" / "rows.parquet") for name in ("split", "by_group", "by_time")}
    assert all(sum(found.values()) == rows for found in sizes.values())
    assert abs(sizes["split"]["train"] - rows * 7 // 10) <= 2
    # A group may hold a few dozen rows, and 30 June is day 182 of 366 drawn over 365.
    assert abs(sizes["by_group"]["train"] - rows * 7 // 10) <= 50
    assert abs(sizes["by_time"]["train"] - rows * 182 // 365) <= 2


def sizes_of(path: Path) -> Counter[str]:
    """The rows of each part, counted batch by batch; the row numbers must go up."""
    found: Counter[str] = Counter()
    last = -1
    for batch in pq.ParquetFile(path).iter_batches(1_000_000):
        numbers = batch.column("__row").to_numpy()
        assert numbers[0] > last and (numbers[1:] > numbers[:-1]).all()
        last = int(numbers[-1])
        counted = batch.column("part").value_counts()
        found.update({item["values"]: item["counts"] for item in counted.to_pylist()})
    return found


def test_a_million_rows_pass_under_a_small_memory_limit(tmp_path: Path) -> None:
    """1,000,000 rows take about 350 MiB as pandas objects; DuckDB is given 96 MiB."""
    write_rows(tmp_path / "big.parquet", 1_000_000)
    used = run_measured(tmp_path, 96 * MIB)
    check_outputs(tmp_path, 1_000_000)
    assert used < 400 * MIB


@pytest.mark.slow
def test_fifty_million_rows_pass(tmp_path: Path) -> None:
    """50 million rows, 512 MiB for DuckDB, which is less than their hashes alone take (32 bytes each, 1.5 GiB)."""
    write_rows(tmp_path / "big.parquet", 50_000_000)
    used = run_measured(tmp_path, 512 * MIB)
    check_outputs(tmp_path, 50_000_000)
    assert used < 1024 * MIB
