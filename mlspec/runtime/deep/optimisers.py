"""Optimisers by the names of the language, with the same defaults on every machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def optimiser_of(config: Mapping[str, Any], parameters: Iterable[Any]) -> Any:
    """The torch optimiser that a config describes; fused kernels, which go over all weights in one call."""
    from torch import optim

    rate, decay, weights = float(config["lr"]), float(config["weight_decay"]), list(parameters)
    if config["name"] == "sgd":
        whole = not any(hasattr(weight, "placements") for weight in weights)  # torch has no fused SGD of weights in pieces
        return optim.SGD(
            weights, lr=rate, momentum=float(config["momentum"]), nesterov=bool(config["nesterov"]), weight_decay=decay, fused=whole
        )  # fmt: skip
    made = optim.AdamW if config["name"] == "adamw" else optim.Adam
    return made(weights, lr=rate, betas=(float(config["beta1"]), float(config["beta2"])), weight_decay=decay, fused=True)
