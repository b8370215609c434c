"""Estimators by key, `sklearn.LogisticRegression`; a library's file is read when a spec first names one of its estimators."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "estimators"
LIBRARIES = ("sklearn", "lightgbm", "xgboost")
WITHOUT_WEIGHTS = frozenset((
    "sklearn.ARDRegression", "sklearn.GaussianProcessClassifier", "sklearn.GaussianProcessRegressor", "sklearn.KNeighborsClassifier",
    "sklearn.KNeighborsRegressor", "sklearn.LabelPropagation", "sklearn.LabelSpreading", "sklearn.Lars", "sklearn.LarsCV",
    "sklearn.LassoLars", "sklearn.LassoLarsCV", "sklearn.LassoLarsIC", "sklearn.LinearDiscriminantAnalysis", "sklearn.NearestCentroid",
    "sklearn.OrthogonalMatchingPursuit", "sklearn.OrthogonalMatchingPursuitCV", "sklearn.PLSRegression",
    "sklearn.PassiveAggressiveClassifier", "sklearn.PassiveAggressiveRegressor", "sklearn.QuadraticDiscriminantAnalysis",
    "sklearn.RadiusNeighborsClassifier", "sklearn.RadiusNeighborsRegressor", "sklearn.TheilSenRegressor",
))  # fmt: skip
"""Estimators that are fitted with every row counting alike; a test compares with the libraries."""


class Estimator:
    """One estimator: its import path, the tasks that it fits, whether it takes nulls, and its parameters.

    A parameter is `{"default", "types", "options", "ranges"}`: `types` among bool int float str null other; `options` are the
    strings it may be; a range is `[type, low, high, closed]` with None for open ends and closed left, right, both or neither.
    `probability` is true, false, or `{parameter: values}` with which it gives probabilities.
    """

    __slots__ = ("key", "library", "module", "name", "nulls", "parameters", "probability", "seeded", "tasks", "version")

    def __init__(self, library: str, version: str, name: str, row: dict[str, Any]) -> None:
        self.key = f"{library}.{name}"
        self.library = library
        self.version = version
        self.name = name
        self.module: str = row["module"]
        self.tasks: tuple[str, ...] = tuple(row["tasks"])
        self.nulls: bool = row["nulls"]
        self.probability: bool | dict[str, list[Any]] = row["probability"]
        self.parameters: dict[str, dict[str, Any]] = row["parameters"]
        self.seeded: bool = "random_state" in self.parameters

    def gives_probability(self, params: Mapping[str, Any]) -> bool:
        """Whether a classifier with these parameters gives probabilities, and not decisions or distances alone."""
        if isinstance(self.probability, bool):
            return self.probability
        ((name, values),) = self.probability.items()
        return params.get(name, self.parameters[name]["default"]) in values

    def __repr__(self) -> str:
        return f"Estimator({self.key})"


@cache
def _library(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_bytes())
    return content


@cache
def estimator(key: str) -> Estimator | None:
    """The estimator `library.Name`, None where the catalogue has none."""
    library, _, name = key.partition(".")
    if library not in LIBRARIES:
        return None
    content = _library(library)
    row = content["estimators"].get(name)
    return None if row is None else Estimator(library, content["version"], name, row)


def estimator_names() -> list[str]:
    """The key of every estimator, library by library."""
    return [f"{library}.{name}" for library in LIBRARIES for name in _library(library)["estimators"]]
