"""What a wrong unit was meant to be; imported only when there is one."""

from __future__ import annotations

from difflib import get_close_matches

from mlspec.syntax.numbers import UNITS

# Spellings from other tools → ours.
_SPELT = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "mins": "min",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "week": "w",
    "weeks": "w",
    "msec": "ms",
    "millis": "ms",
    "k": "kB",
    "K": "KiB",
    "G": "GiB",
    "Gi": "GiB",
    "Mi": "MiB",
    "Ki": "KiB",
    "KB": "kB",
    "percent": "%",
    "pct": "%",
    "points": "pp",
    "bp": "pp",
    "qps": "rps",
    "hz": "rps",
    "Hz": "rps",
}


def nearest(unit: str) -> str:
    """The unit that `unit` was probably meant to be, or ""."""
    if unit in _SPELT:
        return _SPELT[unit]
    folded = {name.lower(): name for name in UNITS}
    if unit.lower() in folded:
        return folded[unit.lower()]
    close = get_close_matches(unit, UNITS, n=1, cutoff=0.6)
    return close[0] if close else ""


def ambiguous(digits: str, unit: str) -> tuple[str, str] | None:
    """For `m`, `M` and `mo`: what to write instead, and what that means."""
    if unit == "m":
        return f"{digits}min", "minutes"
    if unit == "M":
        return _scaled(digits, 1_000_000), "millions"
    if unit == "mo":
        return _scaled(digits, 30, "d"), "months of 30 days"
    return None


def _scaled(digits: str, factor: int, unit: str = "") -> str:
    if "." in digits:
        value = float(digits) * factor
        return f"{int(value):_}{unit}" if value == int(value) else f"{value}{unit}"
    value = int(digits) * factor
    return f"{value:_}{unit}" if value >= 1_000 else f"{value}{unit}"
