"""A change of a spec: what it is to a reviewer, where it stands on both sides, and the stages that it makes run again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mlspec.diagnostics import Waived
from mlspec.source import Span
from mlspec.spec.model import Spec

if TYPE_CHECKING:
    from mlspec.graph import Graph

EFFECTS = ("breaking", "loosening", "behaviour", "tightening", "additive", "operational", "cosmetic")
"""From the gravest to what nobody needs to look at."""

ACTIONS = ("rerun", "resume", "rescore", "redeploy", "rearm", "follow")
"""What happens to a stage or a deployed block; `follow` are stages that only write down what others found."""


@dataclass(slots=True)
class Change:
    """One change. `where` is `kind.block.member`, `place` the same without the kind; `old` and `new` are short texts, "" where
    there is nothing; `whole` are the two uncut, where they were cut. `code` is that of an error that the new text has there.
    `level` is what the policy does about it (error, warning, off), `waived` says who accepted it, why and until when.
    """

    effect: str
    rule: str
    where: str
    place: str
    old: str = ""
    new: str = ""
    why: str = ""
    security: bool = False
    incomparable: bool = False
    code: str = ""
    old_span: Span | None = None
    new_span: Span | None = None
    stages: dict[str, list[str]] = field(default_factory=dict)
    whole: tuple[str, str] | None = None
    level: str = ""
    waived: Waived | None = None

    @property
    def fingerprint(self) -> str:
        """Names the change by what it is, not by where its lines stand: a waiver of it holds while it stays the same."""
        parts = ("mlspec-diff-1", self.rule, self.effect, self.where, *(self.whole or (self.old, self.new)))
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def reasons(self) -> str:
        """Why it is what it is, and who accepted it."""
        return "; ".join(text for text in (self.why, "" if self.waived is None else self.waived.sentence) if text)

    @property
    def rank(self) -> tuple[bool, int]:
        """Security-relevant ones first, then by how grave they are."""
        return not self.security, EFFECTS.index(self.effect)


class Fault(NamedTuple):
    """An error of a side: its code, its place and what it says."""

    code: str
    span: Span | None
    message: str


@dataclass(frozen=True, slots=True)
class Version:
    """One side: the spec as far as it could be bound, its stages (None of a spec with errors) and its errors.

    `written` are the dotted names that its text has, whether they could be bound or not; of a sound spec it may be empty. `envs` are
    the same spec under each of its environments, `code` the digests of the code files of its externs by path.
    """

    spec: Spec
    graph: Graph | None = None
    errors: tuple[Fault, ...] = ()
    written: frozenset[str] = frozenset()
    envs: Mapping[str, Version] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes of one spec, the gravest first, per action the stages that a run would do again (None: not known), and new errors."""

    changes: tuple[Change, ...]
    stages: dict[str, list[str]] | None = None
    errors: tuple[Fault, ...] = ()

    def at_least(self, effect: str) -> list[Change]:
        """The changes with this effect or a graver one."""
        limit = EFFECTS.index(effect)
        return [change for change in self.changes if EFFECTS.index(change.effect) <= limit]
