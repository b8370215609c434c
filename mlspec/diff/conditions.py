"""Whether a condition holds for more than before: `>=` with a lower threshold, `lower(…)` gone, a conjunct gone, a wider range.

A condition is read as the interval that a quantity must lie in. With the same quantity, a wider interval permits more; with the same
interval, a quantity that can only be larger permits more above a least value and less below a greatest one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mlspec.diff.order import Verdict, both, larger, opposite

Form = Any

_FLIPPED = {">=": "<=", "<=": ">=", ">": "<", "<": ">"}
_COMPARABLE = {"int": "number", "float": "number", "ratio": "number", "decimal": "number", "date": "time", "timestamp": "time"}
_QUANTILES = ("p50", "p95", "p99")
_ENDS = ("lower", "", "upper")
# Options of metrics: +1 where a larger one makes the metric's value larger, -1 where smaller.
_OPTIONS = {("latency", "load"): 1, ("latency", "cpu"): -1, ("ttft", "load"): 1, ("top_k", "k"): 1}
# Changes of inputs: the larger, the fewer decisions stay. What `of:` measures may go either way.
_OPTIONS |= {("robustness", "noise"): -1, ("robustness", "missing"): -1, ("robustness", "unseen"): -1}
_RISING = frozenset(
    ("log1p", "sqrt", "exp", "log", "round", "floor", "ceil", "min", "max", "lower", "upper", *_QUANTILES, "mean")
)


class Interval(NamedTuple):
    """`low <= quantity <= high`; None is no bound, and an open end leaves the bound itself out."""

    quantity: Form
    low: Form | None
    high: Form | None
    open_low: bool = False
    open_high: bool = False


def compare_conditions(old: Form, new: Form) -> Verdict:
    """+1 when the new condition holds for more, -1 for less, None when it cannot be told."""
    if old == new:
        return 0
    for word, sign in (("and", 1), ("or", -1)):
        if _is(old, word) or _is(new, word):
            return _junction(word, sign, old, new)
    if _is(old, "not") and _is(new, "not"):
        return opposite(compare_conditions(old[2][0], new[2][0]))
    one, other = _interval(old), _interval(new)
    if one is None or other is None:
        return _members(old, new)
    return both((_bounds(one, other), _quantity(one, other)))


def of_candidate(form: Form, candidate: str) -> Form:
    """A gate's form with its candidate called so, as the spec does: which model it is stands at `candidate`."""
    if isinstance(form, dict):
        return {key: of_candidate(value, candidate) for key, value in form.items()}
    if not isinstance(form, list):
        return form
    if form[:1] == ["metric"] and form[2] == candidate:
        return ["metric", form[1], "candidate", of_candidate(form[3], candidate)]
    return [of_candidate(part, candidate) for part in form]


def _is(form: Form, name: str) -> bool:
    return isinstance(form, list) and form[:1] == ["call"] and form[1] == name


def _parts(word: str, form: Form) -> list[Form]:
    return [part for arg in form[2] for part in _parts(word, arg)] if _is(form, word) else [form]


def _junction(word: str, sign: int, old: Form, new: Form) -> Verdict:
    """Conjuncts that go permit more, disjuncts less; two that stand alone on their sides are one that changed."""
    before, after = _parts(word, old), _parts(word, new)
    gone = [part for part in before if part not in after]
    come = [part for part in after if part not in before]
    if len(gone) == len(come):
        return both(tuple(compare_conditions(one, other) for one, other in zip(gone, come, strict=True)))
    return None if gone and come else sign if gone else -sign


def _members(old: Form, new: Form) -> Verdict:
    """`x in [a, b]` with more members."""
    if not (_is(old, "in") and _is(new, "in")) or old[2][0] != new[2][0]:
        return None
    one, other = old[2][1], new[2][1]
    if one[0] != "list" or other[0] != "list":
        return None
    gone, come = any(item not in other[1] for item in one[1]), any(item not in one[1] for item in other[1])
    return None if gone and come else int(come) - int(gone)


def _interval(form: Form) -> Interval | None:
    """A comparison with a constant as an interval; None for any other condition."""
    if not (isinstance(form, list) and form[:1] == ["call"] and len(form[2]) == 2):
        return None
    operator, (left, right) = form[1], form[2]
    if operator == "in" and right[0] == "range":
        return Interval(left, right[1], right[2])
    if left[0] == "lit" and right[0] != "lit":
        operator, left, right = _FLIPPED.get(operator, ""), right, left
    if operator not in _FLIPPED or right[0] != "lit":
        return None
    if operator in (">=", ">"):
        return Interval(left, right, None, open_low=operator == ">")
    return Interval(left, None, right, open_high=operator == "<")


def _bounds(old: Interval, new: Interval) -> Verdict:
    low = _end(old.low, new.low, old.open_low, new.open_low, -1)
    return both((low, _end(old.high, new.high, old.open_high, new.open_high, 1)))


def _end(old: Form | None, new: Form | None, was_open: bool, is_open: bool, sign: int) -> Verdict:
    """+1 when an end of the interval lies further out."""
    if old is None or new is None:
        return int(old is not None) - int(new is not None)
    moved = _literals(old, new)
    if moved == 0:
        return int(was_open) - int(is_open)
    return None if moved is None else moved * sign


def _literals(old: Form, new: Form) -> Verdict:
    """Two constants of types that compare: a ratio with points does not."""
    if old[0] != "lit" or new[0] != "lit":
        return 0 if old == new else None
    one, other = (str(form[2]).removesuffix("?") for form in (old, new))
    if _COMPARABLE.get(one, one) != _COMPARABLE.get(other, other):
        return None
    return larger(old[1], new[1])


def _quantity(old: Interval, new: Interval) -> Verdict:
    """+1 when the quantity changed so that it lies in the interval more often."""
    if old.quantity == new.quantity:
        return 0
    if (old.low is None) != (new.low is None) or (old.high is None) != (new.high is None):
        return None
    side = 1 if old.high is None else -1 if old.low is None else 0
    worst = _worst(old.quantity, new.quantity)
    if worst is not None:
        return worst
    grown = grows(old.quantity, new.quantity)
    return 0 if grown == 0 else None if grown is None or not side else grown * side


def _worst(old: Form, new: Form) -> Verdict:
    """`worst(x, by: …)` is never better than `x`: without it more passes."""
    if _is(old, "worst") and not _is(new, "worst"):
        return 1 if new == old[2][0] else None
    if _is(new, "worst") and not _is(old, "worst"):
        return -1 if old == new[2][0] else None
    return None


def grows(old: Form, new: Form) -> Verdict:
    """+1 when the value of an expression can only be larger than before, -1 only smaller, None when it cannot be told."""
    if old == new:
        return 0
    if old[0] == "lit" and new[0] == "lit":
        return _literals(old, new)
    if old[0] == "metric" and new[0] == "metric":
        return _metric(old, new)
    for step in _STEPS:
        found = step(old, new)
        if found is not None:
            return found
    return None


def _metric(old: Form, new: Form) -> Verdict:
    if old[1:3] != new[1:3] or set(old[3]) != set(new[3]):
        return None
    found: list[Verdict] = []
    for name in old[3]:
        moved = 0 if old[3][name] == new[3][name] else larger(old[3][name], new[3][name])
        sign = None if "of" in old[3] else _OPTIONS.get((old[1], name))
        found.append(0 if moved == 0 else None if moved is None or sign is None else moved * sign)
    return both(tuple(found))


def _interval_end(old: Form, new: Form) -> Verdict:
    """`lower(x) <= x <= upper(x)`."""
    (one, inner), (other, same) = (_unwrapped(form) for form in (old, new))
    return larger(_ENDS.index(one), _ENDS.index(other)) if one != other and inner == same else None


def _unwrapped(form: Form) -> tuple[str, Form]:
    for name in ("lower", "upper"):
        if _is(form, name) and len(form[2]) == 1:
            return name, form[2][0]
    return "", form


def _quantile(old: Form, new: Form) -> Verdict:
    names = [form[1] if form[0] == "call" else "" for form in (old, new)]
    if names[0] == names[1] or not all(name in _QUANTILES for name in names) or len(old[2]) != 1 or len(new[2]) != 1:
        return None
    return both((larger(_QUANTILES.index(names[0]), _QUANTILES.index(names[1])), grows(old[2][0], new[2][0])))


def _absolute(old: Form, new: Form) -> Verdict:
    """`x <= abs(x)`."""
    if _is(old, "abs") and old[2] == [new]:
        return -1
    return 1 if _is(new, "abs") and new[2] == [old] else None


def _call(old: Form, new: Form) -> Verdict:
    """The same function of arguments that grew, where it grows with them."""
    if old[0] != "call" or new[0] != "call" or old[1] != new[1] or old[3] != new[3] or len(old[2]) != len(new[2]):
        return None
    name, pairs = old[1], list(zip(old[2], new[2], strict=True))
    if name == "-" and len(pairs) == 2:
        return both((grows(*pairs[0]), opposite(grows(*pairs[1]))))
    if name == "+" or name in _RISING or (name == "worst" and len(pairs) == 1):
        return both(tuple(grows(*pair) for pair in pairs))
    return None


_STEPS: tuple[Callable[[Form, Form], Verdict], ...] = (_interval_end, _quantile, _absolute, _call)


def why(old: Form, new: Form) -> str:
    """What a reader is told of a changed condition beside its two texts; "" where the texts say it."""
    one, other = _interval(old), _interval(new)
    if one is None or other is None or one.quantity == other.quantity:
        return ""
    for name, sentence in _SAID.items():
        if _holds(one.quantity, name) != _holds(other.quantity, name):
            return sentence[0] if _holds(one.quantity, name) else sentence[1]
    if _by(one.quantity) != _by(other.quantity):
        return "it looks at other groups of rows"
    if _judged(one.quantity) != _judged(other.quantity):
        return "it judges another metric or another model"
    return ""


_SAID = {
    "lower": ("`lower` is gone: chance alone may lift the model over the threshold", "the interval's lower end counts now"),
    "upper": ("`upper` is gone: chance alone may bring the model under the threshold", "the interval's upper end counts now"),
    "worst": ("the worst group no longer counts, only the whole", "the worst group counts now"),
    "gap": ("the gap between groups no longer counts", "the gap between groups counts now"),
    "ratio": ("the ratio between groups no longer counts", "the ratio between groups counts now"),
}


def _nodes(form: Form) -> list[Form]:
    found, pending = [], [form]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            found.append(node)
            pending.extend(part for part in node if isinstance(part, list | dict))
        elif isinstance(node, dict):
            pending.extend(part for part in node.values() if isinstance(part, list | dict))
    return found


def _holds(form: Form, name: str) -> bool:
    return any(_is(node, name) for node in _nodes(form))


def _by(form: Form) -> list[Form]:
    return [node[3]["by"] for node in _nodes(form) if node[:1] == ["call"] and len(node) == 4 and "by" in node[3]]


def _judged(form: Form) -> list[Form]:
    return sorted(node[1:3] for node in _nodes(form) if node[:1] == ["metric"])


def same_metrics(old: Form, new: Form) -> bool:
    """Whether both conditions read the same metrics of the same models."""
    return _judged(old) == _judged(new)


def threshold(form: Form) -> tuple[Form, Form | None] | None:
    """(quantity, the one constant it is compared with), None where there are more or none."""
    found = _interval(form)
    if found is None or (found.low is not None and found.high is not None):
        return None
    return found.quantity, found.low if found.low is not None else found.high
