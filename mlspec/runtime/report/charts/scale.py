"""Scales: from data to coordinates, and round numbers for the ticks."""

from __future__ import annotations

import math
from collections.abc import Callable

Scale = Callable[[float], float]


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Maps low..high to start..end; a scale without width maps everything to the middle."""
    span = high - low
    if not math.isfinite(span) or span == 0:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / span * (end - start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from low to high, steps of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def label(value: float, percent: bool = False) -> str:
    """A number for people: few digits, thousands grouped, millions as 1.2M."""
    if percent:
        text = f"{value * 100:,.1f}".removesuffix(".0")
        return f"{text}%" if float(text.replace(",", "")) or not value else f"{value * 100:.1g}%"
    size = abs(value)
    for limit, mark in ((1e9, "G"), (1e6, "M")):
        if size >= limit:
            return f"{value / limit:.3g}{mark}"
    if size >= 1000 or (value == int(value) and size < 1e15):
        return f"{value:,.0f}"
    return f"{value:.3g}"
