"""The predictions table: what every model said of every row of the part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.evaluate.held_out import HeldOut, class_places
from mlspec.runtime.evaluate.outcomes import Outcomes


def write_predictions(folder: Path, held: HeldOut, models: Mapping[str, Outcomes], label: Mapping[str, Any]) -> None:
    """The predictions table: row, label, and each model's score and decision."""
    import pyarrow

    named = {code: value for value, code in class_places(label).items()} if label["task"] != "regression" else {}
    columns: dict[str, Any] = {"__row": pyarrow.array(held.rows, pyarrow.int64()), "label": pyarrow.array(held.labels)}
    kinds = {"__row": "int", "label": label["type"]}
    for name, rows in models.items():
        scores = {f"{name}.score": rows.score}
        if rows.score.ndim > 1:
            scores = {f"{name}.score.{value}": rows.score[:, place] for place, value in enumerate(label["classes"])}
        decision = [named[code] for code in rows.decision.tolist()] if named else rows.decision
        columns |= {key: pyarrow.array(value) for key, value in scores.items()}
        columns[f"{name}.decision"] = pyarrow.array(decision)
        kinds |= {**dict.fromkeys(scores, "float"), f"{name}.decision": label["type"] if named else "float"}
    write_table(folder, pyarrow.table(columns), kinds)


def write_table(folder: Path, table: Any, kinds: Mapping[str, str]) -> None:
    """An Arrow table as a table artifact."""
    import pyarrow
    from pyarrow import parquet

    buffer = pyarrow.BufferOutputStream()
    parquet.write_table(table, buffer, compression="zstd")
    files.write_bytes(folder / "rows.parquet", buffer.getvalue().to_pybytes())
    columns = [{"name": name, "type": kind, "optional": False} for name, kind in kinds.items()]
    files.write_json(folder / "table.json", {"columns": columns, "rows": table.num_rows, "files": []})
