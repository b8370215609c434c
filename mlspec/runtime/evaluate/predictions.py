"""Scoring packages on a part, and the predictions table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.held_out import HeldOut, PartReader, class_places
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, outcomes_of


def score_part(
    context: StageContext, reader: PartReader, held: HeldOut, label: Mapping[str, Any], package: Any, name: str
) -> Outcomes:
    """The package's scores and decisions on every row of the part, a batch at a time."""
    places = class_places(label) if label["task"] != "regression" else {}
    features = [feature["name"] for feature in package.features]
    scores, decisions, done = [], [], 0
    for values in reader.batches(features):
        result = package.score_values(values)
        scores.append(finite_scores(result.score, name))
        decisions.append([places[decision] for decision in result.decision] if places else [])
        done += len(result.score)
        context.progress(done, len(held), f"scoring {name}")
    return outcomes_of(
        held.y, np.concatenate(scores), np.concatenate(decisions) if places else None, task=label["task"],
        classes=label["classes"] if places else (), favourable=favourable_code(label),
    )  # fmt: skip


def finite_scores(score: Any, name: str) -> Floats:
    """The scores; NaN or an infinity among them would be compared as if it were a score."""
    found = np.asarray(score, dtype=np.float64)
    bad = int((~np.isfinite(found)).sum())
    if bad:
        raise StageError(
            "MLS807", f"the package `{name}` gave {bad} scores that are no numbers", name, expected="finite scores",
            found=f"{bad} of {found.size} NaN or infinite", help="look at the estimator's parameters and at the inputs' ranges",
        )  # fmt: skip
    return found


def favourable_code(label: Mapping[str, Any]) -> int:
    """The number of the favourable class; the positive one where nothing else is said."""
    if label["task"] != "binary":
        return 1
    favourable = label.get("favourable")
    return 1 if favourable is None else int(favourable == label["positive"])


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
