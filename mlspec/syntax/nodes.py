"""The syntax tree: what a spec file says, before anything is known about what its names mean.

Every node carries its span; nobody changes a node after it is made. Comments live beside the tree (`File.comments`),
`##` documentation in the statement that it documents.

Nodes are plain classes with slots rather than dataclasses: importing `dataclasses` and making thirty of them costs as much as starting
Python twice, and every `mlspec check` would pay for it (grammar/README.md has the figures).
"""

from __future__ import annotations

from mlspec.source import Span


class Node:
    """What all nodes share: equality and hash over the fields, span included; `same` compares without spans."""

    __slots__ = ("span",)
    __match_args__: tuple[str, ...] = ()

    span: Span

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and type(self) is type(other) and self._values() == other._values()

    def same(self, other: object) -> bool:
        """Whether `other` says the same, wherever it stands."""
        if not isinstance(other, Node) or type(self) is not type(other):
            return False
        return all(
            _same(mine, theirs)
            for name, mine, theirs in zip(self.__match_args__, self._values(), other._values(), strict=True)
            if name not in {"span", "head"}
        )

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__ if name != "span")
        return f"{type(self).__name__}({shown})"


def _same(one: object, other: object) -> bool:
    """Equality that looks through tuples and into nodes; numbers of different type differ."""
    if isinstance(one, Node):
        return one.same(other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


class Name(Node):
    """An identifier as written."""

    __match_args__ = ("span", "text")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, text: str) -> None:
        self.span = span
        self.text = text


# ---- expressions


class Literal(Node):
    """A constant. `kind` is one of int float string bool null date instant duration bytes rate percent points digest text.

    `value` is the Python value: durations in seconds (float), bytes as int, rates per second (float; token rates keep unit
    `tpm`/`tps` in `unit`), percent and points as a ratio (5% and 5pp are 0.05), dates and instants as datetime objects,
    tagged text as its dedented string with the tag in `unit`, a digest as its 64 hex digits. `raw` is the spelling, which the
    formatter keeps. `bad` is a literal that has been reported (an unknown unit …).
    """

    __match_args__ = ("span", "kind", "value", "raw", "unit")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, kind: str, value: object, raw: str, unit: str = "") -> None:
        self.span = span
        self.kind = kind
        self.value = value
        self.raw = raw
        self.unit = unit

    def same(self, other: object) -> bool:
        """Texts and strings by what they say; numbers by their spelling too, which the formatter keeps."""
        if not isinstance(other, Literal) or (self.kind, self.value, self.unit) != (other.kind, other.value, other.unit):
            return False
        return self.kind in {"text", "string"} or self.raw == other.raw


class Ref(Node):
    """A name or dotted name, `source.column`."""

    __match_args__ = ("span", "parts")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, parts: tuple[Name, ...]) -> None:
        self.span = span
        self.parts = parts

    @property
    def text(self) -> str:
        return ".".join(part.text for part in self.parts)


class Arg(Node):
    """One argument, positional when `name` is None."""

    __match_args__ = ("span", "name", "value")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, name: Name | None, value: Expr) -> None:
        self.span = span
        self.name = name
        self.value = value


class Call(Node):
    """`callee(args)`."""

    __match_args__ = ("span", "callee", "args")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, callee: Ref, args: tuple[Arg, ...]) -> None:
        self.span = span
        self.callee = callee
        self.args = args


class ListExpr(Node):
    """`[a, b]`."""

    __match_args__ = ("span", "items")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, items: tuple[Expr, ...]) -> None:
        self.span = span
        self.items = items


class Unary(Node):
    """`-x` or `not x`."""

    __match_args__ = ("span", "op", "operand")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, op: str, operand: Expr) -> None:
        self.span = span
        self.op = op
        self.operand = operand


class Chain(Node):
    """A left-associative chain of operators of one precedence, flattened: `a + b - c` is first a, rest ((+, b), (-, c)).

    Operators: `or`; `and`; one comparison `== != < <= > >= in` (they do not chain); `??`; `+ -`; `* /`.
    """

    __match_args__ = ("span", "first", "rest")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, first: Expr, rest: tuple[tuple[str, Expr], ...]) -> None:
        self.span = span
        self.first = first
        self.rest = rest


class Range(Node):
    """`low..high`, both ends included."""

    __match_args__ = ("span", "low", "high")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, low: Expr, high: Expr) -> None:
        self.span = span
        self.low = low
        self.high = high


class IfElse(Node):
    """`if condition then value else otherwise`."""

    __match_args__ = ("span", "condition", "then", "otherwise")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, condition: Expr, then: Expr, otherwise: Expr) -> None:
        self.span = span
        self.condition = condition
        self.then = then
        self.otherwise = otherwise


Expr = Literal | Ref | Call | ListExpr | Unary | Chain | Range | IfElse


# ---- types and attributes


class TypeNode(Node):
    """`category("a", "b")?`."""

    __match_args__ = ("span", "name", "args", "optional")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, name: Name, args: tuple[Arg, ...], optional: bool) -> None:
        self.span = span
        self.name = name
        self.args = args
        self.optional = optional


class Attr(Node):
    """`@range(17..90)`; `args` is empty for `@key`."""

    __match_args__ = ("span", "name", "args")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, name: Name, args: tuple[Arg, ...]) -> None:
        self.span = span
        self.name = name
        self.args = args


# ---- statements; `doc` is the text of the `##` lines right above


class Use(Node):
    """`use "./f.mlspec" as privacy`."""

    __match_args__ = ("span", "path", "alias", "doc")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, path: Literal, alias: Name, doc: str = "") -> None:
        self.span = span
        self.path = path
        self.alias = alias
        self.doc = doc


class Setting(Node):
    """`name = value`, or the short block `kind label = value` (`join bureau = …`): then `name` is the kind."""

    __match_args__ = ("span", "name", "label", "value", "attrs", "doc")
    __slots__ = __match_args__[1:]

    def __init__(
        self, span: Span, name: Name, label: Name | None, value: Expr, attrs: tuple[Attr, ...] = (), doc: str = ""
    ) -> None:
        self.span = span
        self.name = name
        self.label = label
        self.value = value
        self.attrs = attrs
        self.doc = doc


class Declare(Node):
    """`name: type @attrs = default`, or `kind label: type …` (`param since: date = …`, `entity customer: string`)."""

    __match_args__ = ("span", "name", "label", "type", "attrs", "default", "doc")
    __slots__ = __match_args__[1:]

    def __init__(
        self,
        span: Span,
        name: Name,
        label: Name | None,
        type: TypeNode,
        attrs: tuple[Attr, ...],
        default: Expr | None,
        doc: str = "",
    ) -> None:
        self.span = span
        self.name = name
        self.label = label
        self.type = type
        self.attrs = attrs
        self.default = default
        self.doc = doc


class Define(Node):
    """`name := value @attrs`."""

    __match_args__ = ("span", "name", "value", "attrs", "doc")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, name: Name, value: Expr, attrs: tuple[Attr, ...], doc: str = "") -> None:
        self.span = span
        self.name = name
        self.value = value
        self.attrs = attrs
        self.doc = doc


class Patch(Node):
    """`set a.b = value`, inside `env`."""

    __match_args__ = ("span", "path", "value", "doc")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, path: tuple[Name, ...], value: Expr, doc: str = "") -> None:
        self.span = span
        self.path = path
        self.value = value
        self.doc = doc


class Block(Node):
    """`kind label { body }`; `head` is the span of `kind label`, for diagnostics about the block as a whole."""

    __match_args__ = ("span", "head", "kind", "label", "body", "doc")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, head: Span, kind: Name, label: Name | None, body: tuple[Stmt, ...], doc: str = "") -> None:
        self.span = span
        self.head = head
        self.kind = kind
        self.label = label
        self.body = body
        self.doc = doc


class ExternParam(Node):
    """`reply: text` in an extern's parameter list."""

    __match_args__ = ("span", "name", "type")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, name: Name, type: TypeNode) -> None:
        self.span = span
        self.name = name
        self.type = type


class Extern(Node):
    """`extern metric grounded(reply: text) -> float { … }`."""

    __match_args__ = ("span", "head", "kind", "label", "params", "result", "body", "doc")
    __slots__ = __match_args__[1:]

    def __init__(
        self,
        span: Span,
        head: Span,
        kind: Name,
        label: Name,
        params: tuple[ExternParam, ...],
        result: TypeNode,
        body: tuple[Stmt, ...],
        doc: str = "",
    ) -> None:
        self.span = span
        self.head = head
        self.kind = kind
        self.label = label
        self.params = params
        self.result = result
        self.body = body
        self.doc = doc


Stmt = Use | Setting | Declare | Define | Patch | Block | Extern


class Comment(Node):
    """One `#` comment: where it is and its text with the mark; `own_line` when nothing stands before it."""

    __match_args__ = ("span", "text", "own_line")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, text: str, own_line: bool) -> None:
        self.span = span
        self.text = text
        self.own_line = own_line


class File(Node):
    """A parsed spec file; `edition` is None when line 1 does not name one."""

    __match_args__ = ("span", "edition", "statements", "comments")
    __slots__ = __match_args__[1:]

    def __init__(self, span: Span, edition: str | None, statements: tuple[Stmt, ...], comments: tuple[Comment, ...]) -> None:
        self.span = span
        self.edition = edition
        self.statements = statements
        self.comments = comments
