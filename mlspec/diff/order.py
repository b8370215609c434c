"""Which of two values permits more, where values have an order. Nothing here knows a block.

Every comparator gives +1 when the new value permits more (a loosening), -1 when it permits less, 0 when they permit the same, and
None where the order does not say.
"""

from __future__ import annotations

from typing import Any

from mlspec.spec.values import Bounds

Verdict = int | None

TAINT = ("", "quasi", "free_text", "direct")


def larger(old: Any, new: Any) -> Verdict:
    """+1 when the new value is larger: of numbers and dates; of ranges the wider; of lists the first place that differs decides."""
    if isinstance(old, Bounds) and isinstance(new, Bounds):
        return both((opposite(larger(old.low, new.low)), larger(old.high, new.high)))
    if isinstance(old, tuple | list) and isinstance(new, tuple | list):
        first = (found for one, other in zip(old, new, strict=False) if (found := larger(one, other)) != 0)
        return next(first, 0 if len(old) == len(new) else None)
    if isinstance(old, bool) or isinstance(new, bool) or old is None or new is None:
        return 0 if old is new else None
    try:
        return int(new > old) - int(new < old)
    except TypeError:
        return None


def opposite(verdict: Verdict) -> Verdict:
    """The verdict of the same change, read the other way."""
    return None if verdict is None else -verdict


def both(verdicts: tuple[Verdict, ...]) -> Verdict:
    """What several verdicts come to: they agree, or some say 0; else it is not known."""
    if None in verdicts:
        return None
    signs = {verdict for verdict in verdicts if verdict}
    return 0 if not signs else signs.pop() if len(signs) == 1 else None


def members(old: Any, new: Any) -> Verdict:
    """+1 when what is there goes: a value, or members of a list; -1 when some only come."""
    if old is None or new is None or old == () or new == ():
        gone, come = old not in (None, ()), new not in (None, ())
        return int(gone) - int(come)
    if isinstance(old, tuple | list) and isinstance(new, tuple | list):
        gone, come = any(item not in new for item in old), any(item not in old for item in new)
        return None if gone and come else int(gone) - int(come)
    return 0 if old == new else None


def ranked(order: tuple[str, ...], old: Any, new: Any) -> Verdict:
    """+1 when the new word stands later in the order."""
    if old not in order or new not in order:
        return None
    return larger(order.index(old), order.index(new))
