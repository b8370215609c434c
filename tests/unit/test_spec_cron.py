"""Cron lines: what every scheduler reads alike is taken and written one way, the rest is refused with a way out."""

from __future__ import annotations

import pytest

from mlspec.spec.cron import CronError, canonical
from mlspec.spec.times import zone_known


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0 2 * * *", "0 2 * * *"),
        ("  0\t2 * *   * ", "0 2 * * *"),
        ("*/15 8-18 * * mon-fri", "*/15 8-18 * * 1-5"),
        ("0 0 1 JAN,jul *", "0 0 1 1,7 *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5-6"),
        ("0 0 * * 0-7", "0 0 * * *"),
        ("5,1-3,2 * * * *", "1-3,5 * * * *"),
        ("0-59 0-23/6 * * *", "* 0,6,12,18 * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 31 4 1", "0 0 31 4 1"),
    ],
)
def test_lines_are_written_one_way(text: str, written: str) -> None:
    assert canonical(text) == written
    assert canonical(written) == written


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "number of its fields"),
        ("0 0 * *", "number of its fields"),
        ("0 0 0 * * *", "number of its fields"),
        ("@daily", "text"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of the week"),
        ("* * * * mo", "day of the week"),
        ("* * * mon *", "month"),
        ("0/5 * * * *", "minute"),
        ("*/0 * * * *", "step of the minute"),
        ("*/60 * * * *", "step of the minute"),
        ("0 22-2 * * *", "hour"),
        ("0 0 L * *", "day of the month"),
        ("0 0 ? * *", "day of the month"),
        ("0 0 * * 1#2", "day of the week"),
        ("0 0 30 2 *", "day of the month"),
        ("0 0 31 4,6,9,11 *", "day of the month"),
        ("0 0 */2 * 1", "day of the month"),
        ("0 0 1 * 0-6", "day of the week"),
        ("1,, * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("٥ * * * *", "number of its fields"),
        ("0 2 * * *; rm -rf /", "number of its fields"),
    ],
)
def test_what_is_no_line_is_refused_at_its_field(text: str, what: str) -> None:
    with pytest.raises(CronError) as caught:
        canonical(text)
    assert caught.value.what.removeprefix("the ") == what
    assert caught.value.wanted


@pytest.mark.parametrize(
    ("name", "known"),
    [("UTC", True), ("Europe/Berlin", True), ("America/Argentina/Buenos_Aires", True), ("Etc/GMT+1", True), ("Europe", False),
     ("Mars/Base", False), ("", False), ("../../etc/passwd", False), ("/etc/localtime", False), ("Europe/Berlin\n", False)],
)  # fmt: skip
def test_zones(name: str, known: bool) -> None:
    assert zone_known(name) is known
