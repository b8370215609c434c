"""What a worker does with one fold of a trial: fit on its fitting rows, judge on the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators import build_estimator, fit_estimator, predict
from mlspec.runtime.estimators.build import refuse_empty_columns, refuse_nulls
from mlspec.runtime.estimators.fit import require_scores
from mlspec.runtime.evaluate.metrics import METRICS, metric_of, score
from mlspec.runtime.evaluate.outcomes import UndefinedMetric
from mlspec.runtime.search.fold_data import FoldData
from mlspec.runtime.search.space import Family
from mlspec.runtime.transform import Target
from mlspec.runtime.transform.columns import Floats


@dataclass(frozen=True)
class Objective:
    """The metric that a study ranks trials by, before any calibration; `calibrated` says that the best trial will have one."""

    metric: str
    direction: str
    label: Mapping[str, Any]
    calibrated: bool = False

    def of(self, target: Target, scores: Floats) -> float:
        """The metric on one fold; a metric whose best value is 0 counts by its distance from it."""
        label = self.label
        task = str(label["task"])
        favourable = int(label.get("favourable") in (None, label.get("positive"))) if task == "binary" else 1
        y = target.y if task == "regression" else target.y.astype("int64")
        value = score(self.metric, y, scores, task=task, classes=tuple(label.get("classes") or ()), favourable=favourable)
        return abs(value) if METRICS[self.metric].direction == "zero" else value


def read_objective(config: Mapping[str, Any], label: Mapping[str, Any], calibrated: bool, where: str) -> Objective:
    """The objective of a search config; StageError MLS209 for a metric that the task does not have."""
    found = Objective(str(config["metric"]), str(config["direction"]), label, calibrated)
    try:
        metric_of(found.metric, str(label["task"]))
        if label["task"] not in METRICS[found.metric].tasks:
            raise UndefinedMetric(f"`{found.metric}` is no metric of a {label['task']} task")
    except UndefinedMetric as error:
        raise StageError(
            "MLS209", str(error), f"{where}.objective", found=found.metric,
            expected=", ".join(name for name, metric in METRICS.items() if label["task"] in metric.tasks),
            help="choose a metric of the label's task",
        ) from error  # fmt: skip
    return found


def judge_fold(
    family: Family, params: Mapping[str, Any], fold: FoldData, objective: Objective, seed: int, where: str
) -> float:  # fmt: skip
    """Fit on the fold's fitting rows and give the objective on its judging rows; UndefinedMetric where it has none."""
    estimator = build_estimator(family.estimator, {**family.params, **params}, seed, where)
    require_scores(estimator, fold.fitting_target, objective.calibrated, where)
    refuse_nulls(family.estimator, fold.fitting, where)
    refuse_empty_columns(family.estimator, fold.fitting, where)
    refuse_nulls(family.estimator, fold.judging, where)
    fit_estimator(estimator, fold.fitting.numbers, fold.fitting_target, where)
    scores = finite(predict(estimator, fold.judging.numbers, fold.judging_target))
    return objective.of(fold.judging_target, scores)


def finite(scores: Floats) -> Floats:
    """The scores, as they are; UndefinedMetric where one is NaN or infinite, which a rank metric would rank as if it were a score."""
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise UndefinedMetric(f"{bad} of {scores.size} scores are no finite numbers")
    return scores
