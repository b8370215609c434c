"""Row expressions at prediction time: the online evaluator of `mlspec.runtime.prepare`, and what only requests have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

RowFunction = Callable[[Mapping[str, Any]], Any]


def row_function(expression: Any) -> RowFunction:
    """A function of a record for one row expression; plain columns need no evaluator."""
    if expression[0] == "col":
        name = expression[1]
        return lambda record: record[name]
    from mlspec.runtime.prepare.online import compile_expression

    return compile_expression(expression)
