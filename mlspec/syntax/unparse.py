"""Expressions, types and attributes to pieces of text, with parentheses only where the grammar needs them."""

from __future__ import annotations

from mlspec.source import Span
from mlspec.syntax.comments import Comments
from mlspec.syntax.nodes import (
    Arg,
    Attr,
    Call,
    Chain,
    Expr,
    ExternParam,
    IfElse,
    ListExpr,
    Literal,
    Range,
    Ref,
    TypeNode,
    Unary,
)
from mlspec.syntax.printer import Bracket, Item, Lines
from mlspec.syntax.strings import dedent

_IF, _OR, _AND, _NOT, _COMPARE, _RANGE, _COALESCE, _SUM, _PRODUCT, _MINUS, _ATOM = range(11)
_LEVELS = {"or": _OR, "and": _AND, "??": _COALESCE, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}

Pieces = list[str | Lines | Bracket]


class Unparser:
    """`comments` are those of the statement that is printed; each bracket takes the ones that stand directly inside it."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments

    def expr(self, node: Expr, least: int = _IF) -> Pieces:
        """The text of `node`, in parentheses if it binds more loosely than `least`."""
        if _level(node) < least:
            return ["(", *self._bare(node), ")"]
        return self._bare(node)

    def _bare(self, node: Expr) -> Pieces:
        if isinstance(node, Literal):
            return [_literal(node)]
        if isinstance(node, Ref):
            return [node.text]
        if isinstance(node, Call):
            return [node.callee.text, self.args(node.args, node.callee.span.end, node.span)]
        if isinstance(node, ListExpr):
            return [self._bracket("[", [(item.span, self.expr(item)) for item in node.items], "]", node.span)]
        if isinstance(node, Unary):
            word = "not " if node.op == "not" else "-"
            return [word, *self.expr(node.operand, _NOT if node.op == "not" else _MINUS)]
        if isinstance(node, Chain):
            return self._chain(node)
        if isinstance(node, Range):
            return [*self.expr(node.low, _COALESCE), "..", *self.expr(node.high, _COALESCE)]
        return ["if ", *self.expr(node.condition), " then ", *self.expr(node.then), " else ", *self.expr(node.otherwise)]

    def _chain(self, node: Chain) -> Pieces:
        inner = _level(node) + 1
        out = self.expr(node.first, inner)
        for operator, operand in node.rest:
            out += [f" {operator} ", *self.expr(operand, inner)]
        return out

    def args(self, args: tuple[Arg, ...], start: int, span: Span) -> Bracket:
        """`(a, name: b)`; `start` is where the bracket opens."""
        inside = Span(span.source, start, span.end)
        return self._bracket("(", [(arg.span, self._arg(arg)) for arg in args], ")", inside)

    def _arg(self, arg: Arg) -> Pieces:
        return self.expr(arg.value) if arg.name is None else [f"{arg.name.text}: ", *self.expr(arg.value)]

    def type(self, node: TypeNode) -> Pieces:
        """`category("a", "b")?`."""
        out: Pieces = [node.name.text]
        if node.args:
            out.append(self.args(node.args, node.name.span.end, node.span))
        return [*out, "?"] if node.optional else out

    def attrs(self, attrs: tuple[Attr, ...]) -> Pieces:
        """` @range(1..2) @key`, with the space before."""
        out: Pieces = []
        for attr in attrs:
            out.append(f" @{attr.name.text}")
            if attr.args:
                out.append(self.args(attr.args, attr.name.span.end, attr.span))
        return out

    def params(self, params: tuple[ExternParam, ...], span: Span) -> Bracket:
        """`(reply: text)`."""
        items = [(param.span, [f"{param.name.text}: ", *self.type(param.type)]) for param in params]
        return self._bracket("(", items, ")", span)

    def _bracket(self, open: str, parts: list[tuple[Span, Pieces]], close: str, span: Span) -> Bracket:
        if not self._comments.any_in(span):
            return Bracket(open, [Item(pieces, [], "") for _, pieces in parts], close, [])
        items = []
        for index, (part, pieces) in enumerate(parts):
            following = parts[index + 1][0].start if index + 1 < len(parts) else span.end
            above = self._comments.take(part.end)
            items.append(Item(pieces, above, self._comments.take_behind(part.end, following)))
        return Bracket(open, items, close, self._comments.take(span.end))


def _level(node: Expr) -> int:
    if isinstance(node, Chain):
        return _LEVELS.get(node.rest[0][0], _COMPARE)
    if isinstance(node, Unary):
        return _NOT if node.op == "not" else _MINUS
    if isinstance(node, Range):
        return _RANGE
    return _IF if isinstance(node, IfElse) else _ATOM


def _literal(node: Literal) -> str | Lines:
    if node.kind == "text":
        return _text(node)
    if node.kind == "string" and not node.raw.isascii():
        from unicodedata import normalize

        return normalize("NFC", node.raw)
    return node.raw


def _text(node: Literal) -> str | Lines:
    """A text of several lines is indented with its statement; one that would read differently then keeps its spelling."""
    value = str(node.value)
    if "\n" not in node.raw:
        return node.raw
    body = value.split("\n")
    probe = "\n" + "\n".join("  " + line if line else "" for line in body) + "\n"
    if dedent(probe) != value:
        return node.raw
    return Lines(f'{node.unit}"""', body, '"""')
