"""Optuna: tpe, random, cmaes and gp, driven one suggestion at a time.

Each suggestion rebuilds a study from our history and asks a sampler with the trial's own seed, so it does not depend on what
this process suggested before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from mlspec.graph.kinds import SAMPLER_PACKAGES
from mlspec.runtime.errors import StageError
from mlspec.runtime.estimators.fit import quiet
from mlspec.runtime.search.space import Dimension, Family
from mlspec.runtime.search.trials import COMPLETE, PRUNED, Suggestion, Trial

SAMPLERS = ("tpe", "random", "cmaes", "gp")
_FAMILY = "family"


class OptunaEngine:
    """One optuna space over all families."""

    def __init__(self, sampler: str, families: Sequence[Family], direction: str, seed: Callable[[int], int]) -> None:
        with quiet():
            import optuna

            optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._sampler = sampler
        self._families = {family.name: family for family in families}
        self._direction = direction
        self._seed = seed

    def suggest(self, number: int, history: Sequence[Trial]) -> Suggestion:
        """What trial `number` tries."""
        import optuna

        with quiet():
            sampler = _sampler(self._sampler, self._seed(number) % 2**32)
            study = optuna.create_study(sampler=sampler, direction=self._direction)  # type: ignore[arg-type]
            study.add_trials([self._frozen(trial) for trial in history])
            asked = study.ask()
            family = self._families[asked.suggest_categorical(_FAMILY, list(self._families))]
            chosen: dict[str, Any] = {}
            for dimension in family.dimensions:
                if dimension.when is None or bool(chosen.get(dimension.when)):
                    chosen[dimension.name] = _ask(asked, f"{family.name}.{dimension.name}", dimension)
        return Suggestion(family.name, family.active(chosen))

    def _frozen(self, trial: Trial) -> Any:
        """A finished trial as optuna keeps it; a pruned one counts with the mean of the folds that it had."""
        import optuna
        from optuna.distributions import CategoricalDistribution

        family = self._families[trial.family]
        used = [dimension for dimension in family.dimensions if dimension.name in trial.params]
        params = {f"{family.name}.{item.name}": _encode(item, trial.params[item.name]) for item in used}
        spaces = {f"{family.name}.{item.name}": _distribution(item) for item in used}
        known = trial.state in (COMPLETE, PRUNED) and trial.value is not None
        return optuna.trial.create_trial(
            state=optuna.trial.TrialState.COMPLETE if known else optuna.trial.TrialState.FAIL,
            value=float(trial.value) if known and trial.value is not None else None,
            params={_FAMILY: trial.family, **params},
            distributions={_FAMILY: CategoricalDistribution(list(self._families)), **spaces},
        )  # fmt: skip


def _sampler(name: str, seed: int) -> Any:
    from optuna import samplers

    match name:
        case "tpe":
            return samplers.TPESampler(seed=seed)
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "cmaes":
            return samplers.CmaEsSampler(seed=seed)
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
    return list(dimension.values).index(value) if dimension.dist == "choice" else value


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], direction: str, seed: Callable[[int], int], where: str
) -> OptunaEngine:
    """The engine of `engine = optuna(sampler: tpe)`."""
    sampler = str(config.get("algorithm") or "tpe")
    if sampler not in SAMPLERS:
        raise StageError("MLS901", f"the sampler `{sampler}` is not built yet", f"{where}.engine", expected=", ".join(SAMPLERS),
                         found=sampler, help="use one of these")  # fmt: skip
    for library in SAMPLER_PACKAGES.get(sampler, ()):
        import_module(library)
    return OptunaEngine(sampler, families, direction, seed)
