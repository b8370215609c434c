"""Expressions: from the syntax tree to typed expressions with level, taint and the plan's list form."""

from __future__ import annotations

from mlspec.spec.expressions.context import Context
from mlspec.spec.expressions.typing import constant, type_expression

__all__ = ["Context", "constant", "type_expression"]
