"""Fit a transform and an estimator together, predict out-of-fold, calibrate, choose the threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import build_estimator, fit_estimator, predict
from mlspec.runtime.estimators.build import refuse_empty_columns, refuse_nulls
from mlspec.runtime.estimators.fit import require_scores
from mlspec.runtime.package.calibration import apply_calibration, fit_calibration
from mlspec.runtime.package.write import Fitted
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.train.folds import Fold
from mlspec.runtime.train.mitigation import weights_of
from mlspec.runtime.train.threshold import choose_threshold, needs_scores
from mlspec.runtime.transform import fit_transform
from mlspec.runtime.transform.columns import Floats

_SAMPLE = 512


@dataclass(frozen=True)
class Recipe:
    """What to fit: an estimator by name with its params, on these features; `seed` is a function of the fold."""

    estimator: str
    params: Mapping[str, Any]
    features: Sequence[Mapping[str, Any]]
    unknown: str
    seed: Callable[[int | None], int]
    where: str


def fit_model(recipe: Recipe, learning: Learning, reader: PartReader) -> Fitted:
    """The model fitted on all rows given, neither calibrated nor thresholded yet."""
    transform, matrix = fit_transform(recipe.features, learning.columns, learning.target, recipe.unknown)
    refuse_nulls(recipe.estimator, matrix, recipe.where)
    refuse_empty_columns(recipe.estimator, matrix, recipe.where)
    estimator = build_estimator(recipe.estimator, recipe.params, recipe.seed(None), recipe.where)
    require_scores(estimator, learning.target, reader.config.get("calibrate") is not None, recipe.where)
    fit_estimator(
        estimator, matrix.numbers, learning.target, recipe.where, weights_of(estimator, learning.target, recipe.where)
    )
    spread = np.unique(np.linspace(0, len(learning) - 1, min(_SAMPLE, len(learning))).astype(np.int64))
    return Fitted(
        name=str(reader.config["name"]), estimator_name=recipe.estimator, params=recipe.params, estimator=estimator,
        transform=transform, target=learning.target, sample=np.ascontiguousarray(matrix.numbers[spread]), label=reader.label,
    )  # fmt: skip


def predict_fold(recipe: Recipe, learning: Learning, fold: Fold, number: int) -> Floats:
    """Scores of a fold's judging rows by a model fitted on its fitting rows, transform and all."""
    fitting, judging = learning.take(fold[0]), learning.take(fold[1])
    transform, matrix = fit_transform(recipe.features, fitting.columns, fitting.target)
    refuse_nulls(recipe.estimator, matrix, recipe.where)
    refuse_empty_columns(recipe.estimator, matrix, recipe.where)
    estimator = build_estimator(recipe.estimator, recipe.params, recipe.seed(number), recipe.where)
    fit_estimator(estimator, matrix.numbers, fitting.target, recipe.where, weights_of(estimator, fitting.target, recipe.where))
    return predict(estimator, transform.apply(judging.columns).numbers, judging.target)


@dataclass(frozen=True)
class Predictions:
    """Scores of rows that the model which gave them was not fitted on; StageError MLS814 where one is no finite number."""

    scores: Floats
    learning: Learning
    where: str = ""

    def __post_init__(self) -> None:
        bad = int((~np.isfinite(self.scores)).sum())
        if bad:
            raise StageError(
                "MLS814", f"{bad} of {self.scores.size} out-of-fold scores are no finite numbers", self.where,
                expected="a finite score of every row", found=f"{bad} NaN or infinite",
                help="change the params so that the fit converges, or scale the features",
            )  # fmt: skip


def finish(
    fitted: Fitted, config: Mapping[str, Any], reader: PartReader, out_of_fold: Callable[[], Predictions], where: str
) -> Fitted:
    """The model calibrated and thresholded as the config says, on a part of its own or on out-of-fold predictions."""
    calibrate, threshold = config.get("calibrate"), config.get("threshold")
    if calibrate is None and not needs_scores(threshold, False):
        return _with(fitted, None, choose_threshold(threshold, False, None, fitted.target, where))
    if calibrate is None:
        found = out_of_fold()
        return _with(fitted, None, choose_threshold(threshold, False, found.scores, found.learning.target, where))
    part = calibrate.get("part")
    found = _on_part(fitted, reader, str(part)) if part else out_of_fold()
    state = fit_calibration(str(calibrate["method"]), found.scores, found.learning.target, where)
    scores = apply_calibration(state, found.scores)
    return _with(fitted, state, choose_threshold(threshold, True, scores, found.learning.target, where))


def _on_part(fitted: Fitted, reader: PartReader, part: str) -> Predictions:
    learning = reader.learning(part)
    matrix = fitted.transform.apply(learning.columns)
    return Predictions(predict(fitted.estimator, matrix.numbers, learning.target), learning, reader.where)


def _with(fitted: Fitted, calibration: Mapping[str, Any] | None, threshold: float | None) -> Fitted:
    return replace(fitted, calibration=calibration, threshold=threshold)
