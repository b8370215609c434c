"""The kill-and-resume command on the toy project: it passes on a sound run, and says so when digests differ."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.crash.kill_run import Trial, digests, kill_and_resume

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "killed").mkdir()
    return Trial([sys.executable, "-m", "tests.crash.toy_command"], tmp_path / "killed")


@pytest.fixture
def whole(trial: Trial, tmp_path: Path) -> tuple[dict[str, str], float]:
    (tmp_path / "whole").mkdir()
    started = time.monotonic()
    assert Trial(trial.command, tmp_path / "whole").start().wait() == 0
    return digests(tmp_path / "whole"), time.monotonic() - started


def test_kills_change_nothing(trial: Trial, whole: tuple[dict[str, str], float]) -> None:
    expected, seconds = whole
    assert len(expected) == 6
    assert kill_and_resume(trial, expected, kills=8, seconds=seconds, seed=3) == []


def test_a_difference_is_reported(trial: Trial, whole: tuple[dict[str, str], float]) -> None:
    expected, seconds = whole
    wrong = {**expected, "a-write/file": "0" * 64}
    assert any("a-write/file" in problem for problem in kill_and_resume(trial, wrong, kills=1, seconds=seconds, seed=1))
