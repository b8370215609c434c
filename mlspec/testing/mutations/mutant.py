"""A mutant: what is changed, where, and the edits that change it; and how numbers, operators and statements are found in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.source import Span
from mlspec.syntax import nodes
from mlspec.syntax.nodes import Block, Chain, Define, Expr, File, IfElse, Literal, Unary

Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Mutant:
    """One change of the text: its kind ("threshold"), the path of what it changes, its place, and what it does in words."""

    kind: str
    path: str
    span: Span
    what: str
    edits: tuple[Edit, ...]

    def apply(self, text: str) -> str:
        """The text with the change made."""
        for start, end, new in sorted(self.edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text


def replaced(kind: str, path: str, span: Span, new: str, what: str = "") -> Mutant:
    """The mutant that puts `new` in place of a span."""
    return Mutant(kind, path, span, what or f"{one_line(span.text)} → {one_line(new)}", ((span.start, span.end, new),))


def removed(kind: str, path: str, span: Span, what: str) -> Mutant:
    """The mutant without a statement: its lines go, with what documents it."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    while text[:start].rstrip(" \n").rpartition("\n")[2].lstrip().startswith("##"):
        start = text[:start].rstrip(" \n").rfind("\n") + 1
    end = text.find("\n", span.end)
    return Mutant(kind, path, span, what, ((start, len(text) if end < 0 else end + 1, ""),))


def one_line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def blocks(tree: File) -> Iterator[tuple[str, Block]]:
    """Every block of a file with its path, nested ones too."""
    pending = [(_path("", block), block) for block in tree.statements if isinstance(block, Block)]
    while pending:
        path, block = pending.pop(0)
        yield path, block
        pending += [(_path(path, inner), inner) for inner in block.body if isinstance(inner, Block)]


def _path(outer: str, block: Block) -> str:
    name = block.label.text if block.label is not None else block.kind.text
    return f"{outer}.{name}" if outer else name


def definitions(path: str, block: Block) -> Iterator[tuple[str, Define]]:
    """The definitions of a block with their paths."""
    for statement in block.body:
        if isinstance(statement, Define):
            yield f"{path}.{statement.name.text}", statement


def parts(node: Expr) -> Iterator[Expr]:
    """The expressions right below one, in order of writing."""
    if isinstance(node, Chain):
        yield node.first
        yield from (item for _, item in node.rest)
    elif isinstance(node, Unary):
        yield node.operand
    elif isinstance(node, nodes.Call):
        yield from (arg.value for arg in node.args)
    elif isinstance(node, nodes.ListExpr):
        yield from node.items
    elif isinstance(node, nodes.Range):
        yield from (node.low, node.high)
    elif isinstance(node, IfElse):
        yield from (node.condition, node.then, node.otherwise)


def walk(node: Expr) -> Iterator[Expr]:
    """An expression and all below it, parents first."""
    yield node
    for part in parts(node):
        yield from walk(part)


def operators(node: Chain) -> Iterator[tuple[str, Span]]:
    """The operators of a chain with their places, which the tree does not keep: they stand between two operands."""
    before = node.first
    for op, after in node.rest:
        source = before.span.source
        between = source.text[before.span.end : after.span.start]
        pattern = rf"(?<![\w]){re.escape(op)}(?![\w])" if op.isalpha() else re.escape(op)
        # Brackets may stand in between, and no operator is part of one.
        found = re.search(pattern, between)
        if found is not None:
            yield op, Span(source, before.span.end + found.start(), before.span.end + found.end())
        before = after


_NUMBER = re.compile(r"([0-9][0-9_]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?(.*)", re.DOTALL)
NUMERIC = frozenset(("int", "float", "percent", "points", "duration", "bytes", "rate"))


def scaled(literal: Literal, factor: float) -> str:
    """The spelling of a number times a factor, with its unit; a whole number stays one and moves by 1 at least."""
    found = _NUMBER.fullmatch(literal.span.text)
    if found is None:
        return ""
    whole, fraction, exponent, unit = found[1].replace("_", ""), found[2] or "", found[3] or "", found[4]
    value = float(whole + fraction + exponent)
    new = value * factor if value else (0.1 if fraction or unit in ("%", "pp") else 1.0)
    if not fraction and not exponent and unit not in ("%", "pp"):
        step = round(new)
        return f"{step if step != value else int(value) + (1 if factor > 1 else -1)}{unit}"
    text = f"{round(new, 12):.12g}"
    return f"{text if 'e' in text or '.' in text or not fraction else text + '.0'}{unit}"
