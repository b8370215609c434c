"""The arguments of a call once they are matched and typed."""

from __future__ import annotations

from typing import Any

from mlspec.spec.expressions.context import Operand
from mlspec.spec.values import Reference, Typed

Parameter = tuple[str, str, Any]


class Bound:
    """Arguments after matching: `forms` of positional ones, `options` of named ones, the typed `values`, and all references."""

    __slots__ = ("forms", "operands", "options", "refs", "values")

    def __init__(self) -> None:
        self.forms: list[Any] = []
        self.options: dict[str, Any] = {}
        self.values: list[Typed] = []
        self.operands: list[Operand] = []
        self.refs: list[Reference] = []
