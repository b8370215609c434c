"""Intervals of a metric on the rows of a slice: by formula where there is one, else by few bootstrap draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.bootstrap import draw_weights
from mlspec.runtime.evaluate.intervals import Interval
from mlspec.runtime.evaluate.metrics import Metric, metric_of
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric

DRAWS = 400

Groups = NDArray[np.int64] | None


def slice_intervals(
    rows: Outcomes, names: Sequence[str], confidence: float, seed: int, groups: Groups
) -> dict[str, Interval | UndefinedMetric]:
    """The interval of each metric on these rows, or why it has none."""
    found: dict[str, Interval | UndefinedMetric] = {}
    drawn = []
    for name in names:
        metric = metric_of(name, rows.task)
        try:
            metric.value(rows)
            closed = None if groups is not None else _closed_form(metric, rows, confidence)
        except UndefinedMetric as error:
            found[name] = error
            continue
        if closed is None:
            drawn.append(metric)
        else:
            found[name] = closed
    return found | _drawn(drawn, rows, confidence, seed, groups)


def _closed_form(metric: Metric, rows: Outcomes, confidence: float) -> Interval | None:
    """DeLong of an AUC, Wilson of a share; what has no formula that holds for few and skewed rows is drawn."""
    if metric.name == "auc":
        return intervals.delong(rows, confidence)
    if metric.terms is None or not metric.proportion:
        return None
    hits, total = metric.terms(rows, {}).sum(axis=0)
    return intervals.wilson(hits, total, confidence)


def _drawn(
    metrics: Sequence[Metric], rows: Outcomes, confidence: float, seed: int, groups: Groups
) -> dict[str, Interval | UndefinedMetric]:
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
    method = f"bootstrap, {DRAWS} draws" + ("" if codes is None else " of whole groups")
    units = len(rows) if codes is None else int(codes.max()) + 1
    if units < 2:
        return {metric.name: UndefinedMetric("one row, or one group, has no spread") for metric in metrics}
    draws: dict[str, list[Floats]] = {metric.name: [] for metric in metrics}
    for weights in draw_weights(len(rows), seed, codes, DRAWS) if metrics else ():
        for metric in metrics:
            draws[metric.name].append(metric.resampled(rows, weights))
    found: dict[str, Any] = {}
    for name, blocks in draws.items():
        try:
            found[name] = _around(
                metric_of(name, rows.task).value(rows), intervals.percentile(np.concatenate(blocks), confidence, method)
            )
        except UndefinedMetric as error:
            found[name] = error
    rows.kept.clear()
    return found


def _around(value: float, interval: Interval) -> Interval:
    """The interval, the value itself in it: draws of few rows are less calibrated than the rows, and may all lie above it."""
    return Interval(min(interval.low, value), max(interval.high, value), interval.method)
