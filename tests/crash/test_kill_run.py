"""The kill-and-resume command on the toy project: it passes on a sound run, and says so when digests differ."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.crash.kill_run import Trial, Whole, kill_and_resume, newest

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
