"""Write a prepared data set the same way every time, so that a rebuild gives the same bytes."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_parquet(table: pa.Table, target: Path) -> None:
    """One row group, zstd, no writer metadata of pandas; prints the digest for the README."""
    pq.write_table(
        table.replace_schema_metadata(None), target, compression="zstd", compression_level=19, row_group_size=1 << 20
    )
    report(target, table.num_rows)


def report(target: Path, rows: int) -> None:
    """Say what was written: name, rows, size, SHA-256."""
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    sys.stdout.write(f"{target.name}: {rows} rows, {target.stat().st_size} bytes, sha256 {digest}\n")
