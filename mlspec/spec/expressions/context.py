"""Where an expression stands: the names that it can see and what its place allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from mlspec.source import Span
from mlspec.spec.findings import Findings
from mlspec.spec.kinds import CONST, NONE, UNKNOWN
from mlspec.spec.model import Block
from mlspec.spec.scope import Scope
from mlspec.spec.values import Reference, Typed

MAX_NODES = 10_000  # of one expression, as the plan allows


class Ambient:
    """A name that the schema brings: `score` of a request, `live` traffic, an arm."""

    __slots__ = ("kind", "name")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind


Operand: TypeAlias = Typed | Reference | Ambient


class Context:
    """The surroundings of one expression.

    `local` are the names of the block itself (columns of a source, earlier definitions, the candidate of gates), `role` is
    what is being defined, `rows` the source whose rows a bare column means, `where` how messages name the place.
    """

    __slots__ = ("block", "handles_null", "local", "quiet", "role", "rows", "scope", "spent", "where")

    def __init__(
        self,
        scope: Scope,
        block: Block | None,
        role: str,
        where: str,
        local: Mapping[str, Operand] | None = None,
        rows: Block | None = None,
    ) -> None:
        self.scope = scope
        self.block = block
        self.role = role
        self.where = where
        self.local: Mapping[str, Operand] = local or {}
        self.rows = rows
        self.handles_null = False
        self.spent = [0]  # nodes that names have put into this expression
        self.quiet = False  # inside a block that is reported as not built yet: its parts are not reported again

    def at(self, where: str) -> Context:
        """The same surroundings for a part of the expression that messages name `where`."""
        inner = Context(self.scope, self.block, self.role, where, self.local, self.rows)
        inner.handles_null, inner.quiet, inner.spent = self.handles_null, self.quiet, self.spent
        return inner

    def expand(self, value: Typed, span: Span) -> bool:
        """Count a definition that a name puts in its place; False, and reported, when the expression grows too large."""
        self.spent[0] += value.size
        if self.spent[0] <= MAX_NODES:
            return True
        self.findings.add(
            "MLS006", span, what="the expression is too large once its names are put in", limit=f"{MAX_NODES:,} nodes", got="more",
            hint="names stand for whole expressions: split it, or compute a part of it in the source",
        )  # fmt: skip
        return False

    def not_built(self, what: str, span: Span) -> None:
        """Report what this version does not run (901), with the block it stands in; once a block that is not built itself."""
        if not self.quiet:
            home = f" of `{self.block.kind} {self.block.name}`" if self.block is not None else ""
            self.findings.add("MLS901", span, what=what + home)

    @property
    def findings(self) -> Findings:
        return self.scope.findings


def unknown(span: Span, refs: tuple[Reference, ...] = ()) -> Typed:
    """The result of an expression whose fault is reported already; of its references a few are enough."""
    return Typed(["lit", None, "null"], UNKNOWN, CONST, NONE, span, refs[:8])


def is_unknown(value: Typed) -> bool:
    return value.type.name == "unknown"
