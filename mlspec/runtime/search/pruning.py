"""Which trials end early: after a fold, by comparison with earlier trials at the same fold.

A pruner reads the same history as the trial's suggestion, fixed when the trial starts, so that pruning is as reproducible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.search.trials import COMPLETE, FAILED, Trial

Prune = Callable[[Sequence[float]], bool]
PRUNERS = ("median", "halving")


def require_built(config: Mapping[str, Any] | None, where: str) -> None:
    """StageError MLS901 for a pruner that is not built."""
    if config is not None and config["name"] not in PRUNERS:
        raise StageError("MLS901", f"the pruner `{config['name']}` is not built yet", f"{where}.pruner", expected=", ".join(PRUNERS),
                         found=str(config["name"]), help="use one of these")  # fmt: skip


def open_pruner(config: Mapping[str, Any] | None, history: Sequence[Trial], direction: str) -> Prune | None:
    """A function of the values of the folds so far: whether the trial ends here, with folds left; None where none ends early."""
    if config is None:
        return None
    sign = 1.0 if direction == "minimize" else -1.0
    losses = [[sign * value for value in trial.folds] for trial in history if trial.state != FAILED]
    complete = sum(trial.state == COMPLETE for trial in history)
    decide = _median if config["name"] == "median" else _halving

    def prune(values: Sequence[float]) -> bool:
        seen = len(values)
        if seen <= int(config.get("warmup") or 0):
            return False
        rivals = [_mean(other[:seen]) for other in losses if len(other) >= seen]
        return decide(config, _mean([sign * value for value in values]), rivals, seen, complete)

    return prune


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _median(config: Mapping[str, Any], own: float, rivals: Sequence[float], seen: int, complete: int) -> bool:
    """Worse than the median of the earlier trials that got as far."""
    return complete >= int(config.get("startup") or 5) and bool(rivals) and own > median(rivals)


def _halving(config: Mapping[str, Any], own: float, rivals: Sequence[float], seen: int, complete: int) -> bool:
    """Not among the best of `factor` at a rung: folds warmup + 1, (warmup + 1) factor, and so on."""
    factor = int(config.get("factor") or 3)
    rung = int(config.get("warmup") or 0) + 1
    while rung < seen:
        rung *= factor
    if rung != seen or len(rivals) + 1 < factor:
        return False
    keep = (len(rivals) + 1) // factor
    return sum(other < own for other in rivals) >= keep
