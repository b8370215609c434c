"""An estimator instance from a catalogue name, its params and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from mlspec.catalogue.estimators import Estimator, estimator, estimator_names
from mlspec.catalogue.frameworks import is_network
from mlspec.graph.extras import extras_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.transform.chain import Matrix

SEED_LIMIT = 2**31 - 1

# What makes a fit depend on its input and seed alone. A spec that sets one of these changes nothing: they decide speed, and
# the search decides where the cores go.
_FORCED: dict[str, dict[str, Any]] = {
    "sklearn": {"n_jobs": 1},
    "lightgbm": {"n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1},
    "xgboost": {"n_jobs": 1, "verbosity": 0, "device": "cpu"},
}
_BINNED = "sklearn.HistGradientBoosting"
# Where mlspec's default differs from the library's: with 100 steps the solver stops short on most real tables.
_DEFAULTS: dict[str, dict[str, Any]] = {"sklearn.LogisticRegression": {"max_iter": 1000}}


def catalogue_row(name: str, where: str = "") -> Estimator:
    """The catalogue's row of an estimator; StageError MLS101 where it has none. Nothing else is ever imported by name."""
    found = estimator(name)
    if found is None:
        raise StageError(
            "MLS101", f"`{name}` is no estimator of the catalogue", where, expected=", ".join(estimator_names()), found=name,
            help="choose one of the catalogue's estimators",
        )  # fmt: skip
    return found


def is_constant(name: str) -> bool:
    """Whether the estimator answers the same for every row."""
    return name in ("sklearn.DummyClassifier", "sklearn.DummyRegressor")


def build_estimator(name: str, params: Mapping[str, Any], seed: int, where: str = "") -> Any:
    """The estimator `name` with these params, seeded and single-threaded.

    StageError: MLS812 for a library that is not installed, MLS208 for a param that the catalogue does not know.
    """
    row = catalogue_row(name, where)
    for param in params:
        if param not in row.parameters:
            raise StageError(
                "MLS208", f"`{name}` has no parameter `{param}`", where, expected=", ".join(sorted(row.parameters)), found=param,
                help="correct its name, or leave it out",
            )  # fmt: skip
    forced = {key: value for key, value in _FORCED[row.library].items() if key in row.parameters or row.library == "lightgbm"}
    seeded = {"random_state": seed % SEED_LIMIT} if row.seeded else {}
    return _imported(row, where)(**{**_DEFAULTS.get(name, {}), **seeded, **params, **forced})


def refuse_nulls(name: str, matrix: Matrix, where: str) -> None:
    """StageError MLS204 if the matrix has nulls and the estimator takes none."""
    if not is_network(name) and catalogue_row(name, where).nulls:
        return
    nulls = matrix.nulls()
    if nulls:
        column, count = next(iter(nulls.items()))
        raise StageError(
            "MLS204", f"null reaches `{name}`, which rejects it", where, expected="a number in every row",
            found=f"{count} nulls in `{column}`" + (f" and {len(nulls) - 1} more columns" if len(nulls) > 1 else ""),
            help=f"set `missing = fill(number: median)` in the features block, or write `{column} ?? 0`",
        )  # fmt: skip


def refuse_empty_columns(name: str, matrix: Matrix, where: str) -> None:
    """StageError MLS204 if a column is null in every fitting row and the estimator's binning needs a value."""
    if not name.startswith(_BINNED):
        return
    empty = [column for column, count in matrix.nulls().items() if count == len(matrix.numbers)]
    if empty:
        raise StageError(
            "MLS204", f"`{empty[0]}` is null in every row that `{name}` is fitted on", where, expected="at least one value",
            found=f"{len(matrix.numbers)} nulls", help="leave the feature out, fill it, or choose `lightgbm.LGBMClassifier`",
        )  # fmt: skip


def _imported(row: Estimator, where: str) -> Any:
    try:
        return getattr(import_module(row.module), row.name)
    except ModuleNotFoundError as error:
        raise StageError(
            "MLS812", f"`{row.key}` needs the library `{row.library}`, which is not installed", where,
            expected=f"{row.library} {row.version}", found=f"no module `{error.name}`",
            help=f'run `pip install "mlspec-lang[{extras_of([row.library])[0]}]"`',
        ) from error  # fmt: skip
