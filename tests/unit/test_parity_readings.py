"""A gate over a measured number says how busy a machine was: targets that differ in nothing else mean the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlspec.cli.parity import _same, table
from mlspec.driver import Compilation
from mlspec.graph import Graph
from mlspec.parity import Outcome, compared, rows_of, unlike_readings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Compilation(ROOT / "specs" / "census_income.mlspec").graph


def verdict(latency: str = "passed", quality: str = "passed", package: str = "p") -> dict[str, Any]:
    gates = [
        {"name": "quality", "measured": False, "status": quality, "value": "0.91"},
        {"name": "fast", "measured": True, "status": latency, "reason": latency},
    ]
    return {"passed": {latency, quality} == {"passed"}, "gates": gates, "packages": {"tune": package}}


def outcome(target: str, graph: Graph, told: dict[str, Any], verdict_digest: str, **other: str) -> Outcome:
    artifacts = dict.fromkeys(compared(graph), "d")
    late = {name: verdict_digest for name in artifacts if name.startswith(("release-verdict", "release-enforce", "run-"))}
    return Outcome(target, told["passed"], {**artifacts, **late, **other}, verdicts={"release": told})


def plain(_: str, text: str) -> str:
    return text


def test_a_slow_moment_of_the_machine_is_told_and_is_no_difference(graph: Graph) -> None:
    outcomes = [outcome("local", graph, verdict(), "a"), outcome("dvc", graph, verdict(latency="failed"), "b")]
    rows = rows_of(graph, outcomes)
    assert _same(rows, outcomes)
    loose = {row.name for row in rows if row.of_readings}
    assert "release-verdict/verdict" in loose and "run-report/report" in loose
    assert "release-evaluate/metrics" not in loose
    text = table(rows, outcomes, plain)
    assert "measured gate `release.fast`: passed on local, failed on dvc\n" in text
    assert f"{len(rows) - len(loose)} artifacts equal on 2 targets" in text


def test_beside_a_reading_every_other_difference_counts(graph: Graph) -> None:
    slow = verdict(latency="failed")
    other_model = [outcome("local", graph, verdict(), "a"), outcome("dvc", graph, slow, "b", **{"tune-search/package": "x"})]
    assert not _same(rows_of(graph, other_model), other_model)


@pytest.mark.parametrize("changed", [{"quality": "failed"}, {"package": "q"}, {"latency": "failed", "quality": "failed"}])
def test_a_verdict_that_differs_in_more_than_a_reading_differs(graph: Graph, changed: dict[str, str]) -> None:
    outcomes = [outcome("local", graph, verdict(), "a"), outcome("kfp", graph, verdict(**changed), "b")]
    assert not unlike_readings(outcomes)
    assert not _same(rows_of(graph, outcomes), outcomes)


def test_a_target_that_tells_no_verdict_is_compared_by_digest(graph: Graph) -> None:
    silent = Outcome("other", False, outcome("other", graph, verdict(), "b").artifacts)
    outcomes = [outcome("local", graph, verdict(), "a"), silent]
    assert not unlike_readings(outcomes) and not _same(rows_of(graph, outcomes), outcomes)
