"""What goes and who takes it over: the least important places, and least squares of what they gave on what stays.

The squares are held small by a thousandth of the spread, so that few rows and equal columns give no large weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlspec.runtime.estimators.fit import one_thread
from mlspec.runtime.transform.columns import Floats

_RIDGE = 1e-3
WIDEST = 512


def lowest(importance: Floats, share: float) -> Any:
    """The places of the least important, `share` of all; of equal ones the last go first."""
    order = np.lexsort((-np.arange(importance.size), importance.reshape(-1)))
    return order[: round(share * importance.size)]


def column_by_column(flow: Floats, weight: Floats, gone: Any, widest: int = WIDEST) -> Floats:
    """The matrix with zeros, each column's other weights taking over what it lost; of a very wide matrix they stay as they are."""
    left = np.where(gone, 0.0, weight)
    if len(weight) > widest:
        return left
    centred = flow - flow.mean(axis=0)
    with one_thread():
        square = centred.T @ centred
        ridge = _RIDGE * max(float(np.trace(square)) / len(weight), 1e-12)
        for column in range(weight.shape[1]):
            out, stays = np.flatnonzero(gone[:, column]), np.flatnonzero(~gone[:, column])
            if len(out) and len(stays):
                wanted = square[np.ix_(stays, out)] @ weight[out, column]
                left[stays, column] += np.linalg.solve(square[np.ix_(stays, stays)] + ridge * np.eye(len(stays)), wanted)
    return left


def taken_over(flow: Floats, weight: Floats, gone: Any, kept: Any) -> tuple[Floats, Floats]:
    """What those that stay and the summand take over of those that go."""
    means = flow.mean(axis=0)
    lost = weight[gone]
    stays, goes = flow[:, kept] - means[kept], (flow[:, gone] - means[gone]) @ lost
    with one_thread():
        square = stays.T @ stays
        ridge = _RIDGE * max(float(np.trace(square)) / max(len(kept), 1), 1e-12)
        more = np.linalg.solve(square + ridge * np.eye(len(kept)), stays.T @ goes)
    return more, means[gone] @ lost - means[kept] @ more
