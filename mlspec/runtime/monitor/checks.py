"""Evaluating a monitor's Boolean definitions on a window. The answer is true, false, or not known: too little data is not known.

A distance from the reference counts as above its bound only when it is beyond chance too, and as below it only when chance
alone would stay below: in between there are too few records to tell.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor.statistics import Estimate

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a check says of a window: `holds` is None when it cannot be known, and `reason` says why.

    `value` is the number that stood against `bound`, whose type is `unit`; `each` are the numbers that it is the worst of.
    """

    holds: bool | None
    value: float | None = None
    bound: float | None = None
    op: str = ""
    n: int = 0
    reason: str = ""
    each: Mapping[str, Estimate] | None = None
    worst: str = ""
    unit: str = ""


class Measures(Protocol):
    """The Live measures of one window."""

    def each(self, name: str, of: Any, tests: int) -> dict[str, Estimate]:
        """`psi ks js null_rate` of features or of the score; `tests` shares alpha among as many comparisons."""
        ...

    def rate(self, condition: Any) -> Estimate:
        """The share of records for which a condition on logged values is true."""
        ...

    def metric(self, name: str, args: Mapping[str, Any]) -> Estimate:
        """A metric on the window, with delayed labels where it needs labels."""
        ...

    def metric_by(self, name: str, args: Mapping[str, Any], by: Any) -> dict[str, Estimate]:
        """A metric per group."""
        ...


def shown(value: float, unit: str) -> str:
    """A number as the spec writes its bound: percent for a ratio, pp for points, else plain."""
    mark = {"ratio": "%", "points": "pp"}.get(unit)
    return f"{value:.4g}" if mark is None else f"{round(value * 100, 2):.6g}{mark}"


_EACH = frozenset({"psi", "ks", "js", "null_rate"})


class Evaluator:
    """Evaluates expressions of one monitor on the measures of one window."""

    def __init__(self, measures: Measures, where: str) -> None:
        self.measures = measures
        self.where = where
        self._each: dict[str, Estimate] | None = None
        self._worst = ""

    def answer(self, expression: Any) -> Answer:
        """The answer of a Boolean definition."""
        self._each, self._worst = None, ""
        found = self._boolean(expression)
        return replace(found, each=self._each, worst=self._worst)

    def _boolean(self, form: Any) -> Answer:
        head = form[0]
        if head == "call" and form[1] in _COMPARE:
            return self._compare(form[1], form[2][0], form[2][1])
        if head == "call" and form[1] == "in" and form[2][1][0] == "range":
            return self._inside(form[2][0], form[2][1])
        if head == "call" and form[1] in ("and", "or"):
            return _join(form[1], [self._boolean(item) for item in form[2]])
        if head == "call" and form[1] == "not":
            found = self._boolean(form[2][0])
            return replace(found, holds=None if found.holds is None else not found.holds)
        if head == "lit" and isinstance(form[1], bool):
            return Answer(form[1])
        raise self._unbuilt(form)

    def _compare(self, op: str, left: Any, right: Any) -> Answer:
        first, second = self._number(left), self._number(right)
        unit = str(right[2]) if right[0] == "lit" and len(right) > 2 else ""
        for estimate in (first, second):
            if estimate.value is None:
                return Answer(None, None, second.value, op, first.n, estimate.reason, unit=unit)
        assert first.value is not None and second.value is not None
        holds: bool | None = _COMPARE[op](first.value, second.value)
        n, reason = max(first.n, second.n), ""
        if not first.beyond_chance(second.value, first.value > second.value):
            holds, reason = None, first.reason or f"{n} records cannot tell: chance alone reaches {shown(first.noise, unit)}"
        return Answer(holds, first.value, second.value, op, n, reason, unit=unit)

    def _inside(self, value: Any, bounds: Any) -> Answer:
        low, high = bounds[1], bounds[2]
        return _join("and", [self._compare(">=", value, _literal(low)), self._compare("<=", value, _literal(high))])

    def _number(self, form: Any) -> Estimate:
        head = form[0]
        if head == "lit":
            return Estimate(float(form[1]))
        if head == "metric":
            return self.measures.metric(form[1], form[3])
        if head != "call":
            raise self._unbuilt(form)
        name, args, named = form[1], form[2], form[3]
        if name in _EACH:
            return self._one(name, args[0], named)
        if name == "worst":
            return self._worst_of(args[0], named)
        if name in ("gap", "ratio"):
            return _spread(name, self._groups(args[0], named))
        if name in ("abs", "neg"):
            return _unary(name, self._number(args[0]))
        if name in _ARITHMETIC:
            return _binary(name, self._number(args[0]), self._number(args[1]))
        if name == "rate":
            return self.measures.rate(args[0])
        raise self._unbuilt(form)

    def _one(self, name: str, of: Any, named: Mapping[str, Any]) -> Estimate:
        found = self.measures.each(name, of, 1)
        if len(found) != 1:
            raise StageError(
                "MLS201", f"`{name}` of several features is several numbers", self.where, expected="one number",
                found=f"{len(found)} numbers", help=f"use worst({name}(…))",
            )  # fmt: skip
        self._each = found
        return next(iter(found.values()))

    def _worst_of(self, form: Any, named: Mapping[str, Any]) -> Estimate:
        if form[0] == "call" and form[1] in _EACH:
            of = form[2][0]
            tests = len(of[1]) if of[0] == "features" else 1
            return self._greatest(self.measures.each(form[1], of, tests))
        groups = self._groups(form, named)
        known = {name: item for name, item in groups.items() if item.value is not None}
        if len(known) < len(groups) or not known:
            return next((item for item in groups.values() if item.value is None), Estimate(None, reason="no group has records"))
        pick = max if _lower_is_better(form) else min
        self._worst = pick(known, key=lambda name: known[name].value or 0.0)
        self._each = known
        return known[self._worst]

    def _greatest(self, found: dict[str, Estimate]) -> Estimate:
        """The greatest distance. With one feature unknown it can be found too great, and cannot be found small enough."""
        self._each = found
        known = {name: item for name, item in found.items() if item.value is not None}
        if not known:
            return next(iter(found.values()), Estimate(None, reason="the log holds none of the features"))
        self._worst = max(known, key=lambda name: known[name].value or 0.0)
        unknown = next((item for item in found.values() if item.value is None), None)
        sure = max((item.value for item in known.values() if item.value is not None and item.value > item.noise), default=0.0)
        chance = math.inf if unknown else max(item.noise for item in known.values())
        reason = unknown.reason if unknown else ""
        return replace(known[self._worst], sure=sure, chance=chance, reason=reason)

    def _groups(self, form: Any, named: Mapping[str, Any]) -> dict[str, Estimate]:
        if form[0] != "metric" or "by" not in named:
            raise self._unbuilt(form)
        found = self.measures.metric_by(form[1], form[3], named["by"])
        self._each = found
        return found

    def _unbuilt(self, form: Any) -> StageError:
        name = form[1] if form[0] == "call" else form[0]
        return StageError(
            "MLS901", f"`{name}` in a monitor is not built yet", self.where, expected="psi ks js null_rate rate and metrics of `live`",
            found=str(name), help="leave the definition out, or watch it in Prometheus: the server exports requests, codes and latency",
        )  # fmt: skip


def _literal(form: Any) -> Any:
    return form if isinstance(form, list) else ["lit", form, "float"]


def _join(op: str, answers: list[Answer]) -> Answer:
    """Three-valued and / or: one false decides an `and`, one true an `or`, else one unknown makes it unknown."""
    deciding = op == "or"
    for wanted in (deciding, None):
        for found in answers:
            if found.holds is wanted:
                return found
    return answers[-1]


def _unary(name: str, found: Estimate) -> Estimate:
    if found.value is None:
        return found
    return replace(found, value=abs(found.value) if name == "abs" else -found.value)


def _binary(name: str, left: Estimate, right: Estimate) -> Estimate:
    if left.value is None or right.value is None:
        return left if left.value is None else right
    if name == "/" and right.value == 0:
        return Estimate(None, n=left.n, reason="divided by zero")
    return Estimate(_ARITHMETIC[name](left.value, right.value), left.noise + right.noise, max(left.n, right.n))


def _spread(name: str, groups: Mapping[str, Estimate]) -> Estimate:
    """gap = max - min, ratio = min / max; a group without a value leaves it unknown."""
    missing = next((item for item in groups.values() if item.value is None), None)
    if missing is not None or not groups:
        return missing or Estimate(None, reason="no group has records")
    values = [item.value for item in groups.values() if item.value is not None]
    n = sum(item.n for item in groups.values())
    low, high = min(values), max(values)
    if name == "gap":
        return Estimate(high - low, n=n)
    return Estimate(None, n=n, reason="no group has any") if high == 0 else Estimate(low / high, n=n)


def _lower_is_better(form: Any) -> bool:
    from mlspec.runtime.evaluate.metrics import METRICS

    row = METRICS.get(form[1])
    return row is not None and row.direction == "minimize"
