"""Training: every `train` block gives a `train` stage."""

from __future__ import annotations

from typing import Any

from mlspec.lower.development import add_learner, fit_config
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_value, resources
from mlspec.spec.model import Block

_PLAIN = ("epochs", "global_batch", "gradient_accumulation", "clip_norm", "class_weights", "precision", "resume")
_CALLS = ("network", "optimiser", "schedule", "strategy", "stop_early", "checkpoint", "tensorboard")


def lower(sheet: Sheet) -> None:
    """Add the stage of every network that is trained."""
    for block in sheet.spec.of_kind("train"):
        add_learner(sheet, block, "train", train_config(sheet, block))


def train_config(sheet: Sheet, block: Block) -> dict[str, Any]:
    """The config of a `train` stage. `threads` is here and no matter of the machine: sums depend on how they are divided."""
    return {
        **fit_config(sheet, block),
        **{name: block.get(name) for name in _PLAIN},
        **{name: json_value(block.make(name)) for name in _CALLS},
        "threads": resources(block).cpu,
    }
