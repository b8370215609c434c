"""The function behind each stage kind, imported when a stage of that kind runs, and what to import before forking for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from mlspec.graph.extras import extras_of
from mlspec.graph.kinds import KINDS
from mlspec.runtime.errors import StageError

if TYPE_CHECKING:
    from mlspec.runtime.context import StageContext

FUNCTIONS = {
    "extract": "mlspec.runtime.extract:run",
    "step": "mlspec.runtime.extern.step:run",
    "verify": "mlspec.runtime.verify:run",
    "split": "mlspec.runtime.prepare.split:run",
    "features": "mlspec.runtime.prepare.features:run",
    "explore": "mlspec.runtime.profile:run",
    "fetch": "mlspec.runtime.track.fetching:run",
    "fit": "mlspec.runtime.train:run",
    "search": "mlspec.runtime.search:run",
    "train": "mlspec.runtime.deep.stage:run",
    "compress": "mlspec.runtime.compress:run",
    "evaluate": "mlspec.runtime.evaluate:run",
    "analyse": "mlspec.runtime.evaluate.analyses:run",
    "measure": "mlspec.runtime.measure:run",
    "reference": "mlspec.runtime.monitor.reference:run",
    "verdict": "mlspec.runtime.validate.verdict:run",
    "enforce": "mlspec.runtime.validate.enforce:run",
    "report": "mlspec.runtime.report.run:run",
    "card": "mlspec.runtime.report.card:run",
    "track": "mlspec.runtime.track.tracking:run",
    "register": "mlspec.runtime.track.registration:run",
    "write": "mlspec.runtime.write:run",
}

PARALLEL = frozenset({"search"})
"""Kinds that use all workers of the run themselves."""

_TABLES = ("numpy", "pyarrow.parquet", "duckdb", "sqlglot")
_LEARNING = (
    *_TABLES, "scipy.sparse", "scipy.optimize", "pandas", "scipy.stats", "sklearn.utils", "sklearn.linear_model", "sklearn.ensemble",
    "onnx", "skl2onnx",
)  # fmt: skip
PRELOAD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("extract", "step", "verify", "split", "features", "explore", "reference", "measure", "analyse"), _TABLES),
    **dict.fromkeys(("fit", "search", "compress"), _LEARNING),
    "train": _TABLES,
    "evaluate": (*_TABLES, "fairlearn.metrics"),
    **dict.fromkeys(("report", "card"), ("jinja2",)),
    **dict.fromkeys(("fetch", "track", "register"), ("mlflow",)),
}
"""Libraries that the server process imports once, before it forks the workers of these kinds, in small steps: between two of them it
can fork a worker that needs neither. None may start a thread on import: onnxruntime does, pyarrow unless `prepare_to_fork` ran."""


ENGINES = ("hyperopt", "optuna")
"""Search engines that are imported before the fork as well, when a config names them."""


def function_of(kind: str) -> Callable[[StageContext], None]:
    """The stage function of `kind`, imported now; the message of a missing library says what to install."""
    module, _, name = FUNCTIONS[kind].partition(":")
    try:
        found: Callable[[StageContext], None] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "mlspec":
            raise
        raise StageError(
            "MLS812", f"a `{kind}` stage needs the library `{missing}`, which is not installed", found=f"no module `{error.name}`",
            expected=" ".join(KINDS[kind].packages), help=f"install it: pip install 'mlspec-lang[{','.join(extras_of(KINDS[kind].packages))}]'",
        ) from error  # fmt: skip
    return found
