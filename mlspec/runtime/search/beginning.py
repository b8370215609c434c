"""Where a study begins: trials that the spec gives, and the trials of an earlier study, which engines learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.engines import TRIES, shown
from mlspec.runtime.search.engines.random_engine import drawn
from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import COMPLETE, Suggestion, Trial, read_trial


def starting_trials(
    given: Sequence[Mapping[str, Any]], families: Sequence[Family], seed: Callable[[int, int], int], where: str
) -> list[Suggestion]:
    """The first trials of the study; what the spec leaves open is drawn with the seed of the trial."""
    by_name = {family.name: family for family in families}
    return [_starting(item, by_name[str(item["family"])], number, seed, where) for number, item in enumerate(given, start=1)]


def _starting(item: Mapping[str, Any], family: Family, number: int, seed: Callable[[int, int], int], where: str) -> Suggestion:
    """One of them, drawn again while it is outside the limits of its family; StageError MLS207 where it stays so."""
    for turn in range(TRIES):
        generator = np.random.Generator(np.random.PCG64(seed(number, turn)))
        params = family.active({**drawn(family, generator), **item["params"]})
        if family.allows(params):
            return Suggestion(family.name, params)
    raise StageError(
        "MLS207", f"what trial {number} is to start with is outside the limits of `{family.name}`", f"{where}.{family.name}",
        expected=", ".join(limit.name for limit in family.limits), found=shown(item["params"]),
        help="correct the `start:` of its parameters, or widen the limits",
    )  # fmt: skip


def earlier_trials(folder: Path | None, families: Sequence[Family], goal: Goal, where: str) -> list[Trial]:
    """The complete trials of an earlier study that lie in this one's space, numbered below 1; they are never its best.

    Families are paired by name and estimator, params by name. A trial that lacks a param of its family, or has a value that the
    space does not hold, is left out.
    """
    if folder is None:
        return []
    study = files.read_json(folder / "study.json")
    _require_same_goal(study, goal, where)
    estimators = {item["name"]: item["estimator"] for item in study["families"]}
    usable = {family.name: family for family in families if estimators.get(family.name) == family.estimator}
    trials = [read_trial(record) for record in study["trials"]]
    kept = [_mapped(trial, usable[trial.family]) for trial in trials if trial.state == COMPLETE and trial.family in usable]
    fitting = [trial for trial in kept if trial is not None]
    return [replace(trial, number=place - len(fitting) + 1) for place, trial in enumerate(fitting)]


def is_reproducible(folder: Path | None) -> bool:
    """Whether an earlier study is one that comes out again; where there is none, nothing speaks against it."""
    return folder is None or bool(files.read_json(folder / "study.json")["reproducible"])


def _mapped(trial: Trial, family: Family) -> Trial | None:
    """The trial with this study's params alone; None where it is not in the space."""
    params = family.active(trial.params)
    wanted = {dimension.name for dimension in family.dimensions if dimension.when is None or params.get(dimension.when)}
    if params.keys() != wanted or not family.allows(params):
        return None
    held = all(dimension.holds(params[dimension.name]) for dimension in family.dimensions if dimension.name in params)
    return replace(trial, params=params, violations={}) if held else None


def _require_same_goal(study: Mapping[str, Any], goal: Goal, where: str) -> None:
    """StageError MLS209 for a study that ranked its trials by something else."""
    ranked = [study["objective"], *study["further"]]
    theirs = [(item["metric"], item["direction"]) for item in ranked]
    ours = [(aim.measure, aim.direction) for aim in goal.aims]
    if theirs != ours:
        raise StageError(
            "MLS209", f"`{study['name']}` ranks its trials by something else", f"{where}.warm_start",
            expected=", ".join(f"{way}({name})" for name, way in ours), found=", ".join(f"{way}({name})" for name, way in theirs),
            help="take the trials of a search with the same objective",
        )  # fmt: skip
