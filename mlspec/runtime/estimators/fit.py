"""Fit an estimator and ask it for scores, with one shape for every library and the library's warnings turned into notes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.rankers import fit_ranker, is_ranker
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_limited: list[bool] = []


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and OpenMP with one thread: sums in one order, and no threads of one trial in the way of another's.

    Inside another `one_thread` it does nothing: looking for the loaded libraries takes longer than a small fit. So import
    what will be used before the outermost one.
    """
    if _limited:
        yield
        return
    from threadpoolctl import threadpool_limits

    _limited.append(True)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        _limited.pop()


@contextmanager
def quiet() -> Iterator[list[str]]:
    """Library warnings collected as texts instead of printed; the caller decides what they mean."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield texts
        finally:
            texts += sorted({str(item.message).partition("\n")[0] for item in caught})


def fit_estimator(estimator: Any, matrix: Floats, target: Target, where: str = "", weights: Floats | None = None) -> list[str]:
    """Fit in place, rows weighted where weights are given, and return the library's warnings; what the estimator refuses is StageError MLS814."""
    with one_thread(), quiet() as notes:
        fit_held(estimator, matrix, target, where, weights)
    return notes


def fit_held(estimator: Any, matrix: Floats, target: Target, where: str = "", weights: Floats | None = None) -> None:
    """`fit_estimator` where threads are limited and warnings held already."""
    labels = target.y if target.task == "regression" else target.y.astype(np.int64)
    try:
        if is_ranker(estimator):
            fit_ranker(estimator, matrix, target, where)
            return
        estimator.fit(matrix, labels) if weights is None else estimator.fit(matrix, labels, sample_weight=weights)
    except (ValueError, TypeError, ArithmeticError, RuntimeError, IndexError, np.linalg.LinAlgError) as error:
        raise StageError(
            "MLS814", f"`{type(estimator).__name__}` could not be fitted: {_first_line(error)}", where,
            expected="params and rows that the estimator accepts", found=_first_line(error),
            help="change the params, or the features that it is given",
        ) from error  # fmt: skip


def predict(estimator: Any, matrix: Floats, target: Target) -> Floats:
    """Scores as float64: P(positive) (n,), P(class) (n, classes), or the prediction (n,)."""
    with one_thread(), quiet():
        return predicted(estimator, matrix, target)


def predicted(estimator: Any, matrix: Floats, target: Target) -> Floats:
    """`predict` where threads are limited and warnings held already."""
    if target.task == "regression":
        return np.asarray(estimator.predict(matrix), dtype=np.float64).reshape(-1)
    return class_scores(_probabilities(estimator, matrix), np.asarray(estimator.classes_), target.task, target.classes)


def class_scores(found: Floats, present: Any, task: str, classes: int) -> Floats:
    """Columns of the classes that the fitting rows had, put where they belong; a class that they had not gets 0."""
    spread = np.zeros((len(found), classes))
    for column, place in enumerate(np.asarray(present).tolist()):
        spread[:, int(place)] = found[:, column]
    return np.ascontiguousarray(spread[:, 1]) if task == "binary" else spread


def require_scores(estimator: Any, target: Target, calibrated: bool, where: str) -> None:
    """StageError MLS212 for a classifier without probabilities that no calibration makes into some."""
    if target.task == "regression" or hasattr(estimator, "predict_proba") or calibrated:
        return
    name = type(estimator).__name__
    raise StageError(
        "MLS212", f"`{name}` gives no probabilities", where, expected="a classifier with probabilities, or `calibrate`", found=name,
        help="add `calibrate = sigmoid()`, or choose another family, as `sklearn.LogisticRegression`",
    )  # fmt: skip


def _probabilities(estimator: Any, matrix: Floats) -> Floats:
    """Probabilities; where a classifier has none, its distances from the boundary, each squeezed into 0..1, to be calibrated."""
    if hasattr(estimator, "predict_proba"):
        return np.asarray(estimator.predict_proba(matrix), dtype=np.float64)
    distances = np.asarray(estimator.decision_function(matrix), dtype=np.float64)
    squeezed = np.array([logistic(distance) for distance in distances.reshape(-1).tolist()]).reshape(distances.shape)
    return np.stack([1.0 - squeezed, squeezed], axis=1) if squeezed.ndim == 1 else squeezed


def logistic(value: float) -> float:
    """1 / (1 + exp(-value)), one number at a time: a vector's rounding depends on its length."""
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    grown = math.exp(value)
    return grown / (1.0 + grown)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
