"""Times of the clock as cron writes them: five fields, in the part of the syntax that every scheduler reads alike.

A field is `*`, a number, a range `a-b`, either of the last two wide ones with a step `/n`, or a list of these. Months and days
of the week may go by their English names; Sunday is 0 or 7. What cron dialects disagree on (`a/n`, `22-2`, `L`, `W`, `#`, `?`,
seconds, `@daily`) is refused.
"""

from __future__ import annotations

import re

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# name, least, greatest, words from the least on
FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("day of the week", 0, 7, tuple(_DAYS)),
)
_MACROS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
           "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *"}  # fmt: skip
_ITEM = re.compile(r"(?:(\*)|([a-z]{3}|[0-9]{1,3})(?:-([a-z]{3}|[0-9]{1,3}))?)(?:/([0-9]{1,3}))?\Z")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class CronError(ValueError):
    """A text that is no cron line: what is wrong, what would have been right, and a way out."""

    def __init__(self, what: str, got: str, wanted: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.got = got
        self.wanted = wanted
        self.hint = hint


def canonical(text: str) -> str:
    """The line with one space between fields, numbers for names and 0 for Sunday; CronError where it is none."""
    words = text.lower().split() if text.isascii() else []
    if text.strip().lower() in _MACROS:
        raise CronError("the text", f"`{text.strip()}`", "five fields", f"write `{_MACROS[text.strip().lower()]}`")
    if len(words) != len(FIELDS):
        raise CronError("the number of its fields", str(len(words)), "5: minute, hour, day of the month, month, day of the week",
                        "seconds and years are no fields: `0 2 * * *` is two o'clock every day")  # fmt: skip
    chosen = [_field(word, place) for place, word in enumerate(words)]
    _check_days(chosen, words)
    return " ".join(_written(numbers, place, word) for place, (numbers, word) in enumerate(zip(chosen, words, strict=True)))


def _field(word: str, place: int) -> set[int]:
    """The numbers that a field takes."""
    found: set[int] = set()
    for item in word.split(","):
        found |= _item(item, place)
    return found


def _item(item: str, place: int) -> set[int]:
    name, low, high, _ = FIELDS[place]
    match = _ITEM.match(item)
    if match is None:
        raise CronError(f"the {name}", f"`{item}`", _wanted(place), "a step follows `*` or a range: `*/15`, `8-18/2`")
    star, first, last, step = match.groups()
    if step is not None and not star and last is None:
        raise CronError(f"the {name}", f"`{item}`", "a step after `*` or a range", f"write `{first}-{high}/{step}`")
    start, end = (low, min(high, 6) if place == 4 else high) if star else (_number(first, place), _number(last or first, place))
    if start > end:
        raise CronError(f"the {name}", f"`{item}`", "a start that is not above the end", "write two ranges: `22-23,0-2`")
    stride = 1 if step is None else int(step)
    if not 1 <= stride <= high:
        raise CronError(f"the step of the {name}", f"`{item}`", f"a step from 1 to {high}")
    return {number % 7 if place == 4 else number for number in range(start, end + 1, stride)}


def _number(text: str, place: int) -> int:
    name, low, high, words = FIELDS[place]
    if text in words:
        return words.index(text) + low
    if not text.isdigit() or not low <= int(text) <= high:
        raise CronError(f"the {name}", f"`{text}`", _wanted(place))
    return int(text)


def _wanted(place: int) -> str:
    _, low, high, words = FIELDS[place]
    names = f", or {words[0]} to {words[-1]}" if words else ""
    return f"`*`, or numbers from {low} to {high}{names}"


def _check_days(chosen: list[set[int]], words: list[str]) -> None:
    """There is a day of which the line speaks: 31 April is none. Where both day fields say something, cron takes either."""
    days, months, week = chosen[2], chosen[3], chosen[4]
    if words[4] == "*" and not any(min(days) <= _LONGEST[month - 1] for month in months):
        raise CronError("the day of the month", f"`{min(days)}`", "a day that one of the months has")
    if words[2] == "*" or words[4] == "*":
        return
    for place, numbers, size in ((2, days, 31), (4, week, 7)):
        if "*" in words[place] or len(numbers) == size:
            raise CronError(f"the {FIELDS[place][0]}", f"`{words[place]}`", "`*` alone, or some of the days",
                            "schedulers do not agree on this beside the other field of days")  # fmt: skip


def _written(numbers: set[int], place: int, word: str) -> str:
    if word.startswith("*/"):
        return word
    _, low, high, _ = FIELDS[place]
    return "*" if len(numbers) == (7 if place == 4 else high - low + 1) else ",".join(_runs(sorted(numbers)))


def _runs(numbers: list[int]) -> list[str]:
    """Numbers in order, neighbours joined: 1-5, 8."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
