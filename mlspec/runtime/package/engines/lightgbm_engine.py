"""The LightGBM engine: its own text format, predicted with one thread."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.package.manifest import refused
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


class LightgbmEngine:
    """A booster."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def scores(self, matrix: Floats) -> Floats:
        """P(positive), P(class) or the prediction of each row."""
        return np.asarray(self._booster.predict(matrix, num_threads=1), dtype=np.float64)


def write(estimator: Any, width: int, target: Target) -> bytes:
    """The booster of a fitted estimator as text."""
    if target.task != "regression" and len(estimator.classes_) != target.classes:
        raise StageError(
            "MLS816", "a class has no rows to fit on", expected=f"{target.classes} classes", found=f"{len(estimator.classes_)}"
        )
    text: str = estimator.booster_.model_to_string(num_iteration=-1)
    return text.encode()


def load(data: bytes, task: str, classes: int) -> LightgbmEngine:
    """The booster in the bytes of `model.txt`."""
    import lightgbm

    try:
        return LightgbmEngine(lightgbm.Booster(model_str=data.decode()))
    except (lightgbm.basic.LightGBMError, UnicodeDecodeError) as error:
        raise refused(f"LightGBM does not load its model: {str(error)[:160]}") from error
