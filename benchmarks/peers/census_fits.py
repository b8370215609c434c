"""What a person writes by hand for the census: the matrices, the folds and the fits, with pandas and scikit-learn and nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

SCALED = {"age": "age", "education": "education_num", "hours": "hours_per_week"}
ENCODED = ("workclass", "occupation", "relationship")
LOGGED = {"gain": "capital_gain", "loss": "capital_loss"}
FAMILIES = {"linear": partial(LogisticRegression, max_iter=1000), "boost": HistGradientBoostingClassifier}
Split = tuple[np.ndarray, np.ndarray]


def two_parts(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """70 % of the rows and the others, in equal shares of the label."""
    train, holdout = (
        pd.DataFrame(part) for part in train_test_split(rows, train_size=0.7, stratify=rows["income"], random_state=seed)
    )
    return train, holdout


def by_label(rows: pd.DataFrame, seed: int) -> Iterable[Split]:
    """Fitting and judging rows of five stratified folds."""
    folds: Iterable[Split] = StratifiedKFold(5, shuffle=True, random_state=seed).split(rows, rows["income"])
    return folds


class Transform:
    """Fill, scale and one-hot, fitted on the rows it is made from."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.centre = {column: rows[column].mean() for column in SCALED.values()}
        self.width = {column: rows[column].std(ddof=0) for column in SCALED.values()}
        self.values = {column: sorted(rows[column].fillna("missing").unique()) for column in ENCODED}

    def apply(self, rows: pd.DataFrame) -> np.ndarray:
        """The matrix of the rows."""
        columns = [((rows[column] - self.centre[column]) / self.width[column]).to_numpy() for column in SCALED.values()]
        columns += [np.log1p(rows[column].to_numpy(dtype=float)) for column in LOGGED.values()]
        for column in ENCODED:
            filled = rows[column].fillna("missing").to_numpy()
            columns += [(filled == value).astype(float) for value in self.values[column]]
        return np.column_stack(columns)

    @property
    def columns(self) -> int:
        """How wide the matrix is."""
        return len(SCALED) + len(LOGGED) + sum(map(len, self.values.values()))

    def save(self, path: Path) -> None:
        """Keep what was fitted, for the server."""
        path.write_text(json.dumps({"centre": self.centre, "width": self.width, "values": self.values}))


def model_of(trial: dict[str, Any], seed: int) -> Any:
    """The estimator that a trial of the study tried."""
    return FAMILIES[trial["family"]](**trial["params"], random_state=seed)


def trials_of(study: Path) -> list[dict[str, Any]]:
    """The trials that our search chose, so that both sides fit the same models."""
    loaded: list[dict[str, Any]] = json.loads(study.read_text())["trials"]
    return loaded


class Folds:
    """The matrices and labels of every fold, made once."""

    def __init__(self, rows: pd.DataFrame, splits: Iterable[Split]) -> None:
        label = (rows["income"] == ">50K").to_numpy()
        self.made = []
        for fitting, judging in splits:
            transform = Transform(rows.iloc[fitting])
            matrices = transform.apply(rows.iloc[fitting]), transform.apply(rows.iloc[judging])
            self.made.append((matrices[0], label[fitting], matrices[1], label[judging]))

    def score(self, trial: dict[str, Any], seeds: Iterable[int]) -> float:
        """The mean AUC of a trial over the folds."""
        found = []
        for (fitting, fitting_label, judging, judging_label), seed in zip(self.made, seeds, strict=True):
            model = model_of(trial, seed).fit(fitting, fitting_label)
            found.append(roc_auc_score(judging_label, model.predict_proba(judging)[:, 1]))
        return float(np.mean(found))
