"""Mutants of features: another constant, another operator, a function left out."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec import catalogue
from mlspec.spec.model import Spec
from mlspec.syntax.nodes import Call, Chain, File, IfElse, Literal
from mlspec.testing.mutations.mutant import NUMERIC, Mutant, blocks, definitions, operators, replaced, scaled, walk

_OPERATORS = {
    "+": "-", "-": "+", "*": "/", "/": "*", ">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": "!=", "!=": "==", "and": "or", "or": "and",
}  # fmt: skip
_FACTOR = 1.5


def mutants(tree: File, spec: Spec) -> Iterator[Mutant]:
    """Every constant, operator and plain function of every feature changed."""
    for path, block in blocks(tree):
        if block.kind.text != "features":
            continue
        for name, definition in definitions(path, block):
            for node in walk(definition.value):
                if isinstance(node, Literal) and node.kind in NUMERIC:
                    new = scaled(node, _FACTOR)
                    if new and new != node.span.text:
                        yield replaced("feature constant", name, node.span, new)
                elif isinstance(node, Chain):
                    yield from (
                        replaced("feature operator", name, span, _OPERATORS[op])
                        for op, span in operators(node)
                        if op in _OPERATORS
                    )
                elif isinstance(node, IfElse):
                    yield _branches(name, node)
                elif isinstance(node, Call) and _is_plain(node):
                    yield replaced(
                        "feature function",
                        name,
                        node.span,
                        f"({node.args[0].value.span.text})"
                        if isinstance(node.args[0].value, Chain)
                        else node.args[0].value.span.text,
                    )


def _branches(path: str, node: IfElse) -> Mutant:
    one, other = node.then.span, node.otherwise.span
    edits = ((one.start, one.end, other.text), (other.start, other.end, one.text))
    return Mutant("feature branches", path, node.span, f"{one.text} and {other.text} swapped", edits)


def _is_plain(node: Call) -> bool:
    """Whether a call is a row function of one number or text, which the same type can stand in for."""
    rows = catalogue.functions(node.callee.text)
    return len(node.args) == 1 and node.args[0].name is None and any(row.level == "row" and row.taint == "keep" for row in rows)
