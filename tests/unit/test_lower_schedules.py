"""Schedules: what a `schedule` block and `refresh` become, and that no stage changes by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlspec
from mlspec.graph import Graph, GraphError, Schedule, plan_from_json, plan_to_json

DEMO = Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec"
NIGHTLY = """
schedule nightly {{
  at = {at}
  run = {run}
  retry = 2
  deadline = 2h
  on_failure = {channel}
}}
"""


def lowered(tmp_path: Path, *more: str, at: str = 'cron("0 2 * * mon-fri", zone: "Europe/Berlin")', run: str = "release", channel: str = "console") -> Graph:  # fmt: skip
    text = DEMO.read_text() + "".join(more) + NIGHTLY.format(at=at, run=run, channel=channel)
    (tmp_path / "mlspec.toml").touch()
    path = tmp_path / "demo.mlspec"
    path.write_text(text)
    return mlspec.load(path).graph


def test_a_schedule_is_a_record_of_the_graph(tmp_path: Path) -> None:
    graph = lowered(tmp_path)
    [nightly] = graph.schedules
    assert (nightly.name, nightly.run, nightly.command) == ("nightly", "release", "run")
    assert (nightly.cron, nightly.zone, nightly.every) == ("0 2 * * 1-5", "Europe/Berlin", None)
    assert (nightly.retry, nightly.deadline, nightly.on_failure) == (2, 7200.0, {"kind": "log"})


def test_it_adds_no_stage_and_changes_none(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "mlspec.toml").touch()
    (bare / "demo.mlspec").write_text(DEMO.read_text())
    assert dict(lowered(tmp_path).stages) == dict(mlspec.load(bare / "demo.mlspec").graph.stages)


def test_gates_take_reports_and_registration_along(tmp_path: Path) -> None:
    graph = lowered(tmp_path)
    kinds = {graph[name].kind for name in graph.schedules[0].stages}
    assert {"extract", "verify", "search", "enforce", "report", "card", "register"} <= kinds
    assert list(graph.schedules[0].stages) == [name for name in graph.stages if name in graph.schedules[0].stages]


@pytest.mark.parametrize(
    ("run", "kinds"), [("people", {"extract", "verify"}), ("base", {"extract", "verify", "split", "features", "fit"})]
)
def test_it_takes_what_the_block_needs_and_no_more(tmp_path: Path, run: str, kinds: set[str]) -> None:
    graph = lowered(tmp_path, run=run)
    assert {graph[name].kind for name in graph.schedules[0].stages} == kinds


def test_a_batch_score_has_no_stages(tmp_path: Path) -> None:
    score = '\nscore scored {\n  model = tune.best\n  gate = release\n  input = csv("new.csv")\n  keys = [code]\n  output = csv("build/scored.csv")\n}\n'
    [schedule] = lowered(tmp_path, score, at="interval(6h)", run="scored").schedules
    assert (schedule.stages, schedule.command, schedule.every, schedule.cron) == ((), "score", 21600.0, None)


def test_a_hook_is_told_by_its_handle(tmp_path: Path) -> None:
    hook = '\nsecret hook = env("TEAM_HOOK")\n\nchannel team = webhook(hook)\n'
    [schedule] = lowered(tmp_path, hook, channel="team").schedules
    assert schedule.on_failure == {"kind": "webhook", "url": {"kind": "env", "variable": "TEAM_HOOK"}}


def test_refresh_is_a_schedule_of_the_source(tmp_path: Path) -> None:
    text = DEMO.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  from = csv("))
    (tmp_path / "demo.mlspec").write_text(text.replace(line, f"{line}\n  refresh = 1d", 1))
    [schedule] = mlspec.load(tmp_path / "demo.mlspec").graph.schedules
    assert (schedule.name, schedule.every, schedule.retry) == ("people", 86400.0, 0)
    assert schedule.stages == ("people-extract", "people-verify")


def test_a_plan_keeps_them_and_one_without_has_no_such_field(tmp_path: Path) -> None:
    graph = lowered(tmp_path)
    again = plan_from_json(plan_to_json(graph))
    assert again == graph
    assert "schedules" not in plan_to_json(Graph.of(graph.stages.values()))


@pytest.mark.parametrize(
    ("field", "value"),
    [("stages", ["no-such"]), ("stages", "extract"), ("retry", True), ("cron", None), ("every", 60), ("zone", None), ("extra", 1), ("deadline", "2h")],
)  # fmt: skip
def test_a_plan_with_a_wrong_schedule_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    plan = plan_to_json(lowered(tmp_path))
    plan["schedules"]["nightly"][field] = value
    with pytest.raises(GraphError) as caught:
        plan_from_json(plan)
    assert "schedules.nightly" in caught.value.where


def test_a_graph_refuses_a_schedule_of_a_stage_that_it_has_not() -> None:
    with pytest.raises(GraphError):
        Graph.of([], schedules=[Schedule("a", "b", ("c",), every=60.0)])
