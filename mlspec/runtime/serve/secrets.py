"""Secret values by handle, read by the process that needs them and held nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from mlspec.graph.expression import children, is_expression
from mlspec.runtime.errors import StageError
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


def resolve_secret(name: str, handle: Mapping[str, Any] | None) -> bytes:
    """The value of one secret, `{"kind": "env", "variable": …}`; only `env` handles are built."""
    if handle is not None and handle.get("kind") == "env":
        variable = next(str(value) for key, value in handle.items() if key != "kind")
        value = os.environ.get(variable)
        if value:
            return value.encode()
        raise StageError(
            "MLS801", f"the secret `{name}` has no value", name, expected=f"the environment variable {variable}",
            found="not set", help=f"set {variable} before starting",
        )  # fmt: skip
    raise StageError(
        "MLS901", f"the secret `{name}` comes from a provider that is not built yet", name, expected='env("NAME")',
        found="no handle" if handle is None else str(handle.get("kind")),
        help="use `env(…)` and let your platform put the value there",
    )  # fmt: skip


def resolve_secrets(handles: Mapping[str, Any], fields: Iterable[LogField]) -> dict[str, bytes]:
    """The secrets that these fields use, by name."""
    names = {name for field in fields for name in secret_names(field.expression)}
    return {name: resolve_secret(name, handles.get(name)) for name in sorted(names)}
