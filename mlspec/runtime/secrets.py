"""Secret values by handle: read by the process that needs them, when it needs them, and held nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mlspec.runtime.errors import StageError


def resolve_secret(name: str, handle: Mapping[str, Any] | None, where: str = "") -> bytes:
    """The value of one secret, `{"kind": "env", "variable": …}`; only `env` handles are built. `where` is what needs it."""
    if handle is not None and handle.get("kind") == "env":
        variable = str(handle["variable"])
        value = os.environ.get(variable)
        if value:
            return value.encode()
        raise StageError(
            "MLS801", f"the secret `{name}` has no value", where or name, expected=f"the environment variable {variable}",
            found="not set" if value is None else "empty", help=f"set {variable} before starting",
        )  # fmt: skip
    raise StageError(
        "MLS901", f"the secret `{name}` comes from a provider that is not built yet", where or name, expected='env("NAME")',
        found="no handle" if handle is None else str(handle.get("kind")),
        help="use `env(…)` and let your platform put the value there",
    )  # fmt: skip
