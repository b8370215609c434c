"""C1: killed before or after any file operation, a run resumes to what an uninterrupted one gives, and redoes one stage at most."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlspec.runtime.faults import Fault
from tests.crash.toy import check_store, complete_stages, outputs, run_toy, run_with_fault


def _operations(root: Path) -> int:
    """How many file operations an uninterrupted run makes."""
    fault = Fault("kill-before", 1_000_000)
    assert run_with_fault(root, fault) == 0
    return fault.counter.value


def _kill(tmp_path: Path, action: str, *, kill_runner: bool, every: int = 1) -> None:
    expected = outputs(run_toy(tmp_path / "whole"))
    total = _operations(tmp_path / "counted")
    assert 150 <= total <= 600
    for nth in range(1, total + 1, every):
        root = tmp_path / "killed"
        status = run_with_fault(root, Fault(action, nth), kill_runner=kill_runner)
        if kill_runner:
            assert status == -9, f"operation {nth}: the run ended with {status}"
        complete = complete_stages(root)
        resumed = run_toy(root)
        assert resumed.exit_code == 0 and outputs(resumed) == expected, f"operation {nth}"
        assert set(resumed.names("reused")) == complete, f"operation {nth}: a complete stage ran again"
        check_store(root)
        shutil.rmtree(root)


def test_kill_before_every_eleventh_operation(tmp_path: Path) -> None:
    """A sample; the slow tests take them all."""
    _kill(tmp_path, "kill-before", kill_runner=True, every=11)


@pytest.mark.slow
def test_kill_before_each_operation(tmp_path: Path) -> None:
    _kill(tmp_path, "kill-before", kill_runner=True)


@pytest.mark.slow
def test_kill_after_each_operation(tmp_path: Path) -> None:
    _kill(tmp_path, "kill-after", kill_runner=True)


@pytest.mark.slow
def test_kill_only_the_process_that_operates(tmp_path: Path) -> None:
    _kill(tmp_path, "kill-before", kill_runner=False)


def test_the_kill_is_real(tmp_path: Path) -> None:
    """A run that is killed halfway has not made everything: the loop above does not pass by doing nothing."""
    total = _operations(tmp_path / "counted")
    assert run_with_fault(tmp_path / "killed", Fault("kill-before", total // 2)) == -9
    assert 0 < len(complete_stages(tmp_path / "killed")) < 6
