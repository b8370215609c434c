"""C2: a file operation that fails, once or for good, ends the run with exit 74 and a message; later the run completes as ever."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.faults import Fault
from tests.crash.toy import check_store, in_child, outputs, run_toy, run_with_fault

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EMFILE", "EINTR")


def _operations(root: Path) -> int:
    fault = Fault("EIO", 1_000_000)
    assert run_with_fault(root, fault, kill_runner=False) == 0
    return fault.counter.value


def _fail(tmp_path: Path, faults: Iterable[tuple[str, int, bool]], expected: dict[str, str]) -> None:
    for action, nth, persistent in faults:
        root = tmp_path / "failing"
        status = run_with_fault(root, Fault(action, nth, persistent), kill_runner=False)
        assert status == 74, f"{action} at operation {nth}: exit {status}"
        resumed = run_toy(root)
        assert resumed.exit_code == 0 and outputs(resumed) == expected, f"{action} at operation {nth}"
        check_store(root)
        shutil.rmtree(root)


def test_each_operation_fails_once(tmp_path: Path) -> None:
    """Every thirteenth operation, the error changing from one to the next; the slow test below takes them all."""
    expected = outputs(run_toy(tmp_path / "whole"))
    total = _operations(tmp_path / "counted")
    _fail(tmp_path, ((ERRORS[nth % len(ERRORS)], nth, False) for nth in range(1, total + 1, 13)), expected)


def test_errors_that_stay(tmp_path: Path) -> None:
    """From some operation on, everything fails, the error's own report included."""
    expected = outputs(run_toy(tmp_path / "whole"))
    total = _operations(tmp_path / "counted")
    _fail(tmp_path, ((ERRORS[nth % len(ERRORS)], nth, True) for nth in range(1, total + 1, 17)), expected)


@pytest.mark.slow
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("action", ERRORS)
def test_every_error_at_every_operation(tmp_path: Path, action: str, persistent: bool) -> None:
    expected = outputs(run_toy(tmp_path / "whole"))
    total = _operations(tmp_path / "counted")
    _fail(tmp_path, ((action, nth, persistent) for nth in range(1, total + 1)), expected)


@pytest.mark.parametrize("nth", [1, 9])
def test_the_message_names_path_and_way_out(tmp_path: Path, nth: int) -> None:
    def action() -> int:
        files.operations = Fault("ENOSPC", nth)
        with pytest.raises(StageError) as caught:
            run_toy(tmp_path / "full")
        error = caught.value
        assert str(tmp_path / "full") in error.message and "No space left" in error.message and "free some space" in error.help
        return 0

    assert in_child(action) == 0
