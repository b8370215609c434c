"""Reads numbers with their units, dates and timestamps; a bad one gets a code of its own and the parse goes on."""

from __future__ import annotations

import re

from mlspec.diagnostics import Code, code
from mlspec.syntax.tokens import Token

# A number and whatever is glued to it. `17..90` keeps its dots: a fraction needs a digit, or no second dot.
_NUMBER = re.compile(r"([0-9][0-9_]*)(\.(?![.A-Za-z])[0-9_]*)?([eE][+-]?[0-9]+(?![A-Za-z0-9_%]))?([A-Za-z_%][A-Za-z0-9_%]*)?")
# Anything that is meant as a date, well formed or not: unspaced, it is never a subtraction.
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9])(T[0-9:]*(?:\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?([A-Za-z0-9_%]*)"
)
# Dates of other habits, which would be read as quotients of numbers: `2013/01/31`, `31.01.2013`, `01/31/2013`.
_OTHER_DATE = re.compile(r"(?:([0-9]{4})([/.])([0-9]{1,2})\2([0-9]{1,2})|[0-9]{1,2}([/.])[0-9]{1,2}\5[0-9]{4})(?![0-9A-Za-z_])")
_GROUPED = re.compile(r"(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:_[0-9]{3})+)")

# Unit → terminal and factor: seconds, bytes, events per second, ratio.
UNITS: dict[str, tuple[str, float]] = {
    "ms": ("DURATION", 1e-3),
    "s": ("DURATION", 1),
    "min": ("DURATION", 60),
    "h": ("DURATION", 3_600),
    "d": ("DURATION", 86_400),
    "w": ("DURATION", 604_800),
    "B": ("BYTES", 1),
    "kB": ("BYTES", 1_000),
    "MB": ("BYTES", 1_000_000),
    "GB": ("BYTES", 1_000_000_000),
    "KiB": ("BYTES", 1 << 10),
    "MiB": ("BYTES", 1 << 20),
    "GiB": ("BYTES", 1 << 30),
    "rps": ("RATE", 1),
    "rpm": ("RATE", 60),
    "tps": ("RATE", 1),
    "tpm": ("RATE", 60),
    "%": ("PERCENT", 1e-2),
    "pp": ("POINTS", 1e-2),
}
MAX_DIGITS = 19
MAX_INT = 2**63 - 1


class Trouble:
    """What is wrong with a literal: the code, its data, and the text that would be right where there is one."""

    __slots__ = ("code", "data", "fix")

    def __init__(self, code: Code, data: dict[str, str], fix: str = "") -> None:
        self.code = code
        self.data = data
        self.fix = fix


def read_number(text: str, at: int) -> tuple[Token, Trouble | None]:
    """The token that starts at offset `at`, a digit, and what is wrong with it."""
    date = _DATE.match(text, at)
    if date:
        return _read_date(date)
    other = _OTHER_DATE.match(text, at)
    if other:
        return _other_date(other)
    match = _NUMBER.match(text, at)
    assert match is not None  # the scanner stands on a digit
    whole, fraction, exponent, unit = match.groups()
    raw = match[0]
    trouble = _misspelt(raw, whole, fraction, exponent, unit)
    if trouble is None:
        token, trouble = _valued(raw, match.start(), whole, fraction, exponent, unit)
        if trouble is None:
            return token, None
    return Token("BAD_LITERAL", raw, match.start(), match.end()), trouble


def _out_of_range(got: str, wanted: str, fix: str = "", hint: str = "") -> Trouble:
    shown = got if len(got) <= 40 else got[:37] + "…"
    return Trouble(code("MLS014"), {"got": shown, "wanted": wanted, "hint": hint or (f"write `{fix}`" if fix else "")}, fix)


def _other_date(match: re.Match[str]) -> tuple[Token, Trouble]:
    """A date in the spelling of a country: with the year first its order is certain."""
    fix = f"{match[1]}-{int(match[3]):02}-{int(match[4]):02}" if match[1] else ""
    hint = "" if fix else "year, month and day, in that order"
    return Token("BAD_LITERAL", match[0], match.start(), match.end()), _out_of_range(
        match[0], "a date, `2026-01-31`", fix, hint
    )


def _misspelt(raw: str, whole: str, fraction: str | None, exponent: str | None, unit: str | None) -> Trouble | None:
    """A number whose spelling is wrong, whatever its unit."""
    digits = sum(c.isdigit() for c in whole + (fraction or ""))
    if whole == "0" and unit and unit[0] in "xXbBoO" and unit not in UNITS:
        return _out_of_range(raw, "a decimal number")
    if digits > MAX_DIGITS or len(exponent or "") > 6:
        return _out_of_range(raw, f"a number of at most {MAX_DIGITS} digits")
    if fraction is not None and (fraction == "." or "_" in fraction):
        return _out_of_range(
            raw, "digits after the point", f"{whole}{fraction.replace('_', '') if fraction != '.' else '.0'}{unit or ''}"
        )
    if not _GROUPED.fullmatch(whole):
        plain = int(whole.replace("_", ""))
        wanted = f"{plain:_}" if "_" in whole else str(plain)
        return _out_of_range(raw, "no leading zero, and `_` between groups of three digits", wanted + raw[len(whole) :])
    return None


def _valued(
    raw: str, at: int, whole: str, fraction: str | None, exponent: str | None, unit: str | None
) -> tuple[Token, Trouble | None]:
    """The token of a well-spelt number."""
    digits = whole.replace("_", "") + (fraction or "")
    kind = UNITS.get(unit) if unit else None
    token = Token("INT", raw, at, at + len(raw))
    if unit and kind is None:
        return token, _bad_unit(raw, digits, unit)
    if unit and kind is not None:
        if exponent:
            return token, _out_of_range(raw, "a number with a unit and no exponent")
        return token, _measure(token, digits, unit, *kind)
    if fraction is None and exponent is None:
        token.value = int(digits)
        return token, _out_of_range(raw, f"an integer of at most {MAX_INT}") if token.value > MAX_INT else None
    token.type = "FLOAT"
    value = float(digits + (exponent or ""))
    token.value = value
    return token, _out_of_range(raw, "a number of at most 1.7976931348623157e308") if value == float("inf") else None


def _measure(token: Token, digits: str, unit: str, type: str, factor: float) -> Trouble | None:
    """Gives the token the value in base units. Decimal shifts go through the exponent, which rounds once: 12.3% is 0.123."""
    token.type = type
    if factor < 1:
        token.value = float(f"{digits}e{-3 if factor == 1e-3 else -2}")
    elif type == "RATE":
        token.value, token.unit = float(digits) / factor, unit
    elif type == "DURATION":
        token.value = float(digits) * factor
    elif "." in digits:
        size = float(digits) * factor
        token.value = int(size)
        if size != int(size):
            return _out_of_range(token.text, "a whole number of bytes")
    else:
        token.value = int(digits) * int(factor)
    if type == "BYTES" and isinstance(token.value, int) and token.value > MAX_INT:
        return _out_of_range(token.text, f"at most {MAX_INT} bytes")
    return None


def _bad_unit(raw: str, digits: str, unit: str) -> Trouble:
    """012 for the units that people read in two ways, 011 for all others."""
    from mlspec.syntax.units import ambiguous, nearest

    known = "a duration `ms s min h d w`, a size `B kB MB GB KiB MiB GiB`, a rate `rps rpm tps tpm`, a ratio `%` or points `pp`"
    data = {"unit": unit, "got": f"`{raw}`", "wanted": known}
    meant = ambiguous(digits, unit)
    if meant:
        fix, meaning = meant
        return Trouble(code("MLS012"), {**data, "fix": fix, "meaning": meaning}, fix)
    return Trouble(code("MLS011"), {**data, "nearest": nearest(unit)})


def _read_date(match: re.Match[str]) -> tuple[Token, Trouble | None]:
    """A date or a timestamp; timestamps end in Z, because a local time names no moment."""
    from datetime import date

    raw = match[0]
    time, zone, rest = match[1], match[2], match[3]
    token = Token("DATE", raw, match.start(), match.end())
    bad = Token("BAD_LITERAL", raw, match.start(), match.end())
    if time is None and not zone and not rest:
        try:
            token.value = date.fromisoformat(raw)
        except ValueError:
            year, month, day = raw.split("-")
            padded = f"{year}-{month:0>2}-{day:0>2}"
            return bad, _out_of_range(raw, "a day of the calendar, `YYYY-MM-DD`", padded if padded != raw else "")
        return token, None
    if time is None or rest:
        return bad, _out_of_range(raw, "a date `YYYY-MM-DD` or a timestamp `YYYY-MM-DDThh:mm:ssZ`")
    return _read_instant(token, bad, zone)


def _read_instant(token: Token, bad: Token, zone: str | None) -> tuple[Token, Trouble | None]:
    from datetime import UTC, datetime

    raw = token.text
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        return bad, _out_of_range(raw, "a timestamp `YYYY-MM-DDThh:mm:ssZ`")
    if zone == "Z" and re.fullmatch(r"[^T]+T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z", raw):
        token.type, token.value = "INSTANT", moment
        return token, None
    if zone == "Z":
        return bad, _out_of_range(raw, "a timestamp with seconds", _spell(moment))
    if zone:
        try:
            utc = moment.astimezone(UTC)
        except OverflowError:
            return bad, _out_of_range(raw, "a timestamp of the years 1 to 9999")
        return bad, Trouble(code("MLS013"), {"got": raw, "why": "is not in UTC", "wanted": _spell(utc)}, _spell(utc))
    return bad, Trouble(code("MLS013"), {"got": raw, "why": "has no zone", "wanted": _spell(moment)})


def _spell(moment: object) -> str:
    return str(moment).replace(" ", "T").removesuffix("+00:00") + "Z"
