"""The kill-and-resume command on the toy project: it passes on a sound run, and says so when digests differ."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mlspec.graph import Graph, Stage
from tests.crash.kill_run import Trial, Whole, differences, kill_and_resume, newest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "killed").mkdir()
    return Trial([sys.executable, "-m", "tests.crash.toy_command"], tmp_path / "killed")


@pytest.fixture
def whole(trial: Trial, tmp_path: Path) -> Whole:
    (tmp_path / "whole").mkdir()
    assert Trial(trial.command, tmp_path / "whole").start().wait() == 0
    return newest(tmp_path / "whole")


def test_kills_change_nothing(trial: Trial, whole: Whole) -> None:
    assert len(whole.digests) == 6
    assert kill_and_resume(trial, whole, kills=8, seed=3) == []


def test_a_difference_is_reported(trial: Trial, whole: Whole) -> None:
    wrong = Whole({**whole.digests, "a-write/file": "0" * 64}, whole.seconds)
    assert any("a-write/file" in problem for problem in kill_and_resume(trial, wrong, kills=1, seed=1))


def test_a_measured_gate_may_turn_and_others_may_not(capsys: pytest.CaptureFixture[str]) -> None:
    stages = [
        Stage("m-evaluate", "evaluate", "m"),
        Stage("g-verdict", "verdict", "g", {}, {"metrics": "m-evaluate/metrics"}),
        Stage("run-card", "card", "run", {}, {"verdict.g": "g-verdict/verdict"}),
    ]
    graph = Graph("s", "d", {stage.id: stage for stage in stages})
    digests = {"m-evaluate/metrics": "1", "g-verdict/verdict": "2", "run-card/card": "3"}
    gates = {"g.fast": {"passed": True, "load": 50.0}, "g.useful": {"passed": True, "value": 0.5}}
    whole = Whole(digests, {}, gates, graph)
    turned = Whole(
        {**digests, "g-verdict/verdict": "x", "run-card/card": "y"},
        {},
        {**gates, "g.fast": {"passed": False, "load": 50.0}},
        graph,
    )
    assert differences(whole, whole, 0) == [] and differences(whole, turned, 0) == []
    assert "g.fast" in capsys.readouterr().out
    assert len(differences(whole, Whole({**digests, "run-card/card": "y"}, {}, gates, graph), 0)) == 1
    other = Whole(
        {**turned.digests, "m-evaluate/metrics": "z"}, {}, {**turned.gates, "g.useful": {"passed": True, "value": 0.6}}, graph
    )
    assert len(differences(whole, other, 0)) == 2
