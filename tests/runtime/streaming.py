"""Large files made on the spot, and a stage run in a process of its own with its memory measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = [
    {"name": "id", "type": "int", "tags": ["key"]}, {"name": "account", "type": "int"}, {"name": "day", "type": "date"}, {"name": "x", "type": "float", "range": [0.0, 1.0]}, {"name": "kind", "type": "category", "values": ["a", "b", "c"]},
]  # fmt: skip

_CHILD = """
import json, sys, time
from pathlib import Path
from mlspec.runtime import table
from mlspec.runtime.kinds import function_of
from mlspec.runtime.context import StageContext

table.MEMORY_LIMIT = int(sys.argv[2])
job = json.loads(Path(sys.argv[1]).read_text())
for name, kind, config, inputs in job["stages"]:
    root, began, told = Path(job["root"]), time.perf_counter(), []
    function_of(kind)(StageContext(
        on_progress=lambda *said: told.append(said), stage_id=kind, kind=kind, block="s", config=config, project_root=root, input_folders={k: root / v for k, v in inputs.items()},
        output_root=root / name, resume_root=root / "resume" / name,
    ))
    print(name, round(time.perf_counter() - began, 1), len(told))
# The high-water mark of this program: `ru_maxrss` would count the memory of the parent that started it.
print(int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024)
"""


def write_rows(path: Path, rows: int, batch: int = 500_000) -> None:
    """A parquet file of `rows` rows, written in batches."""
    schema = pa.schema(
        [("id", pa.int64()), ("account", pa.int64()), ("day", pa.date32()), ("x", pa.float64()), ("kind", pa.string())]
    )
    kinds = np.array(["a", "b", "c"])
    random = np.random.default_rng(1)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, batch):
            size = min(batch, rows - start)
            number = np.arange(start, start + size)
            days = np.datetime64("2020-01-01", "D") + number * 365 // rows
            values = [
                number,
                random.integers(0, rows // 20, size),
                days,
                random.random(size),
                kinds[random.integers(0, 3, size)],
            ]
            writer.write_batch(pa.record_batch(values, schema=schema))


def stages(seed: int) -> list[Any]:
    """The stages from source to values, with the three ways to split."""
    doubled = ["call", "*", [["col", "x", "float"], ["lit", 2.0, "float"]], {}]
    parts = [{"name": "train", "share": 0.7}, {"name": "holdout", "share": 0.3}]
    months = [
        {"name": "train", "from": "2020-01-01", "to": "2020-06-30"},
        {"name": "holdout", "from": "2020-07-01", "to": "2020-12-31"},
    ]
    number, account = ["col", "id", "int"], ["col", "account", "int"]
    middle = ["call", "quantile", [["col", "x", "float"], ["lit", 0.5, "float"]], {}]
    checks = {
        "volume": ["call", ">=", [["call", "rows", [], {}], ["lit", 1000, "int"]], {}],
        "once": ["call", "unique", [number, account], {}],
        "many": ["call", ">=", [["call", "distinct", [number], {}], ["lit", 1000, "int"]], {}],
        "even": ["call", "<=", [["call", "abs", [["call", "-", [middle, ["lit", 0.5, "float"]], {}]], {}], ["lit", 0.01, "float"]], {}],
    }  # fmt: skip
    extract = {"source": "s", "format": "parquet", "paths": ["big.parquet"], "options": {}, "columns": COLUMNS}
    rows = {"rows": "extract/rows"}
    return [
        ["extract", "extract", extract, {}],
        ["verify", "verify", {"source": "s", "columns": COLUMNS, "checks": [{"name": key, "expression": form} for key, form in checks.items()]}, rows],
        ["split", "split", {"name": "half", "parts": parts, "stratify": "kind", "seed": seed}, rows],
        ["by_group", "split", {"name": "half", "parts": parts, "group": "account", "seed": seed}, rows],
        ["by_time", "split", {"name": "half", "parts": months, "on": "day"}, rows],
        ["features", "features", {"features": [{"name": "double", "value": doubled, "type": "float"}]}, rows],
    ]  # fmt: skip


def run_measured(root: Path, memory: int, seed: int = 7) -> int:
    """Run all stages in one child; its greatest resident size in bytes."""
    job = root / "job.json"
    job.write_text(json.dumps({"root": str(root), "stages": stages(seed)}), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(job), str(memory)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout.split()[-1])
