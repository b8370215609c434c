"""Whether the held-out rows can decide a gate: the interval against how far the estimate lies from the threshold.

Between the ends of the interval chance alone may move the number to either side. The width of an interval falls with the root of
the number of rows, so that rows × (half-width / margin)² are about as many as would decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlspec.runtime.wording import literal, number

# More than this is a difference that no holdout shows: the threshold is where the model is.
MOST = 1_000_000_000


def resolution(entry: Mapping[str, Any], threshold: float | None, unit: str | None) -> dict[str, Any] | None:
    """What the interval says about the threshold; None where one of them is not known."""
    point, low, high, rows = (entry.get(key) for key in ("point", "low", "high", "n"))
    if threshold is None or not all(isinstance(value, int | float) and math.isfinite(value) for value in (point, low, high)):
        return None
    assert point is not None and low is not None and high is not None
    margin = abs(point - threshold)
    half = point - low if threshold <= point else high - point
    found: dict[str, Any] = {
        "decides": not low < threshold < high,
        "half_width": half,
        "margin": margin,
        "needs": None,
        "text": "",
    }
    if not found["decides"]:
        found["needs"] = needed_rows(rows, half, margin)
        found["text"] = _text(found, unit)
    return found


def needed_rows(rows: Any, half: float, margin: float) -> int | None:
    """About how many rows would decide, by two digits; None where no number of them would."""
    if not isinstance(rows, int) or margin <= 0:
        return None
    wanted = rows * (half / margin) ** 2
    if not math.isfinite(wanted) or wanted > MOST:
        return None
    step = 10 ** max(0, int(math.log10(max(wanted, 1.0))) - 1)
    return int(math.ceil(wanted / step - 1e-6) * step)


def _text(found: Mapping[str, Any], unit: str | None) -> str:
    half, margin = (in_unit(found[key], unit) for key in ("half_width", "margin"))
    start = f"the held-out rows cannot decide this gate: the interval's half-width {half} is more than the margin {margin}"
    return f"{start}; about {found['needs']:,} rows would" if found["needs"] else f"{start}; the model stands at the threshold"


def in_unit(value: float, unit: str | None) -> str:
    """A width in the unit of its gate: those of shares in points."""
    if unit in ("ratio", "points"):
        return f"{number(float(f'{value * 100:.2g}'))}pp"
    return literal(float(f"{value:.2g}"), "float" if unit in (None, "int") else str(unit))
