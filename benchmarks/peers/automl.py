"""FLAML or AutoGluon as their pages begin: `python automl.py TOOL TRAIN HOLDOUT SECONDS SEED`. Imports nothing of ours.

It says the seconds from rows in memory to a model that predicts, and the AUC on the holdout. Imports are left out.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
import warnings
from typing import Any

import pandas as pd
from sklearn.metrics import roc_auc_score

CORES = 2


def flaml(train: pd.DataFrame, seconds: float, seed: int) -> Any:
    """FLAML's AutoML with its own choice of learners, of holdout or folds, and of rows."""
    from flaml import AutoML

    def fit() -> Any:
        model = AutoML()
        model.fit(
            dataframe=train, label="y", task="classification", metric="roc_auc", time_budget=seconds, seed=seed, n_jobs=CORES,
            verbose=0,
        )  # fmt: skip
        logging.getLogger().info("%s", model.best_estimator)
        positive = list(model.classes_).index("yes")
        return lambda frame: model.predict_proba(frame)[:, positive], str(model.best_estimator)

    return fit


def autogluon(train: pd.DataFrame, seconds: float, seed: int) -> Any:
    """AutoGluon's predictor with its default preset, an ensemble."""
    from autogluon.tabular import TabularPredictor

    def fit() -> Any:
        folder = tempfile.mkdtemp()
        model = TabularPredictor("y", eval_metric="roc_auc", path=folder, verbosity=0, positive_class="yes")
        model.fit(train, time_limit=seconds, num_cpus=CORES, ag_args_fit={"random_seed": seed})
        return lambda frame: model.predict_proba(frame)["yes"], str(model.model_best)

    return fit


def main() -> None:
    """Fit, predict, and say how long and how well."""
    warnings.simplefilter("ignore")
    tool, train, holdout, seconds, seed = sys.argv[1:]
    rows, judged = pd.read_parquet(train), pd.read_parquet(holdout)
    for column in rows.columns.drop("y"):  # both tools take categories as pandas has them
        if rows[column].dtype == object:
            known = pd.CategoricalDtype(sorted(rows[column].dropna().unique()))
            rows[column], judged[column] = rows[column].astype(known), judged[column].astype(known)
    labels = judged.pop("y") == "yes"
    fit = {"flaml": flaml, "autogluon": autogluon}[tool](rows, float(seconds), int(seed))
    began = time.perf_counter()
    scores, chosen = fit()
    took = time.perf_counter() - began
    print()
    print(json.dumps({"seconds": took, "auc": roc_auc_score(labels, scores(judged)), "chosen": chosen}), flush=True)
    os._exit(0)  # what their threads still hold is nobody's


if __name__ == "__main__":
    main()
