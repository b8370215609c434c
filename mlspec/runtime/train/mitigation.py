"""Fairness mitigation while fitting: weights of rows under which group and label are independent.

Reweighing (Kamiran and Calders 2012): a row of group s and label y counts n_s n_y / (n n_sy), so that every group has the same
weighted share of each label and the estimator gains nothing by telling groups apart. The weights are of the rows at hand, in each
fold again. What is packaged is the fitted model alone: nobody's group is asked for when it answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.columns import Floats
from mlspec.runtime.transform.target import Target


def reweighing(target: Target) -> Floats | None:
    """The weight of each row, None where nothing is mitigated; a group that has one label only keeps it."""
    if target.protected is None:
        return None
    labels, groups = np.unique(target.y, return_inverse=True)[1], np.unique(target.protected, return_inverse=True)[1]
    counts = np.zeros((groups.max() + 1, labels.max() + 1))
    np.add.at(counts, (groups, labels), 1.0)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / len(target.y)
    return np.asarray((expected[groups, labels] / counts[groups, labels]), dtype=np.float64)


def weights_of(estimator: Any, target: Target, where: str) -> Floats | None:
    """The weights that an estimator is fitted with; StageError MLS212 for one that takes none."""
    weights = reweighing(target)
    if weights is not None and "sample_weight" not in inspect.signature(estimator.fit).parameters:
        name = type(estimator).__name__
        raise StageError(
            "MLS212", f"`{name}` takes no weights of rows, so that `mitigate` cannot reach it", f"{where}.mitigate",
            expected="an estimator that takes weights", found=name, help="choose another family, as `sklearn.LogisticRegression`",
        )  # fmt: skip
    return weights


def protected_column(config: Mapping[str, Any]) -> str | None:
    """The column of the groups that are to be treated alike."""
    found = config.get("mitigate")
    return None if found is None else str(found["by"])
