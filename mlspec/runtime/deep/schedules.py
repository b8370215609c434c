"""How the learning rate changes: each schedule is a function of the update's number, so that it has no state to save.

Only `plateau` looks at what was reached: it reads the history of the metric, which every checkpoint holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Factor = Callable[[int], float]
"""What the learning rate is multiplied by in update n, from 0."""


def factor_of(config: Mapping[str, Any] | None, updates: int, epoch_updates: int) -> Factor:
    """The factor of each of `updates` updates, of which an epoch has `epoch_updates`."""
    if config is None:
        return lambda update: 1.0
    warmup = round(float(config["warmup"]) * updates)
    shape = _SHAPES[str(config["name"])](config, updates, epoch_updates, warmup)
    if config["name"] == "one_cycle":
        return shape
    return lambda update: (update + 1) / (warmup + 1) if update < warmup else shape(update)


def _cosine(config: Mapping[str, Any], updates: int, epoch_updates: int, warmup: int) -> Factor:
    final = float(config["final"])
    rest = max(1, updates - warmup)
    return lambda update: final + (1.0 - final) * (1.0 + math.cos(math.pi * (update - warmup) / rest)) / 2.0


def _linear(config: Mapping[str, Any], updates: int, epoch_updates: int, warmup: int) -> Factor:
    final = float(config["final"])
    rest = max(1, updates - warmup)
    return lambda update: 1.0 - (1.0 - final) * (update - warmup) / rest


def _one_cycle(config: Mapping[str, Any], updates: int, epoch_updates: int, warmup: int) -> Factor:
    """Smith's cycle, with cosines instead of lines, as torch has it: the top is in update `warmup` - 1."""
    start, final = float(config["start"]), float(config["final"])
    top = float(config["warmup"]) * updates - 1.0
    rest = updates - 1.0 - top

    def factor(update: int) -> float:
        if update <= top:
            return _between(start, 1.0, update / top) if top > 0 else 1.0
        return _between(1.0, final, (update - top) / rest) if rest > 0 else 1.0

    return factor


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) / 2.0 * (1.0 + math.cos(math.pi * share))


def _step(config: Mapping[str, Any], updates: int, epoch_updates: int, warmup: int) -> Factor:
    every, factor = int(config["every"]), float(config["factor"])
    return lambda update: factor ** (update // epoch_updates // every)


def _constant(config: Mapping[str, Any], updates: int, epoch_updates: int, warmup: int) -> Factor:
    return lambda update: 1.0


_SHAPES = {"cosine": _cosine, "linear": _linear, "one_cycle": _one_cycle, "step": _step, "plateau": _constant}


def plateau_factor(config: Mapping[str, Any] | None, values: Sequence[float]) -> float:
    """What `plateau` has made of the rate after these values of the metric, of which less is better."""
    if config is None or config["name"] != "plateau":
        return 1.0
    factor, best, waited = 1.0, math.inf, 0
    for value in values:
        if value < best:
            best, waited = value, 0
            continue
        waited += 1
        if waited >= int(config["epochs"]):
            factor, waited = factor * float(config["factor"]), 0
    return factor


def needs_all_updates(config: Mapping[str, Any] | None) -> bool:
    """Whether the rate of an update depends on how many there will be; if not, more epochs go on from where fewer ended."""
    return config is not None and (config["name"] in ("cosine", "linear", "one_cycle") or float(config["warmup"]) > 0)
