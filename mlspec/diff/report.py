"""The list that the comparing modules write changes into: places, effects of the table, what is security-relevant."""

from __future__ import annotations

from typing import Any

from mlspec.diff import words
from mlspec.diff.change import EFFECTS, Change, Fault, Version
from mlspec.diff.names import Names
from mlspec.diff.order import Verdict
from mlspec.diff.table import UNKNOWN
from mlspec.source import Span
from mlspec.spec.model import Block

UNSURE = "mlspec cannot tell which way this goes"


class Report:
    """Changes so far; `top` is the kind of the block of the file that is compared now, `faults` the errors that the old side has not."""

    def __init__(self, old: Version, new: Version, names: Names) -> None:
        self.old = old
        self.new = new
        self.names = names
        self.changes: list[Change] = []
        self.top = ""
        known = {_key(fault) for fault in old.errors}
        self.faults = tuple(fault for fault in new.errors if _key(fault) not in known)

    def add(
        self,
        effect: str,
        rule: str,
        place: str,
        old: str = "",
        new: str = "",
        *,
        why: str = "",
        security: bool = False,
        incomparable: bool = False,
        spans: tuple[Span | None, Span | None] = (None, None),
    ) -> Change:
        """Add a change at a dotted place of the block that is compared."""
        where = "spec" + place[len(place.partition(".")[0]) :] if self.top == "spec" else f"{self.top}.{place}"
        change = Change(effect, rule, where, place, *words.clip(old, new), why, security, incomparable, "", *spans)
        change.whole = (old, new) if (old, new) != (change.old, change.new) else None
        fault = self.fault_at(spans[1])
        if fault is not None:
            _faulty(change, fault)
        self.changes.append(change)
        return change

    def fault_at(self, span: Span | None) -> Fault | None:
        """An error that the new text has inside a span, None without one."""
        if span is None:
            return None
        return next((fault for fault in self.faults if fault.span is not None and _inside(fault.span, span)), None)

    def written(self, block: Block, name: str) -> bool:
        """Whether the new text has a member under this name, though it may be wrong."""
        return f"{block.path}.{name}" in self.new.written


def _key(fault: Fault) -> tuple[str, str, str]:
    """What is wrong, wherever its line stands; of a secret in plain text, which no message and no value shows, also its text."""
    shown = fault.span.text if fault.code == "MLS404" and fault.span is not None else ""
    return fault.code, fault.message, shown


def _faulty(change: Change, fault: Fault) -> None:
    """What an error says of a change: one that leaks, tells of people or opens a gate is no mere change of behaviour."""
    change.code = fault.code
    if change.rule == "not-compared":
        change.why = fault.message
    elif change.effect == "tightening":
        # What is wrong was left out when it was bound: that less is permitted may be only that.
        change.effect, change.why = "loosening", f"{fault.message}: which way this goes is not known"
    if fault.code[3:4] in "345":
        change.security = True
        change.why = fault.message
        if EFFECTS.index(change.effect) > EFFECTS.index("loosening"):
            change.effect = "loosening"


def _inside(place: Span, span: Span) -> bool:
    return place.source.name == span.source.name and span.start <= place.start < max(span.end, span.start + 1)


def effect_of(verdict: Verdict) -> str:
    """A comparator's verdict as an effect; not known is a loosening."""
    return UNKNOWN if verdict is None else {1: "loosening", -1: "tightening", 0: "behaviour"}[verdict]


def unsure(verdict: Verdict, why: str = "") -> str:
    """The reason to print: that the direction is not known, where it is not."""
    return (why or UNSURE) if verdict is None else why


def changed(old: Any, new: Any) -> int:
    """0 for a value that came, 1 for one that went, 2 for one that changed: the places of a row of effects."""
    return 0 if old is None else 1 if new is None else 2
