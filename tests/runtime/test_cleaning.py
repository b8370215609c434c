"""Cleaning keeps what the kept runs need, whole or cut off, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlspec_local import run_plan

from mlspec.backend import RunRequest
from mlspec.runtime.cleaning import Cleaned, clean
from mlspec.runtime.errors import StageError
from mlspec.runtime.faults import Fault
from mlspec.runtime.lock import RunLock
from tests.crash.toy import check_store, complete_stages, outputs, run_toy, run_with_fault, toy_graph


def test_only_what_no_kept_run_needs_goes(tmp_path: Path) -> None:
    run_toy(tmp_path)
    second = run_plan(RunRequest(toy_graph("other"), tmp_path, jobs=1))
    assert clean(tmp_path) == Cleaned(0, 0, 0, 0)
    would = clean(tmp_path, keep_runs=1, dry_run=True)
    assert (would.runs, would.stages, would.artifacts) == (1, 6, 6) and would.bytes > 100
    assert clean(tmp_path, keep_runs=1) == would
    check_store(tmp_path)
    again = run_plan(RunRequest(toy_graph("other"), tmp_path, jobs=1))
    assert again.names("ran") == [] and outputs(again) == outputs(second) and again.run_id == second.run_id
    assert len(run_toy(tmp_path).names("ran")) == 6


def test_what_a_killed_run_finished_is_kept(tmp_path: Path) -> None:
    assert run_with_fault(tmp_path, Fault("kill-before", 130)) == -9
    complete = complete_stages(tmp_path)
    assert complete
    clean(tmp_path)
    assert set(run_toy(tmp_path).names("reused")) == complete


def test_not_beside_a_run(tmp_path: Path) -> None:
    with RunLock(tmp_path / ".mlspec" / "run.lock"), pytest.raises(StageError) as caught:
        clean(tmp_path)
    assert caught.value.code == "MLS811"
