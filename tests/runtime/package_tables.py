"""Table artifacts for tests of models: rows, values and parts from plain columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlspec.runtime import files

ROOT = Path(__file__).parents[2]


def write_table(
    folder: Path, columns: Mapping[str, Any], descriptors: Sequence[Mapping[str, Any]], rows: Sequence[int]
) -> Path:
    """One table artifact."""
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"__row": pa.array(rows, pa.int64()), **columns}), folder / "rows.parquet")
    files.write_json(folder / "table.json", {"columns": [dict(item) for item in descriptors], "rows": len(rows), "files": []})
    return folder


def feature(name: str, kind: str, *fitted: Mapping[str, Any], value: Any = None) -> dict[str, Any]:
    """A feature that is a source column, or an expression."""
    return {"name": name, "value": value or ["col", name, kind], "type": kind, "fitted": list(fitted), "audit": False}


def stage_inputs(
    tmp_path: Path,
    columns: Mapping[str, Any],
    descriptors: Sequence[Mapping[str, Any]],
    features: Sequence[Mapping[str, Any]],
    parts: Mapping[str, Sequence[int]],
) -> dict[str, Path]:
    """The input artifacts of a `fit` or `search` stage; feature values by the batch evaluator of `features`."""
    from mlspec.runtime.prepare import features as features_stage
    from tests.support.stages import run_stage_function

    count = len(next(iter(columns.values())))
    rows = write_table(tmp_path / "in-rows", columns, descriptors, range(count))
    values = run_stage_function(
        features_stage.run,
        tmp_path,
        "features",
        {"features": list(features), "unknown": "encode"},
        {"rows": rows},
        block="inputs",
    )
    pairs = sorted((row, part) for part, held in parts.items() for row in held)
    table = {"part": pa.array([part for _, part in pairs])}
    return {
        "rows": rows,
        "values": values / "values",
        "parts": write_table(tmp_path / "in-parts", table, [], [row for row, _ in pairs]),
    }


FILL_TEXT = {"op": "fill", "with": {"value": "missing"}, "flag": False}
ONEHOT = {"op": "onehot", "max": None}
SCALE = {"op": "scale", "method": "standard"}
HALF = {"method": "fixed", "value": 0.5}

INCOME = {
    "column": "income", "task": "binary", "classes": ["<=50K", ">50K"], "positive": ">50K", "favourable": ">50K", "type": "category",
}  # fmt: skip


def census_features() -> list[dict[str, Any]]:
    """The model inputs of `specs/census_income.mlspec`."""
    gain = ["call", "log1p", [["col", "capital_gain", "int"]], {}]
    loss = ["call", "log1p", [["col", "capital_loss", "int"]], {}]
    return [
        feature("age", "int", SCALE),
        feature("education", "int", SCALE, value=["col", "education_num", "int"]),
        feature("workclass", "category?", FILL_TEXT, ONEHOT),
        feature("occupation", "category?", FILL_TEXT, ONEHOT),
        feature("relationship", "category", ONEHOT),
        feature("gain", "float", value=gain),
        feature("loss", "float", value=loss),
        feature("hours", "int", SCALE, value=["col", "hours_per_week", "int"]),
    ]


def census(tmp_path: Path, limit: int = 3_000) -> tuple[dict[str, Path], list[dict[str, Any]]]:
    """Inputs from the first rows of the real census data: 70 % train, 30 % holdout."""
    data = pq.read_table(ROOT / "specs/data/census_income.parquet").slice(0, limit)
    descriptors = [
        {"name": "age", "type": "int", "optional": False, "range": [17, 90]},
        {"name": "workclass", "type": "category", "optional": True},
        {"name": "education_num", "type": "int", "optional": False, "range": [1, 16]},
        {"name": "occupation", "type": "category", "optional": True},
        {"name": "relationship", "type": "category", "optional": False},
        {"name": "sex", "type": "category", "optional": False, "values": ["Female", "Male"]},
        {"name": "capital_gain", "type": "int", "optional": False, "range": [0, 99_999]},
        {"name": "capital_loss", "type": "int", "optional": False, "range": [0, 4_356]},
        {"name": "hours_per_week", "type": "int", "optional": False, "range": [1, 99]},
        {"name": "income", "type": "category", "optional": False, "values": INCOME["classes"], "tags": ["outcome"]},
    ]
    features = census_features()
    columns = {item["name"]: data[item["name"]].combine_chunks() for item in descriptors}
    train = [row for row in range(data.num_rows) if row % 10 < 7]
    holdout = [row for row in range(data.num_rows) if row % 10 >= 7]
    return stage_inputs(tmp_path, columns, descriptors, features, {"train": train, "holdout": holdout}), features


def fit_config(
    features: Sequence[Mapping[str, Any]], label: Mapping[str, Any], estimator: str, **changes: Any
) -> dict[str, Any]:
    """The config of a `fit` stage."""
    config = {
        "name": "plain", "estimator": estimator, "params": {}, "features": list(features), "label": dict(label), "part": "train",
        "group": None, "seed": 7, "calibrate": None, "threshold": HALF, "unknown": "encode",
    }  # fmt: skip
    return config | changes
