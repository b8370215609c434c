"""A schedule's times in the zone of a KFP server, which is UTC unless its operator says otherwise: KFP has no zone for each recurring run.

A zone whose clocks are never put forward or back is a fixed way from UTC, and most lines can be said in either. Where summer time moves
it, or the line means days that begin at another time in UTC, the server has to be set to the zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_FROM, _WEEKS = datetime(2026, 1, 1, tzinfo=UTC), 52 * 12
_DAY = 24 * 60


def in_utc(cron: str, zone: str) -> str | None:
    """The line whose times in UTC are those of `cron` in the zone; None where five fields cannot say it."""
    away = _minutes_from_utc(zone)
    if away is None:
        return None
    minutes, hours, days, months, weekdays = (_numbers(word, *wide) for word, wide in zip(cron.split(), _RANGES, strict=True))
    moved = {60 * hour + minute - away for hour in hours for minute in minutes}
    shifts = {time // _DAY for time in moved}
    new_minutes, new_hours = {time % 60 for time in moved}, {time % _DAY // 60 for time in moved}
    every_day = [len(found) == high - low + 1 for found, (low, high) in zip((days, months, weekdays), _RANGES[2:], strict=True)]
    if len(new_minutes) * len(new_hours) != len(moved):
        return None
    if shifts != {0} and not all(every_day):
        if len(shifts) > 1 or not all(every_day[:2]):
            return None
        weekdays = {(day + min(shifts)) % 7 for day in weekdays}
    fields = zip((new_minutes, new_hours, days, months, weekdays), _RANGES, strict=True)
    return " ".join(_written(found, low, high) for found, (low, high) in fields)


def _minutes_from_utc(zone: str) -> int | None:
    """How far a zone is from UTC when that is the same in every week of the years to come."""
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    found = {(_FROM + timedelta(weeks=week)).astimezone(clock).utcoffset() for week in range(_WEEKS)}
    away = found.pop()
    return int(away.total_seconds()) // 60 if not found and away is not None and not away.seconds % 60 else None


def _numbers(word: str, low: int, high: int) -> set[int]:
    """The numbers that a field takes, as the plan writes it: numbers, ranges, steps, lists."""
    found: set[int] = set()
    for item in word.split(","):
        wide, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if wide == "*" else wide).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def _written(found: set[int], low: int, high: int) -> str:
    return "*" if len(found) == high - low + 1 else ",".join(str(number) for number in sorted(found))
