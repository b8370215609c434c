"""Search engines behind one interface. An engine is a pure function of the trial's seed and the history that it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from mlspec.runtime.errors import StageError
from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import Suggestion, Trial

ENGINES = ("hyperopt", "optuna", "random", "grid")


class Engine(Protocol):
    """Suggests what trial `number` (from 1) tries, from the finished trials in `history`, in order; None when all is tried."""

    def suggest(self, number: int, history: Sequence[Trial]) -> Suggestion | None: ...


def open_engine(
    config: Mapping[str, Any], families: Sequence[Family], direction: str, seed: Callable[[int], int], where: str
) -> Engine:
    """The engine of a search config; `seed` gives the seed of a trial."""
    name = str(config["name"])
    if name not in ENGINES:
        raise StageError("MLS901", f"the engine `{name}` is not built yet", f"{where}.engine", expected=", ".join(ENGINES), found=name,
                         help="use one of these")  # fmt: skip
    try:
        module = import_module(f"mlspec.runtime.search.engines.{name}_engine")
        engine: Engine = module.open_engine(config, families, direction, seed, where)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "mlspec":
            raise
        raise StageError(
            "MLS812", f"the engine `{name}` needs the library `{missing}`, which is not installed", f"{where}.engine",
            expected=missing, found=f"no module `{error.name}`",
            help='run `pip install "mlspec-lang[hpo]"`' if missing in ("hyperopt", "optuna") else f"run `pip install {missing}`",
        ) from error  # fmt: skip
    return engine
