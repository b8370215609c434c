"""The syntax tree: what a spec file says, before anything is known about what its names mean.

Every node carries its span. Comments live beside the tree (`File.comments`), `##` documentation in the statement that it documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mlspec.source import Span


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as written."""

    span: Span
    text: str


# ---- expressions


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant. `kind` is one of int float string bool null date instant duration bytes rate percent points digest text.

    `value` is the Python value: durations in seconds (float), bytes as int, rates per second (float; token rates keep unit
    `tpm`/`tps` in `unit`), percent and points as a ratio (5% and 5pp are 0.05), dates and instants as datetime objects,
    tagged text as its dedented string with the tag in `unit`. `raw` is the spelling, which the formatter keeps.
    """

    span: Span
    kind: str
    value: object
    raw: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """A name or dotted name, `source.column`."""

    span: Span
    parts: tuple[Name, ...]

    @property
    def text(self) -> str:
        return ".".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument, positional when `name` is None."""

    span: Span
    name: Name | None
    value: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """`callee(args)`."""

    span: Span
    callee: Ref
    args: tuple[Arg, ...]


@dataclass(frozen=True, slots=True)
class ListExpr:
    """`[a, b]`."""

    span: Span
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`-x` or `not x`."""

    span: Span
    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Chain:
    """A left-associative chain of operators of one precedence, flattened: `a + b - c` is first a, rest ((+, b), (-, c)).

    Operators: `or`; `and`; one comparison `== != < <= > >= in` (they do not chain); `??`; `+ -`; `* /`.
    """

    span: Span
    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Range:
    """`low..high`, both ends included."""

    span: Span
    low: Expr
    high: Expr


@dataclass(frozen=True, slots=True)
class IfElse:
    """`if condition then value else otherwise`."""

    span: Span
    condition: Expr
    then: Expr
    otherwise: Expr


Expr: TypeAlias = Literal | Ref | Call | ListExpr | Unary | Chain | Range | IfElse


# ---- types and attributes


@dataclass(frozen=True, slots=True)
class TypeNode:
    """`category("a", "b")?`."""

    span: Span
    name: Name
    args: tuple[Arg, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class Attr:
    """`@range(17..90)`; `args` is empty for `@key`."""

    span: Span
    name: Name
    args: tuple[Arg, ...]


# ---- statements; `doc` is the text of the `##` lines right above


@dataclass(frozen=True, slots=True)
class Use:
    """`use "./f.mlspec" as privacy`."""

    span: Span
    path: Literal
    alias: Name
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """`name = value`, or the short block `kind label = value` (`join bureau = …`): then `name` is the kind."""

    span: Span
    name: Name
    label: Name | None
    value: Expr
    attrs: tuple[Attr, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Declare:
    """`name: type @attrs = default`, or `kind label: type …` (`param since: date = …`, `entity customer: string`)."""

    span: Span
    name: Name
    label: Name | None
    type: TypeNode
    attrs: tuple[Attr, ...]
    default: Expr | None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Define:
    """`name := value @attrs`."""

    span: Span
    name: Name
    value: Expr
    attrs: tuple[Attr, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """`set a.b = value`, inside `env`."""

    span: Span
    path: tuple[Name, ...]
    value: Expr
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """`kind label { body }`; `head` is the span of `kind label`, for diagnostics about the block as a whole."""

    span: Span
    head: Span
    kind: Name
    label: Name | None
    body: tuple[Stmt, ...]
    doc: str = ""


@dataclass(frozen=True, slots=True)
class ExternParam:
    """`reply: text` in an extern's parameter list."""

    span: Span
    name: Name
    type: TypeNode


@dataclass(frozen=True, slots=True)
class Extern:
    """`extern metric grounded(reply: text) -> float { … }`."""

    span: Span
    head: Span
    kind: Name
    label: Name
    params: tuple[ExternParam, ...]
    result: TypeNode
    body: tuple[Stmt, ...]
    doc: str = ""


Stmt: TypeAlias = Use | Setting | Declare | Define | Patch | Block | Extern


@dataclass(frozen=True, slots=True)
class Comment:
    """One `#` comment: where it is and its text with the mark; `own_line` when nothing stands before it."""

    span: Span
    text: str
    own_line: bool


@dataclass(frozen=True, slots=True)
class File:
    """A parsed spec file; `edition` is None when line 1 does not name one."""

    span: Span
    edition: str | None
    statements: tuple[Stmt, ...]
    comments: tuple[Comment, ...]
