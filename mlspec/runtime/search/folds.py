"""The folds of a search's cross-validation, from its `cv` config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.train.data import Learning, PartReader, codes
from mlspec.runtime.train.folds import Fold, Ints, chance_folds, forward_folds, group_folds, refuse_empty
from mlspec.runtime.transform.columns import Floats

METHODS = ("folds", "group_folds", "forward_chain")


def cv_folds(reader: PartReader, learning: Learning, part: str, cv: Mapping[str, Any], seed: int) -> list[Fold]:
    """(fitting rows, judging rows) of each fold, as positions in the part."""
    rows, count, where = reader.rows_of(part), int(cv["folds"]), f"{reader.where}.cv"

    def coded(name: str) -> Ints | None:
        return codes(reader.column(str(cv[name]), rows).to_pylist()) if cv.get(name) else None

    match cv["method"]:
        case "forward_chain":
            times = _times(reader, rows, cv.get("on"))
            folds = forward_folds(times, count, float(cv.get("gap") or 0.0), coded("group"))
        case "group_folds" | "folds" if cv.get("group"):
            folds = group_folds(_codes_of(coded("group")), count, seed, coded("stratify"))
        case "folds":
            folds = chance_folds(len(learning), count, seed, coded("stratify"))
        case other:
            raise StageError("MLS901", f"the cross-validation `{other}` is not built yet", where, expected=", ".join(METHODS),
                             found=str(other), help="use one of these")  # fmt: skip
    folds = folds[: cv.get("use")]
    refuse_empty(folds, where)
    return folds


def _codes_of(found: Ints | None) -> Ints:
    assert found is not None
    return found


def _times(reader: PartReader, rows: Ints, column: str | None) -> Floats:
    """Seconds of each row's time; the row order where no time column is named."""
    if column is None:
        return np.arange(len(rows), dtype=np.float64)
    import pyarrow as pa

    found = reader.column(column, rows)
    if found.null_count:
        raise StageError("MLS804", f"{found.null_count} rows have no `{column}`", f"{reader.where}.cv", expected="a time in every row",
                         found=f"{found.null_count} nulls", help="leave these rows out of the frame")  # fmt: skip
    if pa.types.is_temporal(found.type):
        micros = found.cast(pa.timestamp("us", tz=getattr(found.type, "tz", None))).cast(pa.int64())
        return np.asarray(micros.to_numpy(), dtype=np.float64) / 1e6
    return np.asarray(found.cast(pa.float64()).to_numpy(), dtype=np.float64)
