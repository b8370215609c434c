"""A call that names an extern where a constructor stands: `from = per_person(visits)`, `network = gated(hidden: 64)`."""

from __future__ import annotations

from typing import Any

from mlspec.spec.constants import INVALID
from mlspec.spec.expressions.context import Context
from mlspec.spec.model import Block
from mlspec.syntax.nodes import Call


def extern_called(node: Call, role: str, context: Context) -> Block | Any:
    """The extern that a call names, of whatever role; INVALID for one that is declared without fitting, None where it names none."""
    name = context.scope.whole(node.callee).text
    extern = context.scope.spec.blocks.get(name)
    later = context.scope.declared.get(name)
    if extern is None and later is not None and later.kind == "extern":
        context.scope.missing(node.callee.parts[0], role, ())
        return INVALID
    if extern is None or extern.kind != "extern":
        return None
    context.scope.used.add(name)
    return extern
