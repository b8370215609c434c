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
from mlspec.runtime.search.constraints import measure_name, metrics_of, read_constraints
from mlspec.runtime.search.fold_data import FoldData
from mlspec.runtime.search.goal import Aim, Goal
from mlspec.runtime.search.learned import learned_numbers
from mlspec.runtime.search.space import Family
from mlspec.runtime.train.mitigation import weights_of
from mlspec.runtime.transform import Target
from mlspec.runtime.transform.columns import Floats

LEARNED = "learned_numbers"
"""The measure of `simplest()`: no metric of predictions, but a count of what was learned."""


@dataclass(frozen=True)
class Measures:
    """What is measured of a trial on every fold, before any calibration; `calibrated` says that the best trial will have one."""

    wanted: tuple[tuple[str, Mapping[str, Any]], ...]
    label: Mapping[str, Any]
    calibrated: bool = False

    def of(self, estimator: Any, target: Target, scores: Floats) -> list[float]:
        """Each of them on one fold; a metric whose best value is 0 counts by its distance from it."""
        return [self._one(metric, args, estimator, target, scores) for metric, args in self.wanted]

    def _one(self, metric: str, args: Mapping[str, Any], estimator: Any, target: Target, scores: Floats) -> float:
        if metric == LEARNED:
            return float(learned_numbers(estimator))
        label = self.label
        task = str(label["task"])
        favourable = int(label.get("favourable") in (None, label.get("positive"))) if task == "binary" else 1
        y = target.y if task == "regression" else target.y.astype("int64")
        classes = tuple(label.get("classes") or ())
        value = score(metric, y, scores, task=task, classes=classes, favourable=favourable, args=args,
                      query=target.groups if "query" in label else None)  # fmt: skip
        return abs(value) if METRICS[metric].direction == "zero" else value


def read_goal(config: Mapping[str, Any], label: Mapping[str, Any], where: str) -> tuple[Goal, Measures]:
    """The goal of a search config and what is measured for it; StageError MLS209 for a metric that the task does not have."""
    objectives = [config["objective"], *(config.get("further") or ())]
    constraints = read_constraints(config.get("constraints") or (), where)
    wanted: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for objective in objectives:
        _require_metric(str(objective["metric"]), {}, label, f"{where}.objective")
        wanted[str(objective["metric"])] = (str(objective["metric"]), {})
    for constraint in constraints:
        for metric, args in metrics_of(constraint.expression):
            _require_metric(metric, args, label, f"{where}.{constraint.name}")
            wanted[measure_name(metric, args)] = (metric, args)
    aims = tuple(Aim(str(objective["metric"]), str(objective["direction"])) for objective in objectives)
    goal = Goal(aims, tuple(wanted), constraints, config.get("prefer"), float(config.get("confidence") or 0.95))
    return goal, Measures(tuple(wanted.values()), label, config.get("calibrate") is not None)


def _require_metric(metric: str, args: Mapping[str, Any], label: Mapping[str, Any], where: str) -> None:
    task = "ranking" if "query" in label else str(label["task"])
    try:
        if metric != LEARNED:
            row = metric_of(metric, task)
            if task not in row.tasks and not (task == "multiclass" and "class" in args):
                raise UndefinedMetric(f"`{metric}` is no metric of a {task} task")
    except UndefinedMetric as error:
        raise StageError(
            "MLS209", str(error), where, found=metric, expected=", ".join(name for name, row in METRICS.items() if task in row.tasks),
            help="choose a metric of the label's task",
        ) from error  # fmt: skip


def judge_fold(
    family: Family, params: Mapping[str, Any], fold: FoldData, measures: Measures, seed: int, where: str
) -> list[float]:  # fmt: skip
    """Fit on the fold's fitting rows and measure on its judging rows; UndefinedMetric where something cannot be measured."""
    estimator = build_estimator(family.estimator, {**family.params, **params}, seed, where)
    require_scores(estimator, fold.fitting_target, measures.calibrated, where)
    refuse_nulls(family.estimator, fold.fitting, where)
    refuse_empty_columns(family.estimator, fold.fitting, where)
    refuse_nulls(family.estimator, fold.judging, where)
    weights = weights_of(estimator, fold.fitting_target, where)
    fit_estimator(estimator, fold.fitting.numbers, fold.fitting_target, where, weights)
    scores = finite(predict(estimator, fold.judging.numbers, fold.judging_target))
    return measures.of(estimator, fold.judging_target, scores)


def finite(scores: Floats) -> Floats:
    """The scores, as they are; UndefinedMetric where one is NaN or infinite, which a rank metric would rank as if it were a score."""
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise UndefinedMetric(f"{bad} of {scores.size} scores are no finite numbers")
    return scores
