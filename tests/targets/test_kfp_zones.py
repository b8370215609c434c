"""Times of a zone in UTC: every time of the one line is a time of the other, over a year; or there is no such line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from mlspec_kfp.recurring import check_schedules, recurring_run
from mlspec_kfp.zones import in_utc

from mlspec.graph import Graph, Schedule, Stage


def fires(cron: str, at: datetime) -> bool:
    """Whether a line of single numbers, lists, `*` and ranges takes a minute, by the calendar of the time given."""
    now = (at.minute, at.hour, at.day, at.month, (at.weekday() + 1) % 7)

    def takes(word: str, number: int) -> bool:
        ends = [item.split("-") for item in word.split(",")]
        return word == "*" or any(int(item[0]) <= number <= int(item[-1]) for item in ends)

    return all(takes(word, number) for word, number in zip(cron.split(), now, strict=True))


@pytest.mark.parametrize(
    ("cron", "zone", "utc"),
    [
        ("30 2 * * *", "Asia/Tokyo", "30 17 * * *"),
        ("30 2 * * 1-5", "Asia/Tokyo", "30 17 * * 0,1,2,3,4"),
        ("0 9,18 * * *", "Asia/Kolkata", "30 3,12 * * *"),
        ("15 20 * * 6", "America/Bogota", "15 1 * * 0"),
        ("0 12 1 * *", "Africa/Nairobi", "0 9 1 * *"),
        ("0 1,20 * * *", "Asia/Dubai", "0 16,21 * * *"),
    ],
)
def test_the_same_moments(cron: str, zone: str, utc: str) -> None:
    assert in_utc(cron, zone) == utc
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    for _ in range(366 * 24 * 4):
        assert fires(cron, moment.astimezone(ZoneInfo(zone))) == fires(utc, moment), moment
        moment += timedelta(minutes=15)


@pytest.mark.parametrize(
    ("cron", "zone"),
    [
        ("30 2 * * *", "Europe/Berlin"),  # summer time
        ("0 1 1 * *", "Asia/Tokyo"),  # the first of a month there is the last of one here
        ("0 1,20 * * 1", "Asia/Dubai"),  # half of it is Sunday
        ("0,45 9 * * *", "Asia/Kolkata"),  # 03:30 and 04:15 are no hours times minutes
        ("30 2 * * *", "Middle/Earth"),
    ],
)
def test_what_one_line_cannot_say_is_said(cron: str, zone: str) -> None:
    assert in_utc(cron, zone) is None
    graph = Graph.of([Stage("a-write", "write", "a", outputs={"file": "json"})], spec="demo",
                     schedules=[Schedule("nightly", "a", ("a-write",), cron=cron, zone=zone)])  # fmt: skip
    (finding,) = check_schedules(graph)
    assert (finding.code, finding.where) == ("MLS702", "nightly.at") and zone in str(finding.data["how"])
    assert recurring_run(graph, graph.schedules[0])["trigger"] == {"cron_schedule": {"cron": f"0 {cron}"}}


def test_a_server_in_the_zone_takes_the_line_as_it_is() -> None:
    stages = [Stage("a-write", "write", "a", outputs={"file": "json"})]
    nightly = Schedule("nightly", "a", ("a-write",), cron="30 2 * * *", zone="Europe/Berlin")
    graph = Graph.of(stages, spec="demo", schedules=[nightly])
    assert check_schedules(graph, "Europe/Berlin") == []
    assert recurring_run(graph, nightly, "Europe/Berlin")["trigger"] == {"cron_schedule": {"cron": "0 30 2 * * *"}}
    plain = Graph.of(stages, spec="demo", schedules=[Schedule("nightly", "a", ("a-write",), cron="30 2 * * *", zone="UTC")])
    (finding,) = check_schedules(plain, "Europe/Berlin")
    assert "`UTC`" in str(finding.data["how"])
