"""The numbers that gates compare: expressions over metrics, with intervals, by groups."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate import intervals
from mlspec.runtime.evaluate.bootstrap import DRAWS, draw_weights, method_name
from mlspec.runtime.evaluate.group_bounds import bounds_by_group, is_bound
from mlspec.runtime.evaluate.groups import GroupFrame, fair_metric, gap_of, ratio_of, worst_of
from mlspec.runtime.evaluate.held_out import HeldOut
from mlspec.runtime.evaluate.intervals import Interval
from mlspec.runtime.evaluate.metrics import METRICS, metric_of
from mlspec.runtime.evaluate.outcomes import Floats, Outcomes, UndefinedMetric

ENDS = ("lower", "upper")
BY = {"worst": worst_of, "gap": gap_of, "ratio": ratio_of}
ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "neg": np.negative, "abs": np.abs,
    "min": np.minimum, "max": np.maximum,
}  # fmt: skip


class AbsentModel(UndefinedMetric):
    """The expression reads a model that does not exist yet."""

    def __init__(self, model: str) -> None:
        super().__init__(f"the model `{model}` does not exist")
        self.model = model


def arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Named arguments as plain values, literals opened."""
    return {key: value[1] if isinstance(value, list) and value[:1] == ["lit"] else value for key, value in given.items()}


@dataclass
class Sample:
    """Some rows, as each model sees them."""

    models: Mapping[str, Outcomes]
    void: Mapping[str, str] = field(default_factory=dict)
    """Outcomes that there are none of, and why."""
    _taken: dict[Any, Sample] = field(default_factory=dict)

    def of(self, model: str) -> Outcomes:
        """The model's outcomes, or why there are none."""
        if model in self.void:
            raise UndefinedMetric(self.void[model])
        if model not in self.models:
            raise AbsentModel(model)
        return self.models[model]

    def cut(self, rows: NDArray[Any]) -> Sample:
        """The sample of some rows."""
        return Sample({name: each.take(rows) for name, each in self.models.items()}, self.void)

    def take(self, key: Any, rows: NDArray[Any]) -> Sample:
        """The sample of some rows, kept under `key`, since every block of draws asks for the same groups."""
        if key not in self._taken:
            self._taken[key] = self.cut(rows)
        return self._taken[key]


class Evaluator:
    """Values and intervals of expressions over one held-out part."""

    def __init__(
        self,
        held: HeldOut,
        models: Mapping[str, Outcomes],
        *,
        confidence: float,
        min_group: int,
        seed: int,
        if_absent: Mapping[str, str] | None = None,
        void: Mapping[str, str] | None = None,
        correction: str = "none",
        own: Mapping[str, Any] | None = None,
    ) -> None:
        self.own = dict(own or {})
        self.held, self.sample, self.correction = held, Sample(models, dict(void or {})), correction
        self.confidence, self.min_group, self.seed = confidence, min_group, seed
        self.if_absent = dict(if_absent or {})
        self._intervals: dict[str, Interval | UndefinedMetric] = {}
        self._drawn: dict[str, Floats] = {}
        self._bounds_known: dict[str, dict[str, dict[str, Any]]] = {}

    def at(self, confidence: float) -> Evaluator:
        """An evaluator of the same rows at another confidence."""
        return Evaluator(
            self.held, self.sample.models, confidence=confidence, min_group=self.min_group, seed=self.seed, if_absent=self.if_absent,
            void=self.sample.void, correction=self.correction, own=self.own,
        )  # fmt: skip

    def over(self, held: HeldOut, sample: Sample) -> Evaluator:
        """An evaluator of some of the rows."""
        found = self.at(self.confidence)
        found.held, found.sample = held, sample
        return found

    def prepare(self, expressions: Sequence[Any], progress: Callable[[int], None] = lambda done: None) -> None:
        """Compute every interval that the expressions need; all that are drawn share one set of draws."""
        drawn: dict[str, Any] = {}
        for expression in expressions:
            for node in interval_nodes(expression):
                if node[0] == "lit":
                    continue
                key = json.dumps(node, sort_keys=True)
                closed = None if key in self._intervals else self._closed_form(node)
                if closed is not None:
                    self._intervals[key] = closed
                elif key not in self._intervals:
                    drawn[key] = node
        self._draw(drawn, progress)

    def _draw(self, nodes: Mapping[str, Any], progress: Callable[[int], None]) -> None:
        found: dict[str, list[Floats]] = {key: [] for key in nodes}
        failed: dict[str, UndefinedMetric] = {}
        if not nodes:
            return
        done = 0
        units = len(self.held) if self.held.groups is None else int(self.held.groups.max()) + 1
        if units < 2:  # every draw would be the rows themselves, and the interval would look certain
            what = "row" if self.held.groups is None else "group of the split"
            self._intervals |= dict.fromkeys(nodes, UndefinedMetric(f"there is one {what}, which has no spread"))
            return
        for weights in draw_weights(len(self.held), self.seed, self.held.groups):
            self._drawn = {}
            for key, node in nodes.items():
                if key not in failed:
                    try:
                        found[key].append(np.broadcast_to(self._draws(node, self.sample, weights), len(weights)))
                    except UndefinedMetric as error:
                        failed[key] = error
            done += len(weights)
            progress(done)
        for key, blocks in found.items():
            self._intervals[key] = failed.get(key) or self._percentile(np.concatenate(blocks))

    def _percentile(self, draws: Floats) -> Interval | UndefinedMetric:
        try:
            return intervals.percentile(draws, self.confidence, method_name(self.held.groups))
        except UndefinedMetric as error:
            return error

    def _closed_form(self, node: Any) -> Interval | UndefinedMetric | None:
        """The interval where a formula gives it and rows are independent; None where it has to be drawn."""
        if self.held.groups is not None:
            return None
        try:
            if node[0] == "metric":
                return self._of_metric(node)
            if node[0] == "call" and node[1] == "-" and all(part[0] == "metric" for part in node[2]):
                return self._of_difference(*node[2])
        except UndefinedMetric as error:
            return error
        return None

    def _of_metric(self, node: Any) -> Interval | None:
        metric, rows, given = self._metric(node, self.sample)
        if metric.name == "auc":
            return intervals.delong(metric.view(rows, given), self.confidence)
        if metric.proportion and metric.terms is not None:
            hits, total = metric.terms(metric.view(rows, given), given).sum(axis=0)
            return intervals.wilson(hits, total, self.confidence)
        return None

    def _of_difference(self, left: Any, right: Any) -> Interval | None:
        (metric, one, given), (other, two, given_2) = self._metric(left, self.sample), self._metric(right, self.sample)
        if metric is not other or given != given_2:
            return None
        one, two = metric.view(one, given), metric.view(two, given)
        if metric.name == "auc":
            return intervals.delong_difference(one, two, self.confidence)
        if metric.rate and metric.terms is not None:
            return _paired(metric.terms(one, given), metric.terms(two, given), self.confidence)
        return None

    def _metric(self, node: Any, sample: Sample) -> tuple[Any, Outcomes, dict[str, Any]]:
        rows = sample.of(node[2])
        return self.own.get(node[1]) or metric_of(node[1], rows.task), rows, arguments(node[3])

    def _direction(self, node: Any) -> str:
        return direction_of(node, self.own)

    def interval(self, expression: Any) -> Interval:
        """The interval computed by `prepare`, or why there is none."""
        known = self._intervals.get(json.dumps(expression, sort_keys=True))
        if known is None:
            raise UndefinedMetric("no interval is defined for it")
        if isinstance(known, UndefinedMetric):
            raise known
        return known

    def value(self, expression: Any, sample: Sample | None = None) -> float:
        """The number that an expression is, `UndefinedMetric` where it is none."""
        rows = self.sample if sample is None else sample
        head = expression[0]
        if head == "lit":
            return float(expression[1])
        if head == "metric":
            metric, outcomes, given = self._metric(expression, rows)
            return float(metric.value(outcomes, given))
        name, given = expression[1], expression[2]
        if name in ENDS:
            interval = self.interval(given[0])
            return interval.low if name == "lower" else interval.high
        if name in BY:
            return self.by_groups(expression)[0]
        return self._arithmetic(name, [self.value(item, rows) for item in given])

    def _arithmetic(self, name: str, values: Sequence[float]) -> float:
        if name not in ARITHMETIC:
            raise UndefinedMetric(f"`{name}` is no function of metrics")
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(ARITHMETIC[name](*values))
        if not np.isfinite(value):
            raise UndefinedMetric(f"`{name}` of {', '.join(f'{item:.6g}' for item in values)} is no number")
        return value

    def by_groups(self, expression: Any) -> tuple[float, dict[str, dict[str, Any]]]:
        """A worst, gap or ratio, with the value and number of rows of every group."""
        inner, (kind, name) = expression[2][0], expression[3]["by"]
        codes, names = self.held.by(kind, name)
        if len(names) < 2 and expression[1] != "worst":
            raise UndefinedMetric(f"a {expression[1]} compares groups, and all rows have the same `{name}`")
        if is_bound(inner):
            return self._bounds(expression, name)
        frame = GroupFrame(lambda rows: self.value(inner, self.sample.cut(rows)), codes, names, self._fair(inner))
        groups = frame.rows()
        self._refuse(groups, name)
        value = frame.summary(expression[1], self._direction(inner))
        if not np.isfinite(value):
            raise GroupProblem(f"the {expression[1]} over `{name}` is no number: every group has the value 0", groups)
        return value, groups

    def _bounds(self, expression: Any, name: str) -> tuple[float, dict[str, dict[str, Any]]]:
        """The worst of the ends that each group has of its own."""
        if expression[1] != "worst":
            raise UndefinedMetric(
                f"a {expression[1]} of ends of intervals says nothing: write `{expression[2][0][1]}({expression[1]}(…))`"
            )
        key = json.dumps(expression, sort_keys=True)
        if key not in self._bounds_known:
            self._bounds_known[key] = bounds_by_group(self, expression)
        groups = self._bounds_known[key]
        self._refuse(groups, name)
        values = np.array([row["value"] for row in groups.values()])
        return float(worst_of(values, self._direction(expression[2][0]))), groups

    def _refuse(self, groups: dict[str, dict[str, Any]], name: str) -> None:
        """A group that is too small or has no value makes the whole void."""
        small = [f"`{group}` has {row['n']:,}" for group, row in groups.items() if row["n"] < self.min_group]
        if small:
            raise GroupProblem(f"a group of `{name}` is smaller than min_group {self.min_group:,}: {', '.join(small)}", groups)
        void = [f"`{group}`: {row['problem']}" for group, row in groups.items() if row["problem"]]
        if void:
            raise GroupProblem(f"a group of `{name}` has no value: {'; '.join(void)}", groups)

    def _fair(self, inner: Any) -> tuple[Any, Any, Any] | None:
        """Labels, decisions and Fairlearn's function, where Fairlearn defines the metric."""
        if inner[0] != "metric":
            return None
        rows = self.sample.of(inner[2])
        function = fair_metric(inner[1], rows)
        return None if function is None else (rows.y, rows.decision, function)

    def _draws(self, node: Any, sample: Sample, weights: Floats) -> Floats:
        """The expression on every draw of a block."""
        if node[0] == "lit":
            return np.asarray(float(node[1]))
        if node[0] == "metric":
            return self._metric_draws(node, sample, weights)
        name, given = node[1], node[2]
        if name in BY:
            kind, by = node[3]["by"]
            codes, names = self.held.by(kind, by)
            values = [self._group_draws(given[0], (kind, by, code), codes == code, weights) for code in range(len(names))]
            return np.asarray(BY[name](np.stack(values), self._direction(given[0])))
        if name not in ARITHMETIC:
            raise UndefinedMetric(f"`{name}` is no function of metrics")
        with np.errstate(divide="ignore", invalid="ignore"):
            value = ARITHMETIC[name](*(self._draws(item, sample, weights) for item in given))
        return np.where(np.isfinite(value), value, np.nan)

    def _metric_draws(self, node: Any, sample: Sample, weights: Floats) -> Floats:
        """A metric on every draw; one of all rows is kept for the differences that it stands in, until the next block of draws."""
        metric, rows, given = self._metric(node, sample)
        if sample is not self.sample:
            return np.asarray(metric.resampled(rows, weights, given))
        key = json.dumps(node, sort_keys=True)
        if key not in self._drawn:
            self._drawn[key] = np.asarray(metric.resampled(rows, weights, given))
        return self._drawn[key]

    def _group_draws(self, node: Any, key: Any, mask: NDArray[Any], weights: Floats) -> Floats:
        rows = np.flatnonzero(mask)
        return self._draws(node, self.sample.take(key, rows), np.ascontiguousarray(weights[:, rows]))


class GroupProblem(UndefinedMetric):
    """A value by groups that is void, with what is known of each group."""

    def __init__(self, message: str, groups: dict[str, dict[str, Any]]) -> None:
        super().__init__(message)
        self.groups = groups


def _paired(one: Floats, two: Floats, confidence: float) -> Interval | None:
    """Newcombe's interval of two columns of hits, where both count the same rows."""
    if not np.array_equal(one[:, 1], two[:, 1]) or not one[:, 1].any():
        return None
    counted = one[:, 1] > 0
    first, second = one[counted, 0] > 0, two[counted, 0] > 0
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    return intervals.newcombe(both, int(first.sum()) - both, int(second.sum()) - both, neither, confidence)


def interval_nodes(expression: Any) -> Iterator[Any]:
    """The expressions whose interval is wanted: the whole without its end, and all below an end."""
    inner = expression
    while inner[0] == "call" and inner[1] in ENDS:
        inner = inner[2][0]
    if not _has_end(inner):
        yield inner
    if inner[0] == "call" and not ("by" in inner[3] and is_bound(inner[2][0])):  # each group has an interval of its own
        for part in inner[2]:
            if _has_end(part):
                yield from interval_nodes(part)


def _has_end(node: Any) -> bool:
    return node[0] == "call" and (node[1] in ENDS or any(_has_end(part) for part in node[2]))


def direction_of(node: Any, own: Mapping[str, Any] | None = None) -> str:
    """Which way is better, by the first metric of an expression; `own` are metrics beside those of the table."""
    if node[0] == "metric":
        row = (own or {}).get(node[1]) or METRICS.get(node[1])
        return "maximize" if row is None else str(row.direction)
    parts = (direction_of(part, own) for part in node[2] if part[0] != "lit") if node[0] == "call" else iter(())
    return next(parts, "maximize")


__all__ = ["DRAWS", "AbsentModel", "Evaluator", "GroupProblem", "Sample", "direction_of", "interval_nodes"]
