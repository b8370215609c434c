"""Distances of two counted distributions, each with what chance alone would make of it.

`noise` is the value that a window drawn from the reference itself exceeds once in `1 / alpha` windows. A check neither fails
nor holds on a difference that is below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from mlspec.runtime.monitor.cells import Counts, Floats

ALPHA = 0.001
MIN_RECORDS = 30
EXPECTED = 10
MAX_DRAWS = 50_000
SEED = 7


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its noise and the number of records behind it; `value` None says why in `reason`.

    Of the worst of several, `sure` is the greatest one that is beyond its own noise and `chance` the greatest noise.
    """

    value: float | None
    noise: float = 0.0
    n: int = 0
    reason: str = ""
    sure: float | None = None
    chance: float | None = None

    def beyond_chance(self, bound: float, above: bool) -> bool:
        """Whether being above the bound (or not above it) is out of chance's reach."""
        if self.noise == 0 and self.chance is None:
            return True
        if not above:
            return (self.noise if self.chance is None else self.chance) <= bound
        sure = self.sure
        if sure is None:
            sure = self.value if self.value is not None and self.value > self.noise else float("-inf")
        return sure > bound

    def to_json(self) -> dict[str, object]:
        """The estimate as JSON."""
        return {"value": self.value, "noise": self.noise, "n": self.n, "reason": self.reason}


def insufficient(n: int, reason: str = "") -> Estimate:
    """No value: too few records, or the reason given."""
    return Estimate(None, 0.0, n, reason or f"{n} record{'' if n == 1 else 's'}, at least {MIN_RECORDS} are needed")


def _shares(counts: Counts) -> Floats:
    """Shares with half a row added to every cell, so that an empty cell has a finite logarithm."""
    held = counts + 0.5
    return np.asarray(held / held.sum(axis=-1, keepdims=True))


def _chi_square(freedom: int, alpha: float) -> float:
    """The upper quantile of chi-square by Wilson and Hilferty's cube; never below it by 1 %, above by at most 8 %."""
    z = NormalDist().inv_cdf(1 - alpha)
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + z * math.sqrt(spread)) ** 3)


def _psi_noise(reference: Counts, live: Counts, alpha: float) -> float:
    """The PSI that equal distributions exceed with probability alpha.

    With ten expected records in every cell it is near chi-square with cells - 1 degrees of freedom, times 1/n + 1/m; with
    fewer its tail is heavier, and it is drawn: both samples from the reference's shares, from a fixed seed.
    """
    n, m = int(live.sum()), int(reference.sum())
    shares = reference / m
    held = shares[shares > 0]
    if float(held.min()) * n >= EXPECTED:
        cells = int(np.count_nonzero((reference > 0) | (live > 0)))
        return _chi_square(max(1, cells - 1), alpha) * (1 / n + 1 / m)
    return _drawn_noise(tuple(reference.tolist()), n, alpha)


@lru_cache(maxsize=1024)
def _drawn_noise(reference: tuple[int, ...], n: int, alpha: float) -> float:
    m = sum(reference)
    shares = np.array(reference) / m
    rng = np.random.default_rng(SEED)
    draws = min(MAX_DRAWS, math.ceil(20 / alpha))
    drawn = _psi_of(rng.multinomial(m, shares, size=draws), rng.multinomial(n, shares, size=draws))
    return float(np.quantile(drawn, max(0.0, 1 - alpha), method="higher"))


def _psi_of(reference: Counts, live: Counts) -> Floats:
    """PSI along the last axis."""
    p, q = _shares(reference), _shares(live)
    return np.asarray(np.sum((p - q) * np.log(p / q), axis=-1))


def _enough(reference: Counts, live: Counts) -> Estimate | None:
    n, m = int(live.sum()), int(reference.sum())
    if m < MIN_RECORDS:
        return insufficient(n, f"the reference has {m} rows, at least {MIN_RECORDS} are needed")
    return insufficient(n) if n < MIN_RECORDS else None


def psi(reference: Counts, live: Counts, alpha: float = ALPHA) -> Estimate:
    """Population stability index, sum of (p - q) ln(p / q)."""
    too_few = _enough(reference, live)
    if too_few is not None:
        return too_few
    value = float(_psi_of(reference, live))
    return Estimate(value, _psi_noise(reference, live, alpha), int(live.sum()))


def js(reference: Counts, live: Counts, alpha: float = ALPHA) -> Estimate:
    """Jensen-Shannon distance, 0 to 1: the square root of the divergence in bits (Lin 1991)."""
    too_few = _enough(reference, live)
    if too_few is not None:
        return too_few
    p, q = _shares(reference), _shares(live)
    middle = (p + q) / 2
    divergence = float(np.sum(p * np.log(p / middle) + q * np.log(q / middle))) / (2 * math.log(2))
    # To second order the divergence in nats is an eighth of PSI.
    noise = math.sqrt(_psi_noise(reference, live, alpha) / (8 * math.log(2)))
    return Estimate(math.sqrt(max(0.0, divergence)), noise, int(live.sum()))


def ks(reference: Counts, live: Counts, alpha: float = ALPHA) -> Estimate:
    """Greatest difference of the two distribution functions, at the cuts of the reference's cells; cells in order."""
    too_few = _enough(reference, live)
    if too_few is not None:
        return too_few
    n, m = int(live.sum()), int(reference.sum())
    difference = np.cumsum(reference) / m - np.cumsum(live) / n
    noise = math.sqrt(-math.log(alpha / 2) / 2 * (1 / n + 1 / m))
    return Estimate(float(np.max(np.abs(difference))), noise, n)


def share(part: int, n: int) -> Estimate:
    """A plain share of records, such as a null rate."""
    return insufficient(n) if n < MIN_RECORDS else Estimate(part / n, 0.0, n)
