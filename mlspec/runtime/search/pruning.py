"""Which trials end early: after a fold, by comparison with earlier trials at the same fold, in the first objective.

Trials that find their rounds are compared by rounds instead, in all of their folds at once: see `bars`. A pruner reads the same history as the trial's suggestion, fixed when the trial starts, so that pruning is as reproducible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.search.goal import Aim
from mlspec.runtime.search.space import Rounds
from mlspec.runtime.search.trials import COMPLETE, FAILED, PRUNED, Trial, mean

Prune = Callable[[Sequence[float]], bool]
PRUNERS = ("median", "halving", "asha", "hyperband")


def require_built(config: Mapping[str, Any] | None, where: str) -> None:
    """StageError MLS901 for a pruner that is not built."""
    if config is not None and config["name"] not in PRUNERS:
        raise StageError("MLS901", f"the pruner `{config['name']}` is not built yet", f"{where}.pruner", expected=", ".join(PRUNERS),
                         found=str(config["name"]), help="use one of these")  # fmt: skip


def open_pruner(config: Mapping[str, Any] | None, number: int, history: Sequence[Trial], aim: Aim, folds: int) -> Prune | None:
    """A function of the values of trial `number`'s folds so far: whether it ends here, with folds left; None where none ends early."""
    if config is None:
        return None
    known = [trial for trial in history if trial.state != FAILED and not (trial.curve and trial.state == PRUNED)]
    if config["name"] == "median":
        return _median(config, known, aim)
    factor, first = int(config.get("factor") or 3), int(config.get("warmup") or 0) + 1
    if config["name"] == "hyperband":
        lots = brackets(factor, folds)
        own = lots[number % len(lots)]
        first = factor**own
        known = [trial for trial in known if lots[trial.number % len(lots)] == own]
    return _halving(factor, first, known, aim)


def brackets(factor: int, folds: int) -> list[int]:
    """The brackets of a round of Hyperband's trials, spread evenly: in bracket s the first rung is fold factor ** s.

    As in Hyperband, a bracket that prunes sooner has more trials, so that each has about the same number of folds to fit.
    """
    most = 0
    while factor ** (most + 1) <= folds:
        most += 1
    shares = [-(-(most + 1) * factor ** (most - s) // (most - s + 1)) for s in range(most + 1)]
    order: list[int] = []
    for turn in range(1, sum(shares) + 1):  # the bracket that lies furthest behind its share
        order.append(max(range(most + 1), key=lambda s: (shares[s] * turn / sum(shares) - order.count(s), -s)))
    return order


def bars(
    config: Mapping[str, Any] | None, number: int, history: Sequence[Trial], aim: Aim, rounds: Rounds
) -> dict[int, float]:  # fmt: skip
    """By a number of rounds, the loss above which trial `number` ends there: the same rules, over rounds.

    A trial counts with the best of its judgements so far, since that is what would be kept of it; one that has ended by itself
    counts at every later rung.
    """
    if config is None:
        return {}
    known = [trial for trial in history if trial.curve and trial.state != FAILED]
    if config["name"] == "median":
        return _median_bars(config, known, aim, rounds)
    factor, first = int(config.get("factor") or 3), rounds.first * (int(config.get("warmup") or 0) + 1)
    if config["name"] == "hyperband":
        lots = brackets(factor, rounds.most // rounds.first)
        own = lots[number % len(lots)]
        first = rounds.first * factor**own
        known = [trial for trial in known if lots[trial.number % len(lots)] == own]
    found = {}
    for point in _rungs(rounds, first, factor):
        rivals = sorted(_losses_at(known, aim, point))
        place = (len(rivals) + 1) // factor
        if place:
            found[point] = rivals[place - 1]
    return found


def _median_bars(config: Mapping[str, Any], known: Sequence[Trial], aim: Aim, rounds: Rounds) -> dict[int, float]:
    if sum(trial.state == COMPLETE for trial in known) < int(config.get("startup") or 5):
        return {}
    late = [point for point in rounds.points() if point > rounds.first * int(config.get("warmup") or 0)]
    return {point: median(rivals) for point in late if (rivals := _losses_at(known, aim, point))}


def _rungs(rounds: Rounds, first: int, factor: int) -> list[int]:
    """The judgements at or right after `first`, `first` times the factor, and so on."""
    found, rung = [], first
    while rung < rounds.most:
        found.append(next(point for point in rounds.points() if point >= rung))
        rung *= factor
    return found


def _losses_at(trials: Sequence[Trial], aim: Aim, point: int) -> list[float]:
    """The least loss until then of every trial that got as far, or ended by itself before."""
    found = []
    for trial in trials:
        until = [aim.loss(value) for rounds, value in trial.curve if rounds <= point]
        if until and (trial.state == COMPLETE or trial.curve[-1][0] >= point):
            found.append(min(until))
    return found


def _losses(trials: Sequence[Trial], aim: Aim, seen: int) -> list[float]:
    """The mean of the first folds of every trial that got as far."""
    return [aim.loss(mean(trial.folds[:seen])) for trial in trials if len(trial.folds) >= seen]


def _median(config: Mapping[str, Any], known: Sequence[Trial], aim: Aim) -> Prune:
    """Worse than the median of the earlier trials that got as far."""
    complete = sum(trial.state == COMPLETE for trial in known)

    def prune(values: Sequence[float]) -> bool:
        seen = len(values)
        if seen <= int(config.get("warmup") or 0) or complete < int(config.get("startup") or 5):
            return False
        rivals = _losses(known, aim, seen)
        return bool(rivals) and aim.loss(mean(list(values))) > median(rivals)

    return prune


def _halving(factor: int, first: int, known: Sequence[Trial], aim: Aim) -> Prune:
    """Not among the best of `factor` at a rung: folds `first`, `first` times the factor, and so on.

    The rule of asynchronous successive halving (Li et al. 2020) where a trial that may not go on is stopped and not paused: nothing
    waits for a rung to fill.
    """

    def prune(values: Sequence[float]) -> bool:
        seen, rung = len(values), first
        while rung < seen:
            rung *= factor
        rivals = _losses(known, aim, seen)
        if rung != seen or len(rivals) + 1 < factor:
            return False
        own = aim.loss(mean(list(values)))
        return sum(other < own for other in rivals) >= (len(rivals) + 1) // factor

    return prune
