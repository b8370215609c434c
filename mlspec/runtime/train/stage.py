"""The `fit` stage: a fixed estimator, fitted on a part, as a proven package."""

from __future__ import annotations

import numpy as np

from mlspec.runtime.context import StageContext
from mlspec.runtime.package.write import write_package
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.train.folds import Fold, chance_folds, group_folds, refuse_empty
from mlspec.runtime.train.model import Predictions, Recipe, finish, fit_model, predict_fold

_FOLDS = 5


def run(context: StageContext) -> None:
    """Fit, calibrate, choose the threshold, package and prove."""
    config = context.config
    reader = PartReader(context)
    learning = reader.learning(config["part"])
    recipe = Recipe(
        config["estimator"], config["params"], reader.features, config.get("unknown") or "encode",
        lambda fold: context.seed("fit", fold=fold), context.block,
    )  # fmt: skip
    context.progress(0, 2, f"fitting {config['estimator']} on {len(learning):,} rows")
    fitted = fit_model(recipe, learning, reader)
    fitted = finish(fitted, config, reader, lambda: _out_of_fold(context, recipe, learning), context.block)
    context.progress(1, 2, "packaging")
    package = write_package(
        context.output("package"), fitted, reader.descriptors, reader.proof(config["part"]), context.project_root
    )
    context.progress(2, 2, f"packaged as {package.engine}, proven on {package.manifest.proof['rows']:,} rows")


def _out_of_fold(context: StageContext, recipe: Recipe, learning: Learning) -> Predictions:
    """Predictions of every row by a model that was not fitted on it."""
    folds = _folds(context, learning)
    refuse_empty(folds, context.block)
    scores = [predict_fold(recipe, learning, fold, number) for number, fold in enumerate(folds)]
    return Predictions(np.concatenate(scores), learning.take(np.concatenate([judging for _, judging in folds])), context.block)


def _folds(context: StageContext, learning: Learning) -> list[Fold]:
    """Five folds, whole groups together, equal shares of every class."""
    target, seed = learning.target, context.seed("folds")
    strata = None if target.task == "regression" else target.y.astype(np.int64)
    if target.groups is not None:
        return group_folds(target.groups, _FOLDS, seed, strata)
    return chance_folds(len(learning), _FOLDS, seed, strata)
