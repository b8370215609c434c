"""Search engines behind one interface. An engine is a pure function of the trial's seed and the history that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from mlspec.graph.extras import extras_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.goal import Goal
from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import Suggestion, Trial

ENGINES = ("hyperopt", "optuna", "random", "grid")
TRIES, ASKED = 200, 20
"""How often a suggestion that a family's limits rule out is drawn again; after so many times that the engine was asked, by chance.

An engine that learns is not told what the limits rule out, and may want nothing else.
"""

Seed = Callable[[int, int], int]
"""The seed of a trial's suggestion, by its number and by how often it was drawn before."""


class Engine(Protocol):
    """Suggests what trial `number` (from 1) tries, from the finished trials in `history`, in order; None when all is tried.

    `again` says how often a suggestion for this trial was ruled out.
    """

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion | None: ...


@dataclass(frozen=True)
class Led:
    """An engine behind the trials that the spec starts with. What it learns from begins with the trials of an earlier study.

    A suggestion that the limits of its family rule out is drawn again, with a seed of its own.
    """

    engine: Engine
    chance: Engine
    starts: Sequence[Suggestion]
    earlier: Sequence[Trial]
    families: Mapping[str, Family]
    where: str

    def suggest(self, number: int, history: Sequence[Trial], again: int = 0) -> Suggestion | None:
        """What trial `number` tries; StageError MLS207 where nothing that was drawn is within the limits."""
        if number <= len(self.starts):
            return self.starts[number - 1]
        known, place = [*self.earlier, *history], number - len(self.starts)
        found: Suggestion | None = None
        for turn in range(TRIES):
            found = self.engine.suggest(place, known, turn) if turn < ASKED else self.chance.suggest(place, known, turn)
            if found is None or self.families[found.family].allows(found.params):
                return found
        assert found is not None
        raise StageError(
            "MLS207", f"{TRIES} suggestions for trial {number} were all outside the limits of `{found.family}`", f"{self.where}.{found.family}",
            expected="limits that leave room in the space", found=f"the last: {shown(found.params)}",
            help="widen the limits, or narrow the space so that most of it is within them",
        )  # fmt: skip


def shown(params: Mapping[str, Any]) -> str:
    """Searched params for a reader."""
    return ", ".join(f"{name} = {value}" for name, value in params.items())


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], goal: Goal, seed: Seed, where: str,
    starts: Sequence[Suggestion] = (), earlier: Sequence[Trial] = (),
) -> Engine:  # fmt: skip
    """The engine of a search config."""
    name = str(config["name"])
    if name not in ENGINES:
        raise StageError("MLS901", f"the engine `{name}` is not built yet", f"{where}.engine", expected=", ".join(ENGINES), found=name,
                         help="use one of these")  # fmt: skip
    try:
        module = import_module(f"mlspec.runtime.search.engines.{name}_engine")
        engine: Engine = module.open_engine(config, families, goal, seed, where)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "mlspec":
            raise
        raise StageError(
            "MLS812", f"the engine `{name}` needs the library `{missing}`, which is not installed", f"{where}.engine",
            expected=missing, found=f"no module `{error.name}`",
            help=f'run `pip install "mlspec-lang[{",".join(extras_of([missing]))}]"`',
        ) from error  # fmt: skip
    from mlspec.runtime.search.engines.random_engine import RandomEngine

    return Led(engine, RandomEngine(families, seed), starts, earlier, {family.name: family for family in families}, where)
