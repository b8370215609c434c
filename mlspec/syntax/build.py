"""Reductions to nodes: one method per action of the grammar, named as there."""

from __future__ import annotations

from collections.abc import Callable

from mlspec.source import SourceFile, Span
from mlspec.syntax.nodes import (
    Arg,
    Attr,
    Block,
    Call,
    Chain,
    Declare,
    Define,
    Extern,
    ExternParam,
    File,
    IfElse,
    ListExpr,
    Literal,
    Name,
    Node,
    Patch,
    Range,
    Ref,
    Setting,
    TypeNode,
    Unary,
    Use,
)
from mlspec.syntax.tokens import Token

TYPE_CHECKING = False  # importing typing costs half an empty Python
if TYPE_CHECKING:
    from typing import Any

_KINDS = {"TRUE": "bool", "FALSE": "bool", "BAD_LITERAL": "bad"}
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)})
_NO_NUMBERS = frozenset({"nan", "inf", "infinity"})
_OPERATORS = (Chain, IfElse, Range, Unary)


def _start(value: Any) -> int:
    return value.start if type(value) is Token else value.span.start


def _end(values: list[Any]) -> int:
    """Where the last value with an extent ends; attributes may be an empty list, NL has none."""
    for value in reversed(values):
        if type(value) is Token:
            if value.type != "NL":
                return value.end
        elif isinstance(value, Node):
            return value.span.end
        elif value:
            return _end(value)
    return 0


# Adds a diagnostic: code, data, start, end.
Report = Callable[[str, dict[str, str], int, int], None]


class Builder:
    """Makes the nodes of one source; `docs` maps a statement's offset to its `##` text."""

    def __init__(self, source: SourceFile, docs: dict[int, str], report: Report) -> None:
        self.source = source
        self.docs = docs
        self._report = report

    def _span(self, values: list[Any]) -> Span:
        return Span(self.source, _start(values[0]), _end(values))

    def _name(self, token: Token) -> Name:
        return Name(Span(self.source, token.start, token.end), token.text)

    def _label(self, token: Token) -> Name:
        """A name that becomes the name of files and stages: not one that some system keeps for a device."""
        if token.text.lower() in _DEVICES:
            data = {"name": token.text, "why": "some systems keep it for a device", "fix": f"{token.text}_"}
            self._report("MLS010", data, token.start, token.end)
        return self._name(token)

    def _doc(self, values: list[Any]) -> str:
        return self.docs.get(values[0].start, "")

    # ---- lists

    def nothing(self, values: list[Any]) -> list[Any]:
        return []

    def one(self, values: list[Any]) -> list[Any]:
        return [values[0]]

    def pair(self, values: list[Any]) -> list[Any]:
        return [values[0], values[2]]

    def append(self, values: list[Any]) -> list[Any]:
        values[0].append(values[1])
        return values[0]  # type: ignore[no-any-return]

    def append_second(self, values: list[Any]) -> list[Any]:
        values[0].append(values[2])
        return values[0]  # type: ignore[no-any-return]

    # ---- statements

    def file(self, values: list[Any]) -> list[Any]:
        return values[3]  # type: ignore[no-any-return]

    def use(self, values: list[Any]) -> Use:
        return Use(self._span(values), self.literal(values[1:2]), self._label(values[3]), self._doc(values))

    def setting(self, values: list[Any]) -> Setting:
        name, _, value, attrs, _ = values
        return Setting(self._span(values), self._name(name), None, value, tuple(attrs), self._doc(values))

    def setting_labelled(self, values: list[Any]) -> Setting:
        name, label, _, value, attrs, _ = values
        return Setting(self._span(values), self._name(name), self._name(label), value, tuple(attrs), self._doc(values))

    def setting_of_import(self, values: list[Any]) -> Setting:
        """`given shared.people = …`: the label is one name, `shared.people`, as it is known here."""
        name, path, _, value, attrs, _ = values
        label = Name(Span(self.source, path[0].start, path[-1].end), ".".join(token.text for token in path))
        return Setting(self._span(values), self._name(name), label, value, tuple(attrs), self._doc(values))

    def declare(self, values: list[Any]) -> Declare:
        name, _, type, attrs, _ = values
        return Declare(self._span(values), self._name(name), None, type, tuple(attrs), None, self._doc(values))

    def declare_labelled(self, values: list[Any]) -> Declare:
        name, label, _, type, attrs, _ = values
        return Declare(self._span(values), self._name(name), self._name(label), type, tuple(attrs), None, self._doc(values))

    def declare_default(self, values: list[Any]) -> Declare:
        name, _, type, attrs, _, value, _ = values
        return Declare(self._span(values), self._name(name), None, type, tuple(attrs), value, self._doc(values))

    def declare_labelled_default(self, values: list[Any]) -> Declare:
        name, label, _, type, attrs, _, value, _ = values
        return Declare(self._span(values), self._name(name), self._name(label), type, tuple(attrs), value, self._doc(values))

    def define(self, values: list[Any]) -> Define:
        name, _, value, attrs, _ = values
        return Define(self._span(values), self._name(name), value, tuple(attrs), self._doc(values))

    def patch(self, values: list[Any]) -> Patch:
        _, path, _, value, _ = values
        return Patch(self._span(values), tuple(self._name(token) for token in path), value, self._doc(values))

    def block(self, values: list[Any]) -> Block:
        kind = values[0]
        head = Span(self.source, kind.start, kind.end)
        return Block(self._span(values), head, self._name(kind), None, tuple(values[3]), self._doc(values))

    def block_labelled(self, values: list[Any]) -> Block:
        kind, label = values[:2]
        head = Span(self.source, kind.start, label.end)
        return Block(self._span(values), head, self._name(kind), self._label(label), tuple(values[4]), self._doc(values))

    def extern(self, values: list[Any]) -> Extern:
        word, kind, label, _, params, _, _, result, _, _, body, _, _ = values
        head = Span(self.source, word.start, label.end)
        names = (self._name(kind), self._label(label))
        return Extern(self._span(values), head, *names, tuple(params), result, tuple(body), self._doc(values))

    def param(self, values: list[Any]) -> ExternParam:
        return ExternParam(self._span(values), self._name(values[0]), values[2])

    # ---- types, attributes, arguments

    def type_plain(self, values: list[Any]) -> TypeNode:
        return TypeNode(self._span(values), self._name(values[0]), (), False)

    def type_optional(self, values: list[Any]) -> TypeNode:
        return TypeNode(self._span(values), self._name(values[0]), (), True)

    def type_args(self, values: list[Any]) -> TypeNode:
        return TypeNode(self._span(values), self._name(values[0]), tuple(values[2]), False)

    def type_args_optional(self, values: list[Any]) -> TypeNode:
        return TypeNode(self._span(values), self._name(values[0]), tuple(values[2]), True)

    def attr(self, values: list[Any]) -> Attr:
        return Attr(self._span(values), self._name(values[1]), ())

    def attr_args(self, values: list[Any]) -> Attr:
        return Attr(self._span(values), self._name(values[1]), tuple(values[3]))

    def arg(self, values: list[Any]) -> Arg:
        return Arg(values[0].span, None, values[0])

    def arg_named(self, values: list[Any]) -> Arg:
        return Arg(self._span(values), self._name(values[0]), values[2])

    # ---- expressions

    def literal(self, values: list[Any]) -> Literal:
        token: Token = values[0]
        kind = _KINDS.get(token.type) or token.type.lower()
        return Literal(Span(self.source, token.start, token.end), kind, token.value, token.text, token.unit)

    def ref(self, values: list[Any]) -> Ref:
        names = values[0]
        span = Span(self.source, names[0].start, names[-1].end)
        if len(names) == 1 and names[0].text.lower() in _NO_NUMBERS:
            data = {"got": names[0].text, "wanted": "a finite number", "hint": "a missing value is `null`"}
            self._report("MLS014", data, span.start, span.end)
        return Ref(span, tuple([self._name(token) for token in names]))

    def call(self, values: list[Any]) -> Call:
        return Call(self._span(values), values[0], tuple(values[2]))

    def list_empty(self, values: list[Any]) -> ListExpr:
        return ListExpr(self._span(values), ())

    def list_items(self, values: list[Any]) -> ListExpr:
        return ListExpr(self._span(values), tuple(values[1]))

    def group(self, values: list[Any]) -> Any:
        """The expression itself; an operator's span takes its parentheses in, so that it underlines as it reads."""
        inner = values[1]
        if isinstance(inner, _OPERATORS):
            inner.span = Span(self.source, values[0].start, values[2].end)
        return inner

    def unary(self, values: list[Any]) -> Unary:
        return Unary(self._span(values), values[0].text, values[1])

    def rest(self, values: list[Any]) -> list[Any]:
        return [(values[0].text, values[1])]

    def rest_more(self, values: list[Any]) -> list[Any]:
        values[0].append((values[1].text, values[2]))
        return values[0]  # type: ignore[no-any-return]

    def chain(self, values: list[Any]) -> Chain:
        first, rest = values
        return Chain(first.span.to(rest[-1][1].span), first, tuple(rest))

    def compare(self, values: list[Any]) -> Chain:
        first, operator, second = values
        return Chain(first.span.to(second.span), first, ((operator.text, second),))

    def range_of(self, values: list[Any]) -> Range:
        return Range(values[0].span.to(values[2].span), values[0], values[2])

    def if_else(self, values: list[Any]) -> IfElse:
        return IfElse(self._span(values), values[1], values[3], values[5])


def finish(builder: Builder, statements: list[Any], edition: str | None, comments: list[Any]) -> File:
    """The file node around its statements."""
    source = builder.source
    return File(Span(source, 0, len(source.text)), edition, tuple(statements), tuple(comments))
