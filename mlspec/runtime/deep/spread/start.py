"""Who starts the processes of a training: torchrun on this machine, or what a cluster has for it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Protocol

from mlspec.runtime.context import StageContext
from mlspec.runtime.deep.spread.plan import Spread
from mlspec.runtime.errors import StageError

STARTERS = {"torchrun": "mlspec.runtime.deep.spread.torchrun", "trainjob": "mlspec.runtime.deep.spread.trainjob"}
_RAY = "mlspec.runtime.deep.spread.rays"
"""By name the modules with `start`; a target that has another one names it in the environment of its tasks."""

CHOICE = "MLSPEC_TRAINING_STARTER"


class Starter(Protocol):
    """What such a module offers."""

    def start(self, context: StageContext, spread: Spread, key: str) -> None:
        """Start the processes and wait; StageError where they end badly. The states under `key` say what was learned."""
        ...


def start(context: StageContext, spread: Spread, key: str) -> None:
    """Have the processes train, whoever starts them here."""
    if spread.strategy == "ray":
        import_module(_RAY).start(context, spread, key)
        return
    name = os.environ.get(CHOICE) or "torchrun"
    if name not in STARTERS:
        raise StageError(
            "MLS704", f"`{name}` starts no processes of a training", f"{context.block}.strategy", expected=", ".join(STARTERS), found=name,
            help=f"leave {CHOICE} unset, or set it to one of these",
        )  # fmt: skip
    found: Any = import_module(STARTERS[name])
    found.start(context, spread, key)
