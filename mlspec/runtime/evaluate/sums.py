"""Metrics that are a function of sums over rows: each has its per-row terms and what to make of their sums.

Sums make resampling cheap: a bootstrap draw only changes the weight of each row, so 2,000 draws are one product of
a weight matrix with the terms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric

Terms = Callable[[Outcomes, Mapping[str, Any]], Floats]
Finish = Callable[[Floats, Mapping[str, Any]], Floats]

# Probabilities are kept this far from 0 and 1 under a logarithm, the resolution of a double around 1.
EPSILON = float(np.finfo(np.float64).eps)


def _columns(*parts: Any) -> Floats:
    return np.column_stack([np.asarray(part, dtype=np.float64) for part in parts])


def share(sums: Floats, args: Mapping[str, Any]) -> Floats:
    """Hits over the rows that count, for terms (hit, counts)."""
    return sums[..., 0] / sums[..., 1]


def correct(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns(rows.y == rows.decision, np.ones(len(rows)))


def selected(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns(rows.decision == rows.favourable, np.ones(len(rows)))


def found_positives(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns((rows.y == 1) & (rows.decision == 1), rows.y == 1)


def missed_positives(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns((rows.y == 1) & (rows.decision == 0), rows.y == 1)


def false_alarms(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns((rows.y == 0) & (rows.decision == 1), rows.y == 0)


def true_alarms(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns((rows.y == 1) & (rows.decision == 1), rows.decision == 1)


def in_first_k(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """Is the label among the k classes of highest score; equal scores rank by class order, as the decision does."""
    own = rows.score[np.arange(len(rows)), rows.y][:, None]
    earlier = np.arange(rows.score.shape[1]) < rows.y[:, None]
    rank = ((rows.score > own) | ((rows.score == own) & earlier)).sum(axis=1)
    return _columns(rank < int(args.get("k", 3)), np.ones(len(rows)))


def right_by_class(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """Right rows and all rows of every class."""
    label = rows.y[:, None] == np.arange(2 if rows.task == "binary" else rows.score.shape[1])
    return np.concatenate([label & (rows.y == rows.decision)[:, None], label], axis=1).astype(np.float64)


def mean_recall(sums: Floats, args: Mapping[str, Any]) -> Floats:
    """The mean over classes; undefined where a class has no rows."""
    right, total = np.split(sums, 2, axis=-1)
    return np.asarray((right / total).mean(axis=-1))


def hits_and_misses(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """True positives, and positives by label plus positives by decision."""
    return _columns((rows.y == 1) & (rows.decision == 1), rows.y + rows.decision)


def f1(sums: Floats, args: Mapping[str, Any]) -> Floats:
    return 2 * sums[..., 0] / sums[..., 1]


def per_class(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """Hits, decisions and labels of every class, class by class."""
    places = np.arange(rows.score.shape[1])
    label, decision = rows.y[:, None] == places, rows.decision[:, None] == places
    return np.concatenate([label & decision, decision, label], axis=1).astype(np.float64)


def _class_f1(sums: Floats) -> tuple[Floats, Floats]:
    hits, decided, labelled = np.split(sums, 3, axis=-1)
    total = decided + labelled
    # A class in neither labels nor decisions says nothing and is left out of the mean, as a NaN term.
    with np.errstate(invalid="ignore"):
        return 2 * hits / total, labelled


def macro_f1(sums: Floats, args: Mapping[str, Any]) -> Floats:
    values, _ = _class_f1(sums)
    present = ~np.isnan(values)
    return np.asarray(np.where(present, values, 0.0).sum(axis=-1) / present.sum(axis=-1))


def weighted_f1(sums: Floats, args: Mapping[str, Any]) -> Floats:
    values, labelled = _class_f1(sums)
    return np.asarray((np.nan_to_num(values, nan=0.0) * labelled).sum(axis=-1) / labelled.sum(axis=-1))


def surprise(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """Minus the logarithm of the probability that the model gave to what happened."""
    if rows.task == "binary":
        given = np.where(rows.y == 1, rows.score, 1 - rows.score)
    else:
        given = rows.score[np.arange(len(rows)), rows.y]
    return _columns(-np.log(np.clip(given, EPSILON, 1 - EPSILON)), np.ones(len(rows)))


def squared_miss(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns((rows.score - rows.y) ** 2, np.ones(len(rows)))


def root_share(sums: Floats, args: Mapping[str, Any]) -> Floats:
    return np.sqrt(share(sums, args))


def absolute_miss(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns(np.abs(rows.score - rows.y), np.ones(len(rows)))


def relative_miss(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    zeros = int((rows.y == 0).sum())
    if zeros:
        raise UndefinedMetric(f"{zeros} labels are 0, and an error relative to 0 has no size")
    return _columns(np.abs((rows.score - rows.y) / rows.y), np.ones(len(rows)))


def signed_miss(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    return _columns(rows.score - rows.y, np.ones(len(rows)))


def explained(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """Squared error, and label and its square around the mean of all rows, which keeps the difference below exact."""
    centred = rows.y - rows.y.mean() if len(rows) else rows.y
    return _columns((rows.score - rows.y) ** 2, centred, centred**2, np.ones(len(rows)))


def r2(sums: Floats, args: Mapping[str, Any]) -> Floats:
    spread = sums[..., 2] - sums[..., 1] ** 2 / sums[..., 3]
    return 1 - sums[..., 0] / np.where(spread > 0, spread, np.nan)


def tilted_miss(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """The quantile loss at `at`: being below costs `at` a unit, being above 1 - `at`."""
    quantile = float(args.get("at", 0.5))
    miss = rows.y - rows.score
    return _columns(np.maximum(quantile * miss, (quantile - 1) * miss), np.ones(len(rows)))


def paid(rows: Outcomes, args: Mapping[str, Any]) -> Floats:
    """What the errors of a row cost."""
    false_pos, false_neg = float(args.get("false_pos", 1)), float(args.get("false_neg", 1))
    wrong_alarm, miss = (rows.y == 0) & (rows.decision == 1), (rows.y == 1) & (rows.decision == 0)
    return _columns(false_pos * wrong_alarm + false_neg * miss, np.ones(len(rows)))
