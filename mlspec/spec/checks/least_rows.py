"""How many rows a gate needs at the least, whatever the model does: so few that no outcome of them could pass it are too few.

Each function gives the greatest number that the lower end of an interval can reach on n rows, over all outcomes and all shares of the
classes; the intervals are those of `mlspec/runtime/evaluate/intervals.py`. A gate that asks for more fails with certainty.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import erf, sqrt
from typing import Any

from mlspec.catalogue import metric

# Rates of a label's own rows: two models have them of the same rows, and the interval of the difference is that of the pairs.
PAIRED = frozenset(("accuracy", "recall", "selection_rate", "false_pos_rate", "false_neg_rate", "top_k"))
MOST = 10**12
"""As many rows as are looked for; where more would be needed, none do."""

Reach = Callable[[int], float]


class Wanted:
    """What a gate asks of an end of an interval: a lower end of at least `least`, in words, and how far that can reach on n rows."""

    __slots__ = ("grouped", "least", "reach", "words")

    def __init__(self, grouped: bool, least: float, words: str, reach: Reach) -> None:
        self.grouped = grouped
        self.least = least
        self.words = words
        self.reach = reach

    @property
    def rows(self) -> int:
        """The fewest rows on which an outcome reaches it, 0 where no number of rows is known to be enough."""
        high = 1
        while self.reach(high) < self.least:
            high *= 2
            if high > MOST:
                return 0
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.reach(middle) < self.least else (low, middle)
        return high


def wanted(form: Any, confidence: float) -> Wanted | None:
    """What a gate asks for, where the number of rows alone may rule it out; None for any other gate.

    `upper(rate) <= limit` asks for what is left of the rate, `upper(a - b) <= -limit` for the difference the other way round.
    """
    if form[0] != "call" or form[1] not in (">=", ">", "<=", "<") or form[2][1][0] != "lit":
        return None
    end, limit = form[2][0], form[2][1][1]
    grouped = end[:2] == ["call", "worst"] and "by" in end[3]
    end = end[2][0] if grouped else end
    lower = form[1] in (">=", ">")
    if end[:2] != ["call", "lower" if lower else "upper"] or not isinstance(limit, int | float) or isinstance(limit, bool):
        return None
    found = _of(end[2][0], float(limit), lower, _normal_quantile(confidence), (1 - confidence) / 2)
    if found is None or not 0 < found[0] < 1:
        return None
    least, words, reach = found
    return Wanted(grouped, least - 1e-12, words, reach)


def _of(inner: Any, limit: float, lower: bool, z: float, tail: float) -> tuple[float, str, Reach] | None:
    """(least, in words, reach) of the lower end of a metric or of a difference."""
    if inner[0] == "metric":
        return _of_metric(inner, limit if lower else 1 - limit, lower, z, tail)
    if inner[:2] != ["call", "-"] or len(inner[2]) != 2 or any(part[0] != "metric" for part in inner[2]):
        return None
    one, two = inner[2]
    least = limit if lower else -limit
    if one[1] != two[1] or one[3] != two[3] or one[2] == two[2]:
        return None
    if one[1] == "auc":
        return least, f"a difference of {round(least * 100, 10):g}pp in AUC", partial(auc_difference, tail=tail)
    if one[1] in PAIRED:
        return least, f"a difference of {round(least * 100, 10):g}pp in `{one[1]}`", partial(rate_difference, z=z)
    return None


def _of_metric(node: Any, least: float, lower: bool, z: float, tail: float) -> tuple[float, str, Reach] | None:
    row = metric(str(node[1]))
    if node[1] == "auc" and lower:
        return least, f"an AUC of {least:g}", partial(auc, z=z, tail=tail)
    if row is None or row.interval != "wilson" or node[3].get("of") is not None:
        return None  # with `of:` it is another metric, of changed rows
    return least, f"{round(least * 100, 10):g}% of a rate", partial(rate, z=z)


def rate(rows: int, z: float) -> float:
    """Wilson's lower end (1927) where every row is a hit: n / (n + z²)."""
    return rows / (rows + z * z)


def rate_difference(rows: int, z: float) -> float:
    """Newcombe's lower end (1998, method 10) of the difference p - q of two rates of the same rows: at most 1 - √2 z² / (n + z²).

    It is D - √(a² - 2φab + b²), with D = p - q > 0, a and b from p down to, and from q up to, the ends of their Wilson intervals, and φ the
    correlation of the pairs. The root is at least (a + b) √((1 - φ) / 2). Of given p and q, φ² is at most t / (D + t), t = (1 - p) q, and
    t at most ((1 - D) / 2)², so that (1 - φ) / 2 ≥ D / (1 + D). As a function of p, a is the upper arc of an ellipse and so concave, 0 at 0
    and w = z² / (n + z²) at 1, so that a ≥ wp and by symmetry b ≥ w (1 - q): a + b ≥ w (1 + D). What is left, D - w √(D (1 + D)),
    is convex in D: no greater than at one of the ends, 0 at D = 0 and 1 - √2 w at D = 1, which one model that is always right and one that
    never is do reach. The n/2 that the method takes off lowers φ and no more.
    """
    return max(0.0, 1 - sqrt(2) * z * z / (rows + z * z))


def auc(rows: int, z: float, tail: float) -> float:
    """DeLong's lower end (1988) of an AUC on m positives and k negatives, n = m + k, each of them two or more: it has no value on fewer.

    A perfect order is given tail^(1 / min(m, k)), at most tail^(1 / ⌊n/2⌋). In any other, let h be the pairs in the wrong order, a tie a
    half of one, counted in halves; the AUC is 1 - h / 2mk. The h spread over the positives as whole numbers, so that the sum of their squares
    is at least h, and the part of the variance that is theirs at least h (m - h) / (m - 1) / (2mk)²; so for the negatives. With h below m and
    k each is at least 1 / (2mk)², and the end at most 1 - (1 + √2 z) / 2mk ≤ 1 - 2 (1 + √2 z) / n². Otherwise h is at least the smaller
    class, and the AUC itself at most 1 - 1 / 2 max(m, k) ≤ 1 - 1 / 2 (n - 2).
    """
    if rows < 4:
        return 0.0
    return max(_separated(rows, tail), 1 - min(2 * (1 + sqrt(2) * z) / rows**2, 1 / (2 * (rows - 2))))


def auc_difference(rows: int, tail: float) -> float:
    """DeLong's lower end of the difference of two AUCs on the same rows.

    Where the first is 1 or the second 0 the width that a perfect order is given comes off, and at most tail^(1 / ⌊n/2⌋) is left. Otherwise
    each is half a pair or more away from it, and the difference itself at most 1 - 1 / mk ≤ 1 - 4 / n².
    """
    return 0.0 if rows < 4 else max(_separated(rows, tail), 1 - 4 / rows**2)


def _separated(rows: int, tail: float) -> float:
    return float(tail ** (1 / (rows // 2)))


def _normal_quantile(confidence: float) -> float:
    """The two-sided normal quantile, by bisection on the error function."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if erf(middle / sqrt(2)) < confidence else (low, middle)
    return low


def rows_to_tell(allowed: float, spread: float, confidence: float) -> int:
    """In how many rows a difference of two rates stays below `allowed` by chance, each rate of the variance `spread`."""
    return int(2 * spread * (_normal_quantile(confidence) / allowed) ** 2) + 1
