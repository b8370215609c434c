"""A schedule on a target without a clock: the line that cron takes."""

from __future__ import annotations

import pytest

from mlspec.backend import Backend, Capability, check_capabilities
from mlspec.backend.schedules import cron_line, cron_of
from mlspec.graph import Graph, Schedule, Stage

STAGES = [
    Stage("a", "write", "one", {}, {}, {"file": "json"}),
    Stage("b", "write", "two", {}, {"x": "a/file"}, {"file": "json"}),
    Stage("c", "write", "three", {}, {"x": "a/file"}, {"file": "json"}),
]


def graph(*schedules: Schedule) -> Graph:
    return Graph.of(STAGES, spec="demo", schedules=schedules)


@pytest.mark.parametrize(
    ("seconds", "line"),
    [(60, "* * * * *"), (900, "*/15 * * * *"), (3600, "0 * * * *"), (21600, "0 */6 * * *"), (86400, "0 0 * * *"), (604800, "0 0 * * 0"),
     (61, None), (420, None), (18000, None), (172800, None), (90.5, None)],
)  # fmt: skip
def test_lengths_of_time_that_cron_can_say(seconds: float, line: str | None) -> None:
    assert cron_of(float(seconds)) == line


@pytest.mark.parametrize(
    ("schedule", "line"),
    [
        (Schedule("n", "one", ("a", "b", "c"), cron="0 2 * * *", zone="UTC"), "`0 2 * * * mlspec run demo.mlspec`"),
        (Schedule("n", "two", ("a", "b"), cron="0 2 * * *", zone="Asia/Tokyo"),
         "`0 2 * * * mlspec run demo.mlspec --only b` under `CRON_TZ=Asia/Tokyo`"),
        (Schedule("n", "s", every=3600.0, command="score"), "`0 * * * * mlspec score demo.mlspec#s`"),
        (Schedule("n", "m", every=3600.0, command="monitor"), "`0 * * * * mlspec monitor demo.mlspec#m --once`"),
        (Schedule("n", "one", ("a",), every=18000.0),
         "a timer of systemd with `OnUnitActiveSec=18000` runs `mlspec run demo.mlspec --only a`"),
    ],
)  # fmt: skip
def test_the_line(schedule: Schedule, line: str) -> None:
    assert cron_line(graph(schedule), schedule) == line


def test_a_target_without_a_clock_says_the_line_at_the_schedule() -> None:
    made = graph(
        Schedule("nightly", "one", ("a", "b", "c"), cron="0 2 * * *", zone="UTC", retry=2, on_failure={"kind": "log"}),
        Schedule("people", "people", ("a",), every=86400.0),
    )
    without = Backend("x", "x", lambda graph, options: None, capabilities={"schedule": Capability("emulated", "cron")})  # type: ignore[arg-type,return-value]
    found = check_capabilities(without, made)
    assert [(item.code, item.where) for item in found] == [("MLS702", "nightly"), ("MLS702", "people.refresh")]
    assert (
        found[0].data["how"]
        == "cron starts it, with `0 2 * * * mlspec run demo.mlspec --target x`; cron knows nothing of its `retry`, `on_failure`"
    )


def test_a_target_with_a_clock_says_so_of_what_is_no_stage_alone() -> None:
    made = graph(Schedule("nightly", "one", ("a",), every=60.0), Schedule("scored", "s", every=60.0, command="score"))
    native = Backend("x", "x", lambda graph, options: None, capabilities={"schedule": "native"})  # type: ignore[arg-type,return-value]
    assert [item.where for item in check_capabilities(native, made)] == ["scored"]
