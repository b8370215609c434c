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
    {"name": "id", "type": "int"}, {"name": "x", "type": "float", "range": [0.0, 1.0]}, {"name": "kind", "type": "category", "values": ["a", "b", "c"]},
]  # fmt: skip

_CHILD = """
import json, resource, sys
from pathlib import Path
from mlspec.runtime import table
from mlspec.runtime.kinds import function_of
from mlspec.runtime.context import StageContext

table.MEMORY_LIMIT = int(sys.argv[2])
job = json.loads(Path(sys.argv[1]).read_text())
for kind, config, inputs in job["stages"]:
    root = Path(job["root"])
    function_of(kind)(StageContext(
        stage_id=kind, kind=kind, block="s", config=config, project_root=root, input_folders={k: root / v for k, v in inputs.items()},
        output_root=root / kind, resume_root=root / "resume" / kind,
    ))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def write_rows(path: Path, rows: int, batch: int = 500_000) -> None:
    """A parquet file of `rows` rows, written in batches."""
    schema = pa.schema([("id", pa.int64()), ("x", pa.float64()), ("kind", pa.string())])
    kinds = np.array(["a", "b", "c"])
    random = np.random.default_rng(1)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, batch):
            size = min(batch, rows - start)
            values = [np.arange(start, start + size), random.random(size), kinds[random.integers(0, 3, size)]]
            writer.write_batch(pa.record_batch(values, schema=schema))


def stages(seed: int) -> list[Any]:
    """The stages from source to values."""
    doubled = ["call", "*", [["col", "x", "float"], ["lit", 2.0, "float"]], {}]
    parts = [{"name": "train", "share": 0.7}, {"name": "holdout", "share": 0.3}]
    check = ["call", ">=", [["call", "rows", [], {}], ["lit", 1000, "int"]], {}]
    extract = {"source": "s", "format": "parquet", "paths": ["big.parquet"], "options": {}, "columns": COLUMNS}
    return [
        ["extract", extract, {}],
        ["verify", {"source": "s", "columns": COLUMNS, "checks": [{"name": "volume", "expression": check}]}, {"rows": "extract/rows"}],
        ["split", {"name": "half", "parts": parts, "stratify": "kind", "seed": seed}, {"rows": "extract/rows"}],
        ["features", {"features": [{"name": "double", "value": doubled, "type": "float"}]}, {"rows": "extract/rows"}],
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
