"""The XGBoost engine: its own JSON format, predicted with one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.package.manifest import refused
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


class XgboostEngine:
    """A booster."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def scores(self, matrix: Floats) -> Floats:
        """P(positive), P(class) or the prediction of each row."""
        return np.asarray(self._booster.inplace_predict(matrix), dtype=np.float64)


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The booster of a fitted estimator as JSON."""
    return bytes(estimator.get_booster().save_raw("json"))


def load(data: bytes, task: str, classes: int) -> XgboostEngine:
    """The booster in the bytes of `model.json`."""
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(data))
    except xgboost.core.XGBoostError as error:
        raise refused(f"XGBoost does not load its model: {str(error)[:160]}") from error
    booster.set_param({"nthread": 1, "device": "cpu"})
    return XgboostEngine(booster)
