"""C5, C12: kill -9 of the runner, the server or a worker leaves no orphan and a free lock; two runners never run at once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlspec_local import run_plan

from mlspec.backend import RunRequest
from mlspec.graph import Graph, Stage
from mlspec.runtime import kinds
from mlspec.runtime.errors import StageError
from mlspec.runtime.lock import RunLock
from tests.crash.toy import check_store, in_child, outputs, run_toy, toy_graph


@pytest.fixture(autouse=True)
def stage_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.FUNCTIONS, "write", "tests.crash.slow_stage:run")


def _graph(text: str) -> Graph:
    return Graph.of([Stage("a", "write", "a", {"text": text}, {}, {"file": "json"})])


def _start_run(root: Path, text: str) -> int:
    """A runner in a child; returns when its stage has written its process id."""
    root.mkdir()
    pid = os.fork()
    if pid == 0:
        try:
            # Tests that a shell starts in the background inherit an ignored Ctrl-C; a terminal's runner does not.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            run_plan(RunRequest(_graph(text), root, jobs=1))
        finally:
            os._exit(1)
    _until(lambda: (root / "a.pid").exists() and (root / "a.pid").read_text() != "")
    return pid


def _until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_killed_runner_takes_server_and_worker_along(tmp_path: Path) -> None:
    root = tmp_path / "p"
    runner = _start_run(root, "sleep 60")
    worker = int((root / "a.pid").read_text())
    server = _parent_of(worker)
    os.kill(runner, signal.SIGKILL)
    os.waitpid(runner, 0)
    with RunLock(root / ".mlspec" / "run.lock"):
        _until(lambda: _gone(worker) and _gone(server))


def test_a_killed_server_takes_the_worker_along_and_the_run_ends(tmp_path: Path) -> None:
    root = tmp_path / "p"
    runner = _start_run(root, "sleep 60")
    worker = int((root / "a.pid").read_text())
    os.kill(_parent_of(worker), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1]) == 1
    _until(lambda: _gone(worker))


def test_what_a_worker_started_ends_with_it(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    assert in_child(lambda: run_plan(RunRequest(_graph("spawn"), root, jobs=1)).exit_code) == 0
    grandchild = int((root / "a.pid").read_text())
    _until(lambda: _gone(grandchild))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_workers(number: signal.Signals, tmp_path: Path) -> None:
    root = tmp_path / "p"
    runner = _start_run(root, "sleep 60")
    worker = int((root / "a.pid").read_text())
    os.kill(runner, number)
    _until(lambda: _gone(worker), 30)  # long before its stage would end by itself
    assert os.waitstatus_to_exitcode(os.waitpid(runner, 0)[1]) == 1, "it unwound, and did not die of the signal"


def test_the_second_runner_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    root = tmp_path / "p"
    runner = _start_run(root, "sleep 60")
    try:
        with pytest.raises(StageError) as caught:
            run_plan(RunRequest(_graph("x"), root))
        assert caught.value.code == "MLS811" and caught.value.found == f"process {runner}"
    finally:
        os.kill(runner, signal.SIGKILL)
        os.waitpid(runner, 0)


def _race(root: Path, runners: int, *, wait: bool) -> list[int]:
    def one() -> int:
        try:
            return run_plan(RunRequest(toy_graph("slow"), root, jobs=1, wait=wait)).exit_code
        except StageError as error:
            return 75 if error.code == "MLS811" else 98

    children = []
    for _ in range(runners):
        pid = os.fork()
        if pid == 0:
            os._exit(one())
        children.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]


@pytest.mark.parametrize("runners", [2, 8])
def test_runners_at_once(tmp_path: Path, runners: int) -> None:
    codes = _race(tmp_path, runners, wait=False)
    assert set(codes) <= {0, 75} and 0 in codes
    check_store(tmp_path)


def test_runners_that_wait(tmp_path: Path) -> None:
    assert _race(tmp_path, 4, wait=True) == [0, 0, 0, 0]
    check_store(tmp_path)
    assert len(list((tmp_path / ".mlspec" / "runs").iterdir())) == 1


def test_the_lock_is_a_kernel_lock(tmp_path: Path) -> None:
    """Another program sees it too, and a lock file that a dead process left behind locks nothing."""
    path = tmp_path / ".mlspec" / "run.lock"
    with RunLock(path):
        assert subprocess.run(["flock", "-n", str(path), "true"]).returncode == 1
    path.write_text("999999999\n")
    with RunLock(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_digests_do_not_depend_on_jobs(tmp_path: Path) -> None:
    assert outputs(run_toy(tmp_path / "one")) == outputs(run_plan(RunRequest(toy_graph(), tmp_path / "four", jobs=4)))
