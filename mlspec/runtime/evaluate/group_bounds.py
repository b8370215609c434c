"""`worst(lower(x), by: …)`: the end of an interval in every group, so that a claim about each of them is sure at `confidence`.

With a correction the intervals together hold at `confidence`: each of them is wider, the more so the more groups there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlspec.runtime.evaluate.held_out import HeldOut
from mlspec.runtime.evaluate.intervals import Interval
from mlspec.runtime.evaluate.multiplicity import joint_confidences
from mlspec.runtime.evaluate.outcomes import UndefinedMetric

if TYPE_CHECKING:
    from mlspec.runtime.evaluate.quantities import Evaluator

NAMES = {"holm": "Holm", "bonferroni": "Bonferroni"}
Groups = dict[str, dict[str, Any]]


def is_bound(node: Any) -> bool:
    """Whether an expression is an end of an interval."""
    return bool(node[0] == "call" and node[1] in ("lower", "upper"))


def bounds_by_group(evaluator: Evaluator, expression: Any) -> Groups:
    """For each group the end that counts, the estimate, the interval with its confidence, and the number of rows."""
    end, inner = expression[2][0][1], expression[2][0][2][0]
    kind, name = expression[3]["by"]
    codes, names = evaluator.held.by(kind, name)
    parts = [_group(evaluator, np.flatnonzero(codes == at)) for at in range(len(names))]
    plain = [_ends(part, inner, evaluator.confidence) for part in parts]
    levels = _levels(evaluator, plain, end)
    found: Groups = {}
    for at, group in enumerate(names):
        found[group] = {"value": None, "n": len(parts[at].held), "problem": None, "point": None, "confidence": levels[at]}
        ends = plain[at] if levels[at] == evaluator.confidence else _ends(parts[at], inner, levels[at])
        if isinstance(ends, UndefinedMetric):
            found[group]["problem"] = str(ends)
        else:
            value = ends.low if end == "lower" else ends.high
            found[group] |= {
                "value": value,
                "point": parts[at].value(inner),
                "low": ends.low,
                "high": ends.high,
                "method": ends.method,
            }
    return found


def method_of(evaluator: Evaluator, groups: Mapping[str, Mapping[str, Any]]) -> str:
    """How the ends were found: `Wilson in each of 5 groups, Holm`."""
    methods = dict.fromkeys(str(row["method"]) for row in groups.values() if row.get("method"))
    text = f"{' and '.join(methods)} in each of {len(groups)} groups"
    return text if evaluator.correction == "none" else f"{text}, {NAMES[evaluator.correction]}"


def _levels(evaluator: Evaluator, plain: Sequence[Interval | UndefinedMetric], end: str) -> list[float]:
    """The confidence of each group's interval; by Holm the group whose end is best is the clearest."""
    ends = [-np.inf if isinstance(one, UndefinedMetric) else one.low if end == "lower" else -one.high for one in plain]
    order = sorted(range(len(ends)), key=lambda at: -ends[at])
    return joint_confidences(evaluator.confidence, order, evaluator.correction)


def _group(evaluator: Evaluator, rows: NDArray[np.int64]) -> Evaluator:
    """The evaluator of one group's rows."""
    held = evaluator.held
    groups = None if held.groups is None else np.unique(held.groups[rows], return_inverse=True)[1].astype(np.int64)
    labels = [held.labels[at] for at in rows.tolist()]
    some = HeldOut(held.rows[rows], held.y[rows], labels, groups=groups)
    return evaluator.over(some, evaluator.sample.cut(rows))


def _ends(evaluator: Evaluator, inner: Any, confidence: float) -> Interval | UndefinedMetric:
    """The interval of an expression over some rows, or why there is none."""
    again = evaluator.at(confidence)
    try:
        again.value(inner)
        again.prepare([inner])
        return again.interval(inner)
    except UndefinedMetric as error:
        return error
