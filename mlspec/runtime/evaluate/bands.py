"""Bands around ROC and precision-recall curves: at each place the interval of the curve over bootstrap draws.

Scores are put into at most `BINS` bins of equal mass, and only the counts of each bin are drawn, so that a band costs the same
whatever the number of rows. Where the split keeps groups together, whole groups are drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.outcomes import Floats, Ints, Outcomes

DRAWS = 400
BINS = 400
PLACES = 50
Band = list[list[float]]


def bands_of(rows: Outcomes, confidence: float, seed: int, groups: NDArray[np.int64] | None) -> dict[str, Band]:
    """`{"roc", "precision_recall"}` with (place, low, high) of each place; empty where a draw of whole groups has no spread."""
    if groups is not None and groups.max() < 1:
        return {}
    hits, alarms = (np.cumsum(counts, axis=1) for counts in _drawn(rows, seed, groups))
    told = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
    hits, alarms = hits[told], alarms[told]
    recall, alarm_rate = hits / hits[:, -1:], alarms / alarms[:, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits / (hits + alarms)
    places = np.linspace(0.0, 1.0, PLACES + 1)
    return {
        "roc": _band(places, np.array([np.interp(places, [0.0, *x], [0.0, *y]) for x, y in zip(alarm_rate, recall, strict=True)]), confidence),
        "precision_recall": _band(
            places[1:], np.array([y[np.searchsorted(x, places[1:] - 1e-12)] for x, y in zip(recall, precision, strict=True)]), confidence
        ),
    }  # fmt: skip


def _band(places: Floats, curves: Floats, confidence: float) -> Band:
    low, high = np.quantile(curves, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return [[round(float(part), 6) for part in point] for point in zip(places, low, high, strict=True)]


def _drawn(rows: Outcomes, seed: int, groups: NDArray[np.int64] | None) -> tuple[Floats, Floats]:
    """Drawn counts of positive and of negative rows by bin of the score, the highest scores first: (draws, bins) each."""
    bins = _bins(rows.score)
    count = int(bins.max()) + 1
    cells = bins * 2 + (rows.y == 1)
    random = np.random.Generator(np.random.PCG64(seed))
    if groups is None:
        shares = np.bincount(cells, minlength=count * 2) / len(cells)
        found = random.multinomial(len(cells), shares, size=DRAWS).astype(np.float64)
    else:
        from scipy.sparse import coo_array

        units = int(groups.max()) + 1
        by_group = coo_array((np.ones(len(cells)), (groups, cells)), shape=(units, count * 2)).tocsr()
        found = np.asarray(random.multinomial(units, np.full(units, 1.0 / units), size=DRAWS) @ by_group, dtype=np.float64)
    return found[:, 1::2], found[:, 0::2]


def _bins(score: Floats) -> Ints:
    """The bin of each row, that of the highest scores 0; equal scores share one."""
    _, place = np.unique(-score, return_inverse=True)
    if place.max() < BINS:
        return place.astype(np.int64)
    above = np.cumsum(np.bincount(place)) - 1
    return np.unique((above * BINS // len(score))[place], return_inverse=True)[1].astype(np.int64)
