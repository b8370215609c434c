"""The engine of a model that answers every row alike: DummyClassifier and DummyRegressor."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from mlspec.graph.canonical import canonical_bytes
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import predict
from mlspec.runtime.package.manifest import refused
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target

_VARYING = ("stratified",)


class ConstantEngine:
    """The same scores for every row."""

    def __init__(self, answer: list[float]) -> None:
        self._answer = np.array(answer, dtype=np.float64)

    def scores(self, matrix: Floats) -> Floats:
        """The answer, once a row."""
        rows = np.tile(self._answer, (len(matrix), 1))
        return rows[:, 0].copy() if len(self._answer) == 1 else rows


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The constant that the fitted estimator answers."""
    if getattr(estimator, "strategy", None) in _VARYING:
        raise StageError(
            "MLS208", "a baseline that answers by chance cannot be packaged", expected="a constant strategy",
            found=str(estimator.strategy), help='leave `strategy` out (it is "prior"), or set "most_frequent"',
        )  # fmt: skip
    answer = predict(estimator, np.zeros((1, width)), target)
    return canonical_bytes({"scores": answer.reshape(-1).tolist()})


def load(data: bytes, task: str, classes: int) -> ConstantEngine:
    """The engine in the bytes of `constant.json`."""
    try:
        return ConstantEngine([float(score) for score in json.loads(data)["scores"]])
    except (ValueError, KeyError, TypeError) as error:
        raise refused("constant.json holds no scores") from error
