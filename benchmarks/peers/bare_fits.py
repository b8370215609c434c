"""The peer of the search: its fits alone, in two processes of one thread each: `python -m benchmarks.peers.bare_fits DATA FITS`.

FITS is what `search_stage --fits` writes: the trials, the rows of the folds and the seeds of every fit, as ours has them.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peers.census_fits import Folds, Transform, model_of

FOLDS: list[Folds] = []


def score(trial: dict[str, Any]) -> float:
    """One trial, in a forked worker that shares the folds."""
    return FOLDS[0].score(trial, trial["seeds"])


def main() -> None:
    """Every trial over every fold, then the best once more on all rows."""
    warnings.simplefilter("ignore")
    fits = json.loads(Path(sys.argv[2]).read_text())
    train = pd.read_parquet(sys.argv[1]).iloc[fits["rows"]]
    FOLDS.append(Folds(train, [(np.array(fitting), np.array(judging)) for fitting, judging in fits["folds"]]))
    trials = fits["trials"]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        scores = pool.map(score, trials, chunksize=1)
    best = max(range(len(trials)), key=lambda number: scores[number])
    model_of(trials[best], trials[best]["refit_seed"]).fit(Transform(train).apply(train), train["income"] == ">50K")
    print(json.dumps(scores))


if __name__ == "__main__":
    main()
