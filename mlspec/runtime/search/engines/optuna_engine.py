"""Optuna: tpe, random, gp and nsga2, driven one suggestion at a time; cmaes and qmc by the libraries that it draws them from.

Each suggestion rebuilds a study from our history and asks a sampler with the trial's own seed, so it does not depend on what
this process suggested before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from mlspec.graph.kinds import SAMPLER_PACKAGES
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import quiet
from mlspec.runtime.search.engines.evolution import Evolution
from mlspec.runtime.search.engines.qmc_points import Points
from mlspec.runtime.search.engines.random_engine import drawn
from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import COMPLETE, PRUNED, Suggestion, Trial

SAMPLERS = ("tpe", "random", "cmaes", "gp", "nsga2", "qmc")
POPULATION = 16
"""Trials of a generation of nsga2. Optuna's own 50 would leave a study of 50 trials without one child."""
_FAMILY = "family"


class OptunaEngine:
    """One optuna space over all families."""

    def __init__(
        self, sampler: str, families: Sequence[Family], goal: Goal, seed: Callable[[int, int], int], population: int
    ) -> None:
        with quiet():
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._sampler = sampler
        self._families = {family.name: family for family in families}
        self._goal = goal
        self._seed = seed
        self._population = population

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion:
        """What trial `number` tries."""
        import optuna

        with quiet():
            sampler = _sampler(self._sampler, self._seed(number, again) % 2**32, self._population)
            study = optuna.create_study(sampler=sampler, directions=list(self._goal.directions))  # type: ignore[arg-type]
            study.add_trials(self._known(history))
            asked = study.ask()
            name = asked.suggest_categorical(_FAMILY, list(self._families))
            asked_for = self._families.values() if self._sampler == "nsga2" else [self._families[name]]
            chosen = {family.name: self._chosen(asked, family) for family in asked_for}
        return Suggestion(name, self._families[name].active(chosen[name]))

    def _chosen(self, asked: Any, family: Family) -> dict[str, Any]:
        """What the sampler chooses for a family; of nsga2's, whose children inherit whole genomes, what does not apply as well."""
        chosen: dict[str, Any] = {}
        for dimension in family.dimensions:
            if self._sampler == "nsga2" or dimension.when is None or bool(chosen.get(dimension.when)):
                chosen[dimension.name] = _ask(asked, f"{family.name}.{dimension.name}", dimension)
        return chosen

    def _known(self, history: Sequence[Trial]) -> list[Any]:
        """The finished trials as optuna keeps them."""
        found, complete = [], 0
        for trial in history:
            known = trial.state in (COMPLETE, PRUNED) and trial.value is not None
            found.append(self._frozen(trial, known, complete // self._population))
            complete += known
        return found

    def _frozen(self, trial: Trial, known: bool, generation: int) -> Any:
        """A finished trial as optuna keeps it; a pruned one counts with the mean of the folds that it had."""
        import optuna
        from optuna.distributions import CategoricalDistribution

        family = self._families[trial.family]
        used = [
            (family, dimension, trial.params[dimension.name])
            for dimension in family.dimensions
            if dimension.name in trial.params
        ]
        if self._sampler == "nsga2":
            used += self._unused(trial)
        params = {f"{home.name}.{item.name}": _encode(item, value) for home, item, value in used}
        spaces = {f"{home.name}.{item.name}": _distribution(item) for home, item, _ in used}
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if known else optuna.trial.TrialState.FAIL,
            values=list(self._goal.values(trial)) if known else None, params={_FAMILY: trial.family, **params},
            distributions={_FAMILY: CategoricalDistribution(list(self._families)), **spaces},
            constraints=dict(trial.violations) or None if known else None,
            system_attrs={optuna.samplers.NSGAIISampler._get_generation_key(): generation} if known else None,
        )  # fmt: skip

    def _unused(self, trial: Trial) -> list[tuple[Family, Dimension, Any]]:
        """The genes that did not count in a trial: drawn for it once and for all, so that every trial has a whole genome."""
        generator = np.random.Generator(np.random.PCG64(self._seed(trial.number, 0)))
        genome = [(family, drawn(family, generator)) for family in self._families.values()]
        return [
            (family, dimension, values[dimension.name])
            for family, values in genome
            for dimension in family.dimensions
            if family.name != trial.family or dimension.name not in trial.params
        ]


def _sampler(name: str, seed: int, population: int) -> Any:
    from optuna import samplers

    match name:
        case "tpe":
            return samplers.TPESampler(seed=seed)
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=population)
    return samplers.GPSampler(seed=seed)


def _distribution(dimension: Dimension) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match dimension.dist:
        case "choice":
            return CategoricalDistribution(list(range(len(dimension.values))))
        case "normal":  # optuna has no normal distribution: its middle, which holds all but 6 draws of 100,000
            return FloatDistribution(dimension.mean - 4 * dimension.std, dimension.mean + 4 * dimension.std)
        case "uniform" | "loguniform":
            return FloatDistribution(dimension.low, dimension.high, log=dimension.dist == "loguniform")
    return IntDistribution(round(dimension.low), round(dimension.high), log=dimension.dist == "logint")


def _ask(asked: Any, label: str, dimension: Dimension) -> Any:
    found = asked._suggest(label, _distribution(dimension))
    return dimension.values[found] if dimension.dist == "choice" else dimension.clip(found)


def _encode(dimension: Dimension, value: Any) -> Any:
    if dimension.dist == "choice":
        return dimension.place(value)
    if dimension.dist == "normal":
        space = _distribution(dimension)
        return min(max(value, space.low), space.high)
    return value


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], goal: Goal, seed: Callable[[int, int], int], where: str
) -> Any:
    """The engine of `engine = optuna(sampler: tpe)`."""
    sampler = str(config.get("algorithm") or "tpe")
    if sampler not in SAMPLERS:
        raise StageError("MLS901", f"the sampler `{sampler}` is not built yet", f"{where}.engine", expected=", ".join(SAMPLERS),
                         found=sampler, help="use one of these")  # fmt: skip
    for library in SAMPLER_PACKAGES.get(sampler, ()):
        import_module(library)
    if sampler == "qmc":
        return Points(families, seed(0, 0))
    if sampler == "cmaes":
        if len(goal.aims) > 1:
            raise StageError("MLS209", "the sampler `cmaes` looks at one objective", f"{where}.engine", expected="one objective",
                             found=f"{len(goal.aims)} objectives", help="use `optuna(sampler: nsga2)`")  # fmt: skip
        return Evolution(families, goal.first, seed)
    return OptunaEngine(sampler, families, goal, seed, int(config.get("population") or POPULATION))
