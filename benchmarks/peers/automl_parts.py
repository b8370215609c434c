"""The parts of our split as files that peers read, or the AUC of the model of our search: `python automl_parts.py PROJECT [auc]`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq


def parts(project: Path) -> None:
    """`train.parquet` and `holdout.parquet`: the rows as they came, of the parts as our split has them."""
    rows = pd.read_parquet(project / "data/rows.parquet")
    tables = (pq.read_table(path) for path in sorted(project.glob(".mlspec/store/artifacts/*/rows.parquet")))
    (split,) = (table.to_pandas() for table in tables if table.schema.names == ["__row", "part"])
    for part in ("train", "holdout"):
        rows.iloc[split["__row"][split["part"] == part].to_numpy()].to_parquet(project / f"{part}.parquet", index=False)


def auc(project: Path) -> float:
    """The AUC of the scores of the holdout, by scikit-learn, as for the peers."""
    from sklearn.metrics import roc_auc_score

    found = project.glob(".mlspec/store/artifacts/*/rows.parquet")
    (path,) = (path for path in found if "tune.score" in pq.read_schema(path).names)
    scored = pq.read_table(path).to_pandas()
    rows = pd.read_parquet(project / "data/rows.parquet").iloc[scored["__row"].to_numpy()]
    return float(roc_auc_score(rows["y"] == "yes", scored["tune.score"]))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(auc(folder)) if len(sys.argv) > 2 else parts(folder)
