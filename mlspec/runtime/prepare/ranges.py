"""Parts by time: which range a row's time lies in, and what ranges of one split may not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from mlspec.runtime import query, table
from mlspec.runtime.errors import StageError
from mlspec.runtime.query import Sql, name


@dataclass(frozen=True, slots=True)
class Range:
    """One part: from `start` up to, without, `end`, both in UTC."""

    name: str
    start: datetime
    end: datetime


def part_ranges(config: Mapping[str, Any]) -> list[Range]:
    """The parts' ranges, checked against each other: MLS305 when two overlap, MLS306 when they lie closer than the gap."""
    found = [_range(part, str(config["name"])) for part in config["parts"]]
    for earlier, later in pairwise(sorted(found, key=lambda item: (item.start, item.end))):
        _check_pair(config, earlier, later)
    return found


def _check_pair(config: Mapping[str, Any], earlier: Range, later: Range) -> None:
    where = f"{config['name']}.{later.name}"
    if later.start < earlier.end:
        raise StageError(
            "MLS305", f"the parts `{earlier.name}` and `{later.name}` overlap", where,
            expected=f"a start after the end of `{earlier.name}`", found=f"{later.start:%Y-%m-%d} before {earlier.end:%Y-%m-%d}",
            help="let each part begin after the one before has ended",
        )  # fmt: skip
    gap = timedelta(seconds=float(config.get("gap") or 0))
    if later.start - earlier.end < gap:
        raise StageError(
            "MLS306", f"the parts `{earlier.name}` and `{later.name}` lie closer than the gap", where,
            expected=f"at least {gap.total_seconds() / 86400:g} days between them",
            found=f"{(later.start - earlier.end).total_seconds() / 86400:g} days", help=f"let `{later.name}` begin later",
        )  # fmt: skip


def _range(part: Mapping[str, Any], split: str) -> Range:
    start, _ = _bound(part["from"], split, part["name"])
    last, whole_day = _bound(part["to"], split, part["name"])
    end = last + (timedelta(days=1) if whole_day else timedelta(microseconds=1))
    if end <= start:
        raise StageError(
            "MLS207", f"the range of part `{part['name']}` is empty", f"{split}.{part['name']}", expected="a start before the end",
            found=f"{part['from']}..{part['to']}", help="swap the ends",
        )  # fmt: skip
    return Range(str(part["name"]), start, end)


def _bound(value: Any, split: str, part: str) -> tuple[datetime, bool]:
    """The instant, and whether it was a date, which stands for its whole UTC day."""
    text = str(value[1] if isinstance(value, list) else value)
    try:
        if len(text) == len("2026-01-01"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC), True
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise StageError(
            "MLS201", f"an end of the range of part `{part}` is no date", f"{split}.{part}", expected="a date such as 2026-01-31",
            found=text[:40], help="write the range as `2026-01-01..2026-01-31`",
        ) from error  # fmt: skip
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC), False


def assigned(config: Mapping[str, Any]) -> Sql:
    """Rows with the part whose range their time lies in, null where none does."""
    time = query.cast(name(str(config["on"])), "TIMESTAMP")
    branches = [
        (query.both(query.binary(">=", time, _constant(item.start)), query.binary("<", time, _constant(item.end))), item.name)
        for item in part_ranges(config)
    ]
    group = query.cast(name(str(config["group"])) if config.get("group") else None, "VARCHAR")
    return query.select({table.ROW: name(table.ROW), "part": query.case(*branches), "group": group}, "rows")


def _constant(instant: datetime) -> Sql:
    return query.cast(f"{instant.replace(tzinfo=None).isoformat(sep=' ')}", "TIMESTAMP")
