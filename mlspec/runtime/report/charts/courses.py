"""Trials by rounds: how the objective went while each boosted on, and where it ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mlspec.runtime.report.charts import svg
from mlspec.runtime.report.charts.bars import legend
from mlspec.runtime.report.charts.scale import label, linear, ticks

LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 30.0, 40.0


@dataclass(frozen=True, slots=True)
class Course:
    """A trial: its judgements, as (rounds, value), and what became of it."""

    number: int
    family: str
    points: Sequence[tuple[int, float]]
    pruned: bool = False
    best: bool = False


def courses(
    trials: Sequence[Course], families: Sequence[str], *, title: str, note: str, y_name: str, width: float = 1040, height: float = 320
) -> Markup:  # fmt: skip
    """A line per trial over the logarithm of its rounds, thin where it was pruned, thick for the best; a dot where it ended."""
    rounds = [point for trial in trials for point, _ in trial.points]
    values = [value for trial in trials for _, value in trial.points]
    bottom, ends = height - BOTTOM, (math.log(min(rounds)), math.log(max(rounds) + 1))
    room = (max(values) - min(values)) * 0.04 or abs(max(values)) * 0.01 or 1.0
    up = (min(values) - room, max(values) + room)
    x, y = linear(*ends, LEFT, width - RIGHT), linear(*up, bottom, TOP)
    parts: list[Markup] = []
    for tick in ticks(*up, 5):
        parts += [svg.rule(LEFT, y(tick), width - RIGHT, y(tick)), svg.text(LEFT - 6, y(tick) + 4, label(tick), "tick", "end")]
    parts += [
        svg.text(x(math.log(mark)), bottom + 16, f"{mark:,}", "tick", "middle") for mark in _marks(min(rounds), max(rounds))
    ]
    parts += [
        svg.rule(LEFT, bottom, width - RIGHT, bottom, "axis"),
        svg.text((LEFT + width) / 2, height - 6, "rounds", "name", "middle"),
    ]
    for trial in sorted(trials, key=lambda one: (one.best, not one.pruned, one.number)):
        place = families.index(trial.family) % 6
        drawn = [(x(math.log(point)), y(value)) for point, value in trial.points]
        tip = (
            f"trial {trial.number}, {trial.family}: {y_name} {label(trial.points[-1][1])} after {trial.points[-1][0]:,} rounds"
        )
        faint, weight = " faint" if trial.pruned else "", " best" if trial.best else " thin" if trial.pruned else ""
        parts += [
            svg.path(drawn, f"line s{place}{weight}", tip),
            svg.dot(*drawn[-1], 4 if trial.best else 2.5, f"c{place}{faint}", tip),
        ]
    parts += [legend(list(families), LEFT, 14), svg.text(width - RIGHT, 14, y_name, "tick", "end")]
    return svg.chart(parts, width, height, title, note)


def _marks(low: int, high: int) -> list[int]:
    """1, 3, 10, 30 … between two numbers of rounds."""
    found = [step * 10**power for power in range(7) for step in (1, 3)]
    return [mark for mark in found if low <= mark <= high]
