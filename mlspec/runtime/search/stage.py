"""The `search` stage: a study over families and params, its best trial refitted on the whole part and packaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.graph.canonical import digest_of
from mlspec.graph.kinds import KINDS, packages_of
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.estimators import build_estimator
from mlspec.runtime.estimators.fit import one_thread, quiet
from mlspec.runtime.folder import content_of
from mlspec.runtime.package.write import write_package
from mlspec.runtime.search.beginning import earlier_trials, is_reproducible, starting_trials
from mlspec.runtime.search.budget import CLOCKS, read_budget
from mlspec.runtime.search.course import Rules, run_course
from mlspec.runtime.search.engines import Engine, open_engine
from mlspec.runtime.search.fold_data import FoldData, fold_data, remove_mapped
from mlspec.runtime.search.folds import cv_folds
from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.importance import importance
from mlspec.runtime.search.judge import Measures, judge_fold, read_goal
from mlspec.runtime.search.pruning import bars, open_pruner, require_built
from mlspec.runtime.search.space import Family, read_families
from mlspec.runtime.search.study import Courses, Study, require_usable
from mlspec.runtime.search.trials import FAILED, Suggestion, Trial
from mlspec.runtime.search.workers import Course
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.train.folds import Fold
from mlspec.runtime.train.model import Predictions, Recipe, finish, fit_model, predict_fold

PARALLEL = 4
# What the trials of a study do not depend on.
_NOT_IN_KEY = ("trials", "threshold", "prefer", "workers")


def run(context: StageContext) -> None:
    """Search, refit the best trial, calibrate, choose the threshold, package and prove."""
    config, where = context.config, context.block
    reader = PartReader(context)
    families = read_families(config["families"], where)
    _import_libraries(families, where)
    with one_thread():
        learning = reader.learning(config["part"])
        goal, measures = read_goal(config, reader.label, where)
        folds = cv_folds(reader, learning, config["part"], config["cv"], context.seed("folds"))
        goal = replace(goal, overlap=_overlap(folds))
        key = study_key(context)
        scratch = context.resume_dir(key)
        data = fold_data(reader, learning, folds, scratch)
        study = _study(context, key, families, goal, measures, data)
        trials = _run(context, study, measures, data, scratch)
        remove_mapped(scratch)
        best = require_usable(trials, goal, where)
        _package(context, reader, learning, folds, families, best)
    document = _document(context, study, trials, best, families, folds)
    files.write_json(context.output("study") / "study.json", document)


def study_key(context: StageContext) -> str:
    """The address of the study's journal: everything that its trials depend on."""
    config = {name: value for name, value in context.config.items() if name not in _NOT_IN_KEY}
    if (config.get("budget") or {}).get("name") == "fits":  # more of them go on from the same study, as more trials do
        del config["budget"]
    inputs = {name: content_of(folder) for name, folder in sorted(context.inputs().items())}
    versions = installed_versions(packages_of("search", context.config))
    return digest_of(["study", KINDS["search"].version, context.block, config, inputs, versions])


def _overlap(folds: Sequence[Fold]) -> float:
    """How many rows a fold judges for each that it fits, over all folds."""
    return sum(len(judging) for _, judging in folds) / sum(len(fitting) for fitting, _ in folds)


def _import_libraries(families: Sequence[Family], where: str) -> None:
    """Import each family's library and check its fixed params once, before workers fork."""
    with quiet():
        for family in families:
            build_estimator(family.estimator, family.params, 0, f"{where}.{family.name}")


def _study(
    context: StageContext, key: str, families: Sequence[Family], goal: Goal, measures: Measures, data: Sequence[FoldData]
) -> Study:
    config, where = context.config, context.block
    by_name = {family.name: family for family in families}
    require_built(config.get("pruner"), where)

    def seed(number: int, fold: int) -> int:
        return context.seed("fit", trial=number, fold=fold)

    def judge(number: int, suggestion: Suggestion, fold: int) -> list[float]:
        family = by_name[suggestion.family]
        return judge_fold(family, suggestion.params, data[fold], measures, seed(number, fold), f"{where}.{family.name}")

    def course(number: int, suggestion: Suggestion, rules: Rules) -> dict[str, Any]:
        family, seeds = by_name[suggestion.family], partial(seed, number)
        return run_course(family, suggestion.params, data, measures, goal.first, seeds, rules, f"{where}.{family.name}")

    total = int(config["trials"])
    context.progress(0, total, f"{len(data)} folds of {len(data[0].fitting.names)} columns ready")
    return Study(
        key=key, trials=total, folds=len(data), parallel=int(config.get("parallel") or PARALLEL), goal=goal,
        engine=_engine(context, families, goal), judge=judge, budget=read_budget(config), name=where, seed=seed,
        pruner=lambda number, history: open_pruner(config.get("pruner"), number, history, goal.first, len(data)),
        report=lambda done, note: context.progress(done, total, note), courses=_courses(config, by_name, goal, course),
    )  # fmt: skip


def _courses(config: Mapping[str, Any], families: Mapping[str, Family], goal: Goal, run: Course) -> Courses | None:
    """How trials run that find their rounds, where a family has some."""
    if all(family.rounds is None for family in families.values()):
        return None

    def parameter(suggestion: Suggestion) -> str | None:
        rounds = families[suggestion.family].rounds
        return None if rounds is None else rounds.parameter

    def bars_of(number: int, suggestion: Suggestion, history: Sequence[Trial]) -> Mapping[int, float]:
        rounds = families[suggestion.family].rounds
        return {} if rounds is None else bars(config.get("pruner"), number, history, goal.first, rounds)

    return Courses(run, parameter, bars_of)


def _run(context: StageContext, study: Study, measures: Measures, data: Sequence[FoldData], scratch: Path) -> list[Trial]:
    """The study's trials, by processes of this machine, or by tasks of the cluster that `workers` names."""
    config, wanted = context.config, context.config.get("workers")
    if wanted is None:
        return study.run(scratch, context.workers)
    from mlspec.runtime.search.cluster import Cluster, header_of

    header = header_of(
        config["families"], measures, study.goal.first, [*packages_of("search", config), "mlspec-lang"], context.block
    )
    cluster = Cluster(str(wanted["address"]), header, data, context.block)
    try:
        context.progress(0, study.trials, f"on {cluster.nodes} nodes with {cluster.limit} cores by Ray")
        study.open_pool = lambda limit: cluster
        return study.run(scratch, cluster.limit)
    finally:
        cluster.close()


def _engine(context: StageContext, families: Sequence[Family], goal: Goal) -> Engine:
    """The engine behind the trials that the spec starts with, and what an earlier study found."""

    def seed(number: int, again: int) -> int:
        return context.seed("suggest", trial=number, epoch=again or None)

    starts = starting_trials(context.config.get("starts") or (), families, seed, context.block)
    earlier = earlier_trials(context.inputs().get("warm"), families, goal, context.block)
    return open_engine(context.config["engine"], families, goal, seed, context.block, starts, earlier)


def _package(
    context: StageContext,
    reader: PartReader,
    learning: Learning,
    folds: Sequence[Fold],
    families: Sequence[Family],
    best: Trial,
) -> None:
    """Refit the best trial on the whole part and package it."""
    config, where = context.config, context.block
    family = next(item for item in families if item.name == best.family)
    recipe = Recipe(
        family.estimator, family.fixed(best.params), reader.features, config.get("unknown") or "encode",
        lambda fold: context.seed("fit", trial=best.number, fold=fold), f"{where}.{family.name}",
    )  # fmt: skip
    total = int(config["trials"])
    context.progress(total, total, f"refitting trial {best.number} ({best.family}) on {len(learning):,} rows")
    fitted = finish(fit_model(recipe, learning, reader), config, reader, lambda: _out_of_fold(recipe, learning, folds), where)
    package = write_package(
        context.output("package"), fitted, reader.descriptors, reader.proof(config["part"]), context.project_root
    )
    note = f"best is trial {best.number} ({best.family}, {best.value:.4f}), packaged as {package.engine}"
    context.progress(total, total, note)


def _out_of_fold(recipe: Recipe, learning: Learning, folds: Sequence[Fold]) -> Predictions:
    """The best trial's predictions of the judging rows of every fold, each by its own fold's model."""
    scores = [predict_fold(recipe, learning, fold, number) for number, fold in enumerate(folds)]
    return Predictions(np.concatenate(scores), learning.take(np.concatenate([judging for _, judging in folds])), recipe.where)


def _document(
    context: StageContext, study: Study, trials: Sequence[Trial], best: Trial, families: Sequence[Family], folds: Sequence[Fold]
) -> dict[str, Any]:
    """What `study.json` holds; no clock reading, so that it is as reproducible as the study."""
    config, goal = context.config, study.goal
    ended = study.ended or ("fits" if study.over_budget else None)
    return {
        "format": 1, "name": config["name"], "engine": config["engine"], "objective": config["objective"],
        "further": list(config.get("further") or ()), "prefer": config.get("prefer"), "constraints": list(config.get("constraints") or ()),
        "cv": config["cv"], "folds": [{"fitting": len(fitting), "judging": len(judging)} for fitting, judging in folds],
        "families": [{"name": family.name, "estimator": family.estimator} for family in families],
        "requested": int(config["trials"]), "trials": [trial.to_json() for trial in trials], "fits": sum(trial.fits for trial in trials),
        "failed": sum(trial.state == FAILED for trial in trials), "front": [trial.number for trial in goal.front(trials)],
        "best": best.to_json(), "importance": importance(trials, families), "ended": ended, "reproducible": ended not in CLOCKS and is_reproducible(context.inputs().get("warm")),
    }  # fmt: skip
