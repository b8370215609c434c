"""Whether more confidence permits more: it moves lower ends of intervals down and upper ends up, and conditions say which of them count.

`lower(x) >= t` and `upper(x) <= t` hold for less then, `lower(x) <= t` and `upper(x) >= t` for more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlspec.diff.order import Verdict, both, opposite
from mlspec.spec.model import Block

Form = Any

_ENDS = {"lower": -1, "upper": 1}
_UP, _DOWN = (">=", ">"), ("<=", "<")
_WITH_ARGUMENTS = frozenset(("+", "worst", "min", "max", "round", "floor", "ceil", "sqrt", "exp", "log", "log1p", "mean"))


def direction_of(blocks: Iterable[Block]) -> str:
    """The direction of the schema that a change of confidence has under the conditions of these blocks; of no end, as of careful ones."""
    forms = [definition.value.form for block in blocks for definition in block.definitions.values()]
    verdict = both(tuple(permits(form) for form in forms))
    return "loosening" if verdict is None else "up_loosens" if verdict > 0 else "down_loosens"


def permits(form: Form) -> Verdict:
    """+1 where a condition holds for more with more confidence, -1 for less, 0 where it reads no interval, None where it cannot be told."""
    if not _reads(form):
        return 0
    name, given = (form[1], form[2]) if form[0] == "call" else ("", [])
    if name in ("and", "or"):
        return both(tuple(permits(part) for part in given))
    if name == "not":
        return opposite(permits(given[0]))
    if name not in (*_UP, *_DOWN) or len(given) != 2:
        return None
    left, right = (_moves(part) for part in given)
    verdict = both((left, opposite(right)))
    return verdict if name in _UP else opposite(verdict)


def _moves(form: Form) -> Verdict:
    """+1 where a quantity grows with more confidence, -1 where it falls."""
    if not _reads(form):
        return 0
    name, given = (form[1], form[2]) if form[0] == "call" else ("", [])
    if name in _ENDS:
        return _ENDS[name] if not any(_reads(part) for part in given) else None
    if name == "-":
        first, *rest = (_moves(part) for part in given)
        return both((first, *map(opposite, rest))) if rest else opposite(first)
    return both(tuple(_moves(part) for part in given)) if name in _WITH_ARGUMENTS else None


def _reads(form: Form) -> bool:
    """Whether an end of an interval stands in an expression."""
    if isinstance(form, dict):
        return any(_reads(part) for part in form.values())
    return isinstance(form, list) and (
        (form[:1] == ["call"] and form[1] in _ENDS) or any(_reads(part) for part in form if isinstance(part, list | dict))
    )
