"""How much of the differences between trials each searched param goes with.

A plain description, not a cause: the squared rank correlation (Spearman) of a number with the objective, the correlation ratio
(eta squared: variance between the values' means over all variance) of a choice. Params are compared inside their own family;
`family` itself over all complete trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlspec.graph.canonical import canonical_text
from mlspec.runtime.search.space import Family
from mlspec.runtime.search.trials import COMPLETE, Trial

_LEAST = 3


def importance(trials: Sequence[Trial], families: Sequence[Family]) -> list[dict[str, Any]]:
    """`{"family", "parameter", "importance", "n"}`, largest first; params with fewer than 3 complete trials are left out."""
    complete = [trial for trial in trials if trial.state == COMPLETE and trial.value is not None]
    found = []
    if len(families) > 1 and len(complete) >= _LEAST:
        share = _ratio([trial.family for trial in complete], _values(complete))
        found.append({"family": None, "parameter": "family", "importance": share, "n": len(complete)})
    for family in families:
        for dimension in family.dimensions:
            own = [trial for trial in complete if trial.family == family.name and dimension.name in trial.params]
            if len(own) < _LEAST:
                continue
            tried = [trial.params[dimension.name] for trial in own]
            if dimension.dist == "choice":
                share = _ratio([canonical_text(value) for value in tried], _values(own))
            else:
                share = _rank_correlation([float(value) for value in tried], _values(own)) ** 2
            found.append({"family": family.name, "parameter": dimension.name, "importance": share, "n": len(own)})
    return sorted(found, key=lambda item: (-item["importance"], item["family"] or "", item["parameter"]))


def _values(trials: Sequence[Trial]) -> list[float]:
    return [float(trial.value) for trial in trials if trial.value is not None]


def _ratio(kinds: Sequence[str], values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    total = math.fsum((value - mean) ** 2 for value in values)
    if total == 0.0:
        return 0.0
    groups = [[value for kind, value in zip(kinds, values, strict=True) if kind == wanted] for wanted in sorted(set(kinds))]
    between = math.fsum(len(group) * (math.fsum(group) / len(group) - mean) ** 2 for group in groups)
    return min(between / total, 1.0)


def _rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    ranks_x, ranks_y = _ranks(x), _ranks(y)
    middle = (len(x) + 1) / 2
    spread_x = math.fsum((rank - middle) ** 2 for rank in ranks_x)
    spread_y = math.fsum((rank - middle) ** 2 for rank in ranks_y)
    if spread_x == 0.0 or spread_y == 0.0:
        return 0.0
    together = math.fsum((a - middle) * (b - middle) for a, b in zip(ranks_x, ranks_y, strict=True))
    return max(-1.0, min(1.0, together / math.sqrt(spread_x * spread_y)))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered, start=1)))}
    last = {value: place for place, value in enumerate(ordered, start=1)}
    return [(first[value] + last[value]) / 2 for value in values]
