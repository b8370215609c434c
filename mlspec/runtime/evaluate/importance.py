"""Permutation importance: by how much the metric falls when the values of a feature are dealt out anew among the rows.

The package itself is asked, with the features that it takes: what becomes of a feature inside (one column or thirty) is permuted as one.
Features that are made of the same columns are permuted together, since each alone would leave the model the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.graph.expression import columns_of
from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.bootstrap import draw_weights
from mlspec.runtime.evaluate.metrics import Metric
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric

DRAWS = 400
METHOD = f"bootstrap of rows and repeats, {DRAWS} draws"

Values = Mapping[str, NDArray[Any]]
Scored = Callable[[Values], Outcomes]
Seed = Callable[[str, int], int]


def families(features: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The features by the columns that they are made of, in the order of the model's signature."""
    found: dict[tuple[str, ...], list[str]] = {}
    for feature in features:
        columns = tuple(sorted(columns_of(feature["value"]))) if "value" in feature else ()
        # A feature of no column, a constant, is a family of its own.
        found.setdefault(columns or ("", str(feature["name"])), []).append(str(feature["name"]))
    return list(found.values())


def permutation_importance(
    values: Values, base: Outcomes, scored: Scored, metric: Metric, *, families: Sequence[Sequence[str]], repeats: int, seed: Seed,
    groups: NDArray[np.int64] | None, confidence: float, progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:  # fmt: skip
    """For each family of features the mean fall of the metric over the repeats, with an interval; the largest first."""
    try:
        whole = metric.value(base)
    except UndefinedMetric as error:
        return {"metric": metric.name, "problem": str(error), "base": None, "features": []}
    permuted: list[list[Outcomes]] = []
    for place, family in enumerate(families):
        permuted.append([scored(_dealt(values, family, seed(",".join(family), turn))) for turn in range(repeats)])
        progress(place + 1, len(families))
    drops = [[_drop(metric, whole, _value(metric, rows)) for rows in repeated] for repeated in permuted]
    drawn = _drawn(metric, base, permuted, seed("draws", 0), groups)
    entries = [
        {"features": list(family), "value": float(np.mean(drop)), "repeats": drop, **_interval(draws, confidence)}
        for family, drop, draws in zip(families, drops, drawn, strict=True)
    ]
    entries.sort(key=lambda entry: (-entry["value"], entry["features"]))
    return {"metric": metric.name, "problem": None, "base": whole, "features": entries}


def _dealt(values: Values, family: Sequence[str], seed: int) -> Values:
    """The values with the features of a family dealt out among the rows, together."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(values[family[0]]))
    return {name: column[order] if name in family else column for name, column in values.items()}


def _value(metric: Metric, rows: Outcomes) -> float:
    return float(metric.value(rows))


def _drop(metric: Metric, whole: Any, permuted: Any) -> Any:
    """How much worse the permuted value is, in the metric's own unit."""
    if metric.direction == "maximize":
        return whole - permuted
    return permuted - whole if metric.direction == "minimize" else abs(permuted) - abs(whole)


def _drawn(
    metric: Metric, base: Outcomes, permuted: Sequence[Sequence[Outcomes]], seed: int, groups: NDArray[np.int64] | None
) -> list[Floats]:
    """The fall of each family on every draw of rows, the mean over as many repeats drawn anew."""
    repeats = len(permuted[0])
    random = np.random.Generator(np.random.PCG64(seed))
    found: list[list[Floats]] = [[] for _ in permuted]
    for weights in draw_weights(len(base), seed, groups, DRAWS):
        chosen = random.integers(0, repeats, (len(weights), repeats))
        whole = metric.resampled(base, weights)
        for family, repeated in enumerate(permuted):
            drops = np.stack([_drop(metric, whole, _resampled(metric, rows, weights)) for rows in repeated], axis=1)
            found[family].append(np.take_along_axis(drops, chosen, axis=1).mean(axis=1))
    return [np.concatenate(blocks) for blocks in found]


def _resampled(metric: Metric, rows: Outcomes, weights: Floats) -> Floats:
    """The metric on every draw; what it keeps with the rows would fill the memory, since they are many."""
    found = metric.resampled(rows, weights)
    rows.kept.clear()
    return found


def _interval(draws: Floats, confidence: float) -> dict[str, Any]:
    try:
        found = intervals.percentile(draws, confidence, METHOD)
    except UndefinedMetric as error:
        return {"low": None, "high": None, "method": f"no interval: {error}"}
    return {"low": found.low, "high": found.high, "method": found.method}
