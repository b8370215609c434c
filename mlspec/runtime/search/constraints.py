"""Conditions on a trial's cross-validated metrics, and by how much each is broken, which engines that know constraints learn from.

`lower` and `upper` are the ends of the corrected resampled t interval (Nadeau and Bengio 2003) of what stands in them, over the
folds: the fitting rows of two folds overlap, so the variance of the mean is not s² / k but s² (1 / k + judging rows / fitting rows).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlspec.graph.canonical import canonical_text
from mlspec.graph.expression import walk
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.trials import mean

Values = Mapping[str, Any]
ENDS = ("lower", "upper")


class FoldMeans(dict[str, float]):
    """What was measured by name, as means over the folds, with what every fold gave; `overlap` is judging rows by fitting rows."""

    def __init__(self, by_fold: Mapping[str, Sequence[float]], level: float, overlap: float) -> None:
        super().__init__({name: mean(list(values)) for name, values in by_fold.items()})
        self.folds = [dict(zip(by_fold, found, strict=True)) for found in zip(*by_fold.values(), strict=True)]
        self.level, self.overlap = level, overlap

    def half(self, found: Sequence[float]) -> float:
        """Half the width of the interval of a mean over the folds; none of one fold, as of a trial that was pruned there."""
        from scipy.special import stdtrit

        count = len(found)
        if count < 2:
            return 0.0
        middle = mean(list(found))
        variance = math.fsum((value - middle) ** 2 for value in found) / (count - 1)
        return float(stdtrit(count - 1, 0.5 + self.level / 2)) * math.sqrt(variance * (1 / count + self.overlap))


_BROKEN = sys.float_info.min
"""What a condition is broken by where its sides are equal and must not be."""
_MOST = 1e100
"""The most that a condition is broken by, or holds by. Engines square and add such numbers, and the greatest float would overflow."""

_NUMBERS: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b if b else math.nan,
    "neg": lambda a: -a, "abs": math.fabs, "min": lambda *given: _known(min, given), "max": lambda *given: _known(max, given),
}  # fmt: skip


def _known(choose: Callable[..., float], given: Sequence[float]) -> float:
    """The least or the greatest; no number where one of them is none."""
    return math.nan if any(math.isnan(value) for value in given) else choose(given)


COMPARED = ("<", "<=", ">", ">=", "==", "!=")
ALLOWED = frozenset((*_NUMBERS, *COMPARED, *ENDS, "and", "or", "not"))


@dataclass(frozen=True)
class Constraint:
    """A Boolean over named numbers."""

    name: str
    expression: Any

    def violation(self, values: Values) -> float:
        """Above 0 by how far the condition is from holding; 0 and below where it holds."""
        return min(max(_violation(self.expression, values), -_MOST), _MOST)


def measure_name(metric: str, args: Mapping[str, Any]) -> str:
    """The name of a metric among a trial's measures: with its arguments, where it has some."""
    return (
        metric
        if not args
        else f"{metric}({', '.join(f'{key}: {canonical_text(value)}' for key, value in sorted(args.items()))})"
    )


def metrics_of(expression: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The metrics that a condition reads, with their arguments."""
    for node in walk(expression):
        if node[0] == "metric":
            yield str(node[1]), {name: _plain(value) for name, value in node[3].items()}


def read_constraints(items: Sequence[Mapping[str, Any]], where: str) -> tuple[Constraint, ...]:
    """The conditions of a config; StageError MLS901 for a function that none may use."""
    for item in items:
        called = (str(node[1]) for node in walk(item["expression"]) if node[0] == "call")
        strange = next((name for name in called if name not in ALLOWED), None)
        if strange is not None:
            raise StageError("MLS901", f"`{strange}` in a constraint of a search is not built yet", f"{where}.{item['name']}",
                             expected=", ".join(sorted(ALLOWED)), found=strange, help="compare metrics with numbers")  # fmt: skip
    return tuple(Constraint(str(item["name"]), item["expression"]) for item in items)


def _violation(form: Any, values: Values) -> float:
    if form[0] == "lit":
        return 0.0 if form[1] else 1.0
    if form[0] != "call":
        return 0.0 if _number(form, values) else 1.0
    name, given = form[1], form[2]
    if name in ("and", "or"):
        both = [_violation(part, values) for part in given]
        return max(both) if name == "and" else min(both)
    if name == "not":
        return _negated(given[0], values)
    left, right = (_number(part, values) for part in given)
    return _compared(name, left, right)


def _compared(name: str, left: float, right: float) -> float:
    """By how much a comparison is broken; wholly where a side has no value, as behind a division by zero."""
    if math.isnan(left - right):
        return _MOST
    if name in ("==", "!="):
        apart = abs(left - right)
        return apart if name == "==" else (-apart or _BROKEN)
    missing = right - left if name in (">", ">=") else left - right
    return missing if missing or name in (">=", "<=") else _BROKEN


_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def _negated(form: Any, values: Values) -> float:
    if form[0] == "call" and form[1] in _OPPOSITE:
        return _violation(["call", _OPPOSITE[form[1]], form[2], {}], values)
    if form[0] == "call" and form[1] in ("and", "or"):
        other = "or" if form[1] == "and" else "and"
        return _violation(["call", other, [["call", "not", [part], {}] for part in form[2]], {}], values)
    if form[0] == "call" and form[1] == "not":
        return _violation(form[2][0], values)
    return 1.0 if _violation(form, values) <= 0 else 0.0


def _number(form: Any, values: Values) -> float:
    if form[0] == "lit":
        return float(form[1])
    if form[0] == "metric":
        (found,) = metrics_of(form)
        return float(values[measure_name(*found)])
    if form[0] == "col":
        return float(values[form[1]])
    if form[1] in ENDS:
        return _end(form, values)
    return float(_NUMBERS[form[1]](*(_number(part, values) for part in form[2])))


def _end(form: Any, values: Values) -> float:
    """An end of the interval of an expression; a limit of a family, which no fold gives, has none."""
    if not isinstance(values, FoldMeans):
        return math.nan
    found = [_number(form[2][0], fold) for fold in values.folds]
    if any(math.isnan(value) for value in found):
        return math.nan
    half = values.half(found)
    return mean(found) - half if form[1] == "lower" else mean(found) + half


def _plain(value: Any) -> Any:
    return value[1] if isinstance(value, list) and value and value[0] == "lit" else value
