"""Hyperopt: tpe, random and anneal, driven one suggestion at a time.

Each suggestion rebuilds hyperopt's `Trials` from our history and draws from a generator of the trial's own seed, so it does
not depend on what this process suggested before.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import quiet
from mlspec.runtime.search.goal import Aim, Goal
from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import COMPLETE, PRUNED, Suggestion, Trial

ALGORITHMS = ("tpe", "random", "anneal")
# Hyperopt's own default of 20 would leave a study of 20 trials without one model-based suggestion.
_STARTUP = 10
_FAMILY = "family"


class HyperoptEngine:
    """One hyperopt space over all families."""

    def __init__(self, algorithm: str, families: Sequence[Family], aim: Aim, seed: Callable[[int, int], int]) -> None:
        with quiet():
            from hyperopt.base import Domain

            logging.getLogger("hyperopt").setLevel(logging.WARNING)
            self._domain = Domain(lambda point: 0.0, _space(families))
        self._algorithm = algorithm
        self._families = families
        self._aim = aim
        self._seed = seed

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion:
        """What trial `number` tries."""
        with quiet():
            from hyperopt import Trials, anneal, rand, tpe

            trials = Trials()
            trials.insert_trial_docs([self._document(trial) for trial in history])
            trials.refresh()
            given = ([number], self._domain, trials, self._seed(number, again))
            if self._algorithm == "tpe":
                (found,) = tpe.suggest(*given, n_startup_jobs=_STARTUP, verbose=False)
            elif self._algorithm == "anneal" and any(trial.value is not None for trial in history):
                (found,) = anneal.suggest(*given)
            else:
                (found,) = rand.suggest(*given)
        return self._decoded({label: values[0] for label, values in found["misc"]["vals"].items() if len(values)})

    def _decoded(self, values: Mapping[str, Any]) -> Suggestion:
        family = self._families[int(values[_FAMILY])]
        chosen = {
            dimension.name: _decode(dimension, values[_label(family, dimension)])
            for dimension in family.dimensions
            if _label(family, dimension) in values
        }
        return Suggestion(family.name, family.active(chosen))

    def _document(self, trial: Trial) -> dict[str, Any]:
        """A finished trial as hyperopt keeps it; a pruned one counts with the mean of the folds that it had.

        Hyperopt knows no constraints: a trial that breaks one is told as one that failed.
        """
        place = next(at for at, family in enumerate(self._families) if family.name == trial.family)
        values: dict[str, list[Any]] = {label: [] for label in self._domain.params}
        values[_FAMILY] = [place]
        for dimension in self._families[place].dimensions:
            if dimension.name in trial.params:
                values[_label(self._families[place], dimension)] = [_encode(dimension, trial.params[dimension.name])]
        known = trial.state in (COMPLETE, PRUNED) and trial.value is not None and trial.feasible
        result = {"status": "ok", "loss": self._aim.loss(float(trial.value or 0.0))} if known else {"status": "fail"}
        misc = {
            "tid": trial.number, "cmd": self._domain.cmd, "workdir": None, "vals": values,
            "idxs": {label: [trial.number] * len(held) for label, held in values.items()},
        }  # fmt: skip
        return {
            "tid": trial.number, "state": 2, "spec": None, "result": result, "misc": misc, "exp_key": None, "owner": None,
            "version": 0, "book_time": None, "refresh_time": None,
        }  # fmt: skip


def _label(family: Family, dimension: Dimension) -> str:
    return f"{family.name}.{dimension.name}"


def _space(families: Sequence[Family]) -> Any:
    """The family is the first choice; a param with a `when` hangs below the options of its parent that are true."""
    from hyperopt import hp

    return hp.choice(_FAMILY, [_family_space(family) for family in families])


def _family_space(family: Family) -> dict[str, Any]:
    from hyperopt import hp

    nodes: dict[str, Any] = {}
    for dimension in reversed(family.dimensions):
        label = _label(family, dimension)
        below = {child.name: nodes.pop(child.name) for child in family.dimensions if child.when == dimension.name}
        if dimension.dist == "choice":
            options = [below if value else {} for value in dimension.values]
            nodes[dimension.name] = hp.choice(label, options if below else list(range(len(dimension.values))))
        else:
            nodes |= {dimension.name: _numeric(label, dimension), **below}
    return nodes


def _numeric(label: str, dimension: Dimension) -> Any:
    from hyperopt import hp

    match dimension.dist:
        case "uniform":
            return hp.uniform(label, dimension.low, dimension.high)
        case "loguniform":
            return hp.loguniform(label, math.log(dimension.low), math.log(dimension.high))
        case "int":
            return hp.quniform(label, dimension.low - 0.5, dimension.high + 0.5, 1)
        case "logint":
            return hp.qloguniform(label, math.log(dimension.low - 0.5), math.log(dimension.high + 0.5), 1)
    return hp.normal(label, dimension.mean, dimension.std)


def _decode(dimension: Dimension, value: Any) -> Any:
    return dimension.values[int(value)] if dimension.dist == "choice" else dimension.clip(float(value))


def _encode(dimension: Dimension, value: Any) -> Any:
    return dimension.place(value) if dimension.dist == "choice" else float(value)


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], goal: Goal, seed: Callable[[int, int], int], where: str
) -> HyperoptEngine:
    """The engine of `engine = hyperopt(algorithm: tpe)`."""
    algorithm = str(config.get("algorithm") or "tpe")
    if algorithm not in ALGORITHMS:
        raise StageError("MLS901", f"the algorithm `{algorithm}` is not built yet", f"{where}.engine", expected=", ".join(ALGORITHMS),
                         found=algorithm, help="use one of these")  # fmt: skip
    if len(goal.aims) > 1 and algorithm != "random":
        raise StageError(
            "MLS209", f"hyperopt's `{algorithm}` looks at one objective", f"{where}.engine", expected="one objective, or an engine that knows several",
            found=f"{len(goal.aims)} objectives", help="use `optuna(sampler: nsga2)`",
        )  # fmt: skip
    return HyperoptEngine(algorithm, families, goal.first, seed)
