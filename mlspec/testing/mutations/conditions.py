"""Mutants of conditions: a gate, check, guard or alert whose threshold permits more, whose comparison is turned, or that is gone."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.spec.model import Spec
from mlspec.syntax.nodes import Chain, Define, Expr, File, Literal, Range, Unary
from mlspec.testing.mutations.mutant import NUMERIC, Mutant, blocks, definitions, operators, parts, removed, replaced, scaled

CONDITIONS = {
    "source": "check",
    "gates": "gate",
    "serve": "guard",
    "ab": "guard",
    "canary": "guard",
    "shadow": "guard",
    "monitor": "alert",
}
TURNED = {">=": "<=", "<=": ">=", ">": "<", "<": ">", "==": "!=", "!=": "=="}
MORE, LESS = 1.1, 0.9
"""A threshold moves by a tenth of itself: a test that holds it need not stand right beside it."""


def mutants(tree: File, spec: Spec) -> Iterator[Mutant]:
    """Every condition in each of its ways to permit more."""
    for path, block in blocks(tree):
        noun = CONDITIONS.get(block.kind.text)
        if noun is None:
            continue
        for name, definition in definitions(path, block):
            yield removed(f"{noun} deleted", name, definition.span, "deleted")
            yield from _comparisons(noun, name, definition, definition.value, True)


def _comparisons(noun: str, path: str, definition: Define, node: Expr, positive: bool) -> Iterator[Mutant]:
    """The comparisons in a condition; below a `not` what permits more is what permitted less."""
    if isinstance(node, Unary) and node.op == "not":
        positive = not positive
    if isinstance(node, Chain) and len(node.rest) == 1:
        ((op, place),) = list(operators(node)) or [("", node.span)]
        right = node.rest[0][1]
        if op in TURNED:
            yield replaced(f"{noun} turned", path, place, TURNED[op])
            yield from _threshold(noun, path, right, (op in (">=", ">")) == positive, op)
            yield from _threshold(noun, path, node.first, (op in ("<=", "<")) == positive, op)
            return
        if op == "in" and isinstance(right, Range):
            yield replaced(f"{noun} turned", path, node.span, f"not ({node.span.text})")
            yield from _threshold(noun, path, right.low, positive, ">=")
            yield from _threshold(noun, path, right.high, not positive, "<=")
            return
    for part in parts(node):
        yield from _comparisons(noun, path, definition, part, positive)


def _threshold(noun: str, path: str, side: Expr, lower: bool, op: str) -> Iterator[Mutant]:
    """A constant side moved the permissive way: a least value down, a greatest one up."""
    literal, negative = (side.operand, True) if isinstance(side, Unary) and side.op == "-" else (side, False)
    if op in ("==", "!=") or not isinstance(literal, Literal) or literal.kind not in NUMERIC:
        return
    if not literal.value:
        new = f"{'-' if lower and not negative else ''}{scaled(literal, MORE)}"
    else:
        new = scaled(literal, LESS if lower != negative else MORE)
    if new and new != literal.span.text:
        yield replaced(f"{noun} threshold", path, literal.span, new)
