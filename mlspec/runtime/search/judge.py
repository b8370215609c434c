"""What a trial does in its worker: fit on each fold, judge, end early if the pruner says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
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
from mlspec.runtime.search.pruning import Prune
from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import COMPLETE, FAILED, PRUNED, Suggestion, Trial
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


def run_trial(
    number: int, suggestion: Suggestion, family: Family, folds: Sequence[FoldData], objective: Objective,
    prune: Prune, seed: Callable[[int], int], where: str,
) -> Trial:  # fmt: skip
    """Fit and judge the trial on one fold after the other; `seed` gives the seed of a fold."""
    values: list[float] = []
    params = {**family.params, **suggestion.params}
    for place, fold in enumerate(folds):
        estimator = build_estimator(family.estimator, params, seed(place), where)
        require_scores(estimator, fold.fitting_target, objective.calibrated, where)
        refuse_nulls(family.estimator, fold.fitting, where)
        refuse_empty_columns(family.estimator, fold.fitting, where)
        refuse_nulls(family.estimator, fold.judging, where)
        fit_estimator(estimator, fold.fitting.numbers, fold.fitting_target, where)
        try:
            scores = finite(predict(estimator, fold.judging.numbers, fold.judging_target))
            values.append(objective.of(fold.judging_target, scores))
        except UndefinedMetric as error:
            return Trial(number, family.name, suggestion.params, FAILED, tuple(values), None, f"fold {place + 1}: {error}")
        if prune(values):
            break
    state = COMPLETE if len(values) == len(folds) else PRUNED
    return Trial(number, family.name, suggestion.params, state, tuple(values), _mean(values))


def finite(scores: Floats) -> Floats:
    """The scores, as they are; UndefinedMetric where one is NaN or infinite, which a rank metric would rank as if it were a score."""
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise UndefinedMetric(f"{bad} of {scores.size} scores are no finite numbers")
    return scores


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
