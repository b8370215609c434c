"""The peer of the search: its fits alone, in two processes of one thread each: `python bare_fits.py DATA STUDY`."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.peers.census_fits import Folds, Transform, model_of, trials_of

FOLDS: list[Folds] = []


def score(trial: dict[str, Any]) -> float:
    """One trial, in a forked worker that shares the folds."""
    return FOLDS[0].score(trial)


def main() -> None:
    """Every trial over every fold, then the best once more on all rows."""
    warnings.simplefilter("ignore")
    rows = pd.read_parquet(sys.argv[1])
    train, _ = train_test_split(rows, train_size=0.7, stratify=rows["income"], random_state=7)
    trials = trials_of(Path(sys.argv[2]))
    FOLDS.append(Folds(train))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        scores = pool.map(score, trials, chunksize=1)
    best = max(range(len(trials)), key=lambda number: scores[number])
    model_of(trials[best]).fit(Transform(train).apply(train), train["income"] == ">50K")
    print(best, scores[best])


if __name__ == "__main__":
    main()
