"""Which secrets the logged fields of a server use, and their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlspec.graph.expression import children, is_expression
from mlspec.runtime.secrets import resolve_secret
from mlspec.runtime.serve.config import LogField


def secret_names(expression: Any) -> set[str]:
    """The names of the secrets that an expression uses."""
    if not isinstance(expression, list) or not expression:
        return set()
    if expression[0] == "secret":
        return {str(expression[1])}
    below = list(children(expression)) if is_expression(expression) else []
    named = list(expression[3].values()) if expression[0] == "call" else []
    return {name for item in [*below, *named] for name in secret_names(item)}


def resolve_secrets(handles: Mapping[str, Any], fields: Iterable[LogField]) -> dict[str, bytes]:
    """The secrets that these fields use, by name."""
    names = {name for field in fields for name in secret_names(field.expression)}
    return {name: resolve_secret(name, handles.get(name)) for name in sorted(names)}
