"""A smaller model learns the scores of a larger one on the fitting rows (Hinton, Vinyals and Dean 2015).

A classifier sees each row once for every class, weighted by the teacher's score of that class; so its loss is the cross entropy
with the scores, whatever the library. A regressor learns the teacher's prediction.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.compress.model import Model, require
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.build import build_estimator, refuse_nulls
from mlspec.runtime.estimators.fit import fit_estimator, require_scores
from mlspec.runtime.package.write import Fitted, export_model
from mlspec.runtime.transform.chain import Matrix
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_LEAST = 1e-12


def distil(model: Model, config: Mapping[str, Any], matrix: Matrix, target: Target, seed: int, where: str) -> Model:
    """The student of a model; it needs no calibration, since it learns calibrated scores."""
    require(model, "student", where)
    name, params = str(config["estimator"]), dict(config.get("params") or {})
    refuse_nulls(name, matrix, where)
    estimator = build_estimator(name, params, seed, where)
    require_scores(estimator, target, False, where)
    rows, learned, weights = lesson(model.scores(matrix.numbers), matrix.numbers, target, config)
    if weights is not None and "sample_weight" not in inspect.signature(estimator.fit).parameters:
        raise StageError(
            "MLS209", f"`{name}` does not learn scores: its rows have no weights", where, expected="an estimator whose rows may be weighted",
            found=name, help="choose another student, as `sklearn.LogisticRegression` or `sklearn.HistGradientBoostingClassifier`",
        )  # fmt: skip
    fit_estimator(estimator, rows, learned, where, weights)
    package = model.package
    fitted = Fitted(
        name=package.name, estimator_name=name, params=params, estimator=estimator, transform=package.transform, target=target,
        sample=matrix.numbers[:512], label={"task": target.task},
    )  # fmt: skip
    engine, data, _ = export_model(fitted)
    return model.changed(engine=engine, data=data, estimator={"name": name, "params": params}, calibration=None)


def lesson(scores: Floats, rows: Floats, target: Target, config: Mapping[str, Any]) -> tuple[Floats, Target, Floats | None]:
    """What an estimator is fitted on: rows, labels and weights."""
    soft = soft_scores(scores, target, config)
    if target.task == "regression":
        return rows, Target(target.task, soft), None
    count = soft.shape[1]
    labels = np.repeat(np.arange(count, dtype=np.float64), len(rows))
    weights = soft.T.reshape(-1)
    counted = weights > _LEAST
    return np.tile(rows, (count, 1))[counted], Target(target.task, labels[counted], target.classes), weights[counted]


def soft_scores(scores: Floats, target: Target, config: Mapping[str, Any]) -> Floats:
    """What a student learns of each row: P(class) or a prediction, mixed with the label as far as `labels` says."""
    share = float(config["labels"])
    if target.task == "regression":
        return (1.0 - share) * scores + share * target.y
    return (1.0 - share) * softened(scores, float(config["temperature"])) + share * _hard(target)


def softened(scores: Floats, temperature: float) -> Floats:
    """P(class) of each row at a temperature: 1 as it is, more nearer to even."""
    chances = np.stack([1.0 - scores, scores], axis=1) if scores.ndim == 1 else scores
    if temperature == 1.0:
        return chances
    logs = np.log(np.clip(chances, _LEAST, 1.0)) / temperature
    grown = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _hard(target: Target) -> Floats:
    """The labels as scores."""
    found = np.zeros((len(target.y), target.classes))
    found[np.arange(len(target.y)), target.y.astype(np.int64)] = 1.0
    return found
