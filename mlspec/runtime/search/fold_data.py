"""The fitted matrices of every fold: made once, before the workers fork, and shared by all trials.

What a trial searches is the estimator, so the transform of a fold is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlspec.runtime import files
from mlspec.runtime.train.data import Learning, PartReader
from mlspec.runtime.train.folds import Fold
from mlspec.runtime.transform import Matrix, Target, fit_transform
from mlspec.runtime.transform.columns import Floats

_MAPPED = ".f64"
IN_MEMORY = 1 << 30
"""Bytes of all folds from which on their matrices lie in mapped files, which the system can put away, and not in memory."""


@dataclass(frozen=True)
class FoldData:
    """One fold as estimators see it."""

    fitting: Matrix
    fitting_target: Target
    judging: Matrix
    judging_target: Target


def fold_data(
    reader: PartReader, learning: Learning, folds: Sequence[Fold], scratch: Path, limit: int = IN_MEMORY
) -> list[FoldData]:
    """The matrices of every fold, the transform fitted on its fitting rows alone."""
    made: list[FoldData] = []
    for number, (fitting_rows, judging_rows) in enumerate(folds):
        fitting, judging = learning.take(fitting_rows), learning.take(judging_rows)
        transform, matrix = fit_transform(reader.features, fitting.columns, fitting.target)
        other = transform.apply(judging.columns)
        if (matrix.numbers.nbytes + other.numbers.nbytes) * len(folds) > limit:
            matrix = Matrix(matrix.names, _mapped(matrix.numbers, scratch / f"fold-{number}-fitting{_MAPPED}"))
            other = Matrix(other.names, _mapped(other.numbers, scratch / f"fold-{number}-judging{_MAPPED}"))
        made.append(FoldData(matrix, fitting.target, other, judging.target))
    return made


def remove_mapped(scratch: Path) -> None:
    """Remove the mapped files of `fold_data`, once no worker reads them any more."""
    for path in sorted(scratch.glob(f"*{_MAPPED}")):
        files.remove_tree(path)


def _mapped(numbers: Floats, path: Path) -> Floats:
    """The same numbers in a file, mapped read-only. It is written anew by every start, so no check of it is needed."""
    files.write_bytes(path, numbers.tobytes())
    return np.memmap(path, dtype=np.float64, mode="r", shape=numbers.shape)
