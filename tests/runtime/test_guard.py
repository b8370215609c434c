"""What `--guard` holds a stage to: time, memory, attempts, a GPU; and that it dies with who started it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlspec.graph import Graph, Resources, Stage, write_plan
from mlspec.runtime.devices import gpus, is_of_kind, require_devices
from mlspec.runtime.errors import SeveralErrors, StageError, error_from_json

PROGRAM = """\
import sys, time
from pathlib import Path
from mlspec.graph import Resources, Stage
from mlspec.runtime.errors import StageError
from mlspec.runtime.guard import guarded

place = Path(sys.argv[1])

def work():
    with (place / "attempts").open("a") as file:
        file.write("x")
    {body}

try:
    guarded(Stage("a-write", "write", "a", {{}}, {{}}, {{"file": "json"}}, resources=Resources({resources})), work)
except StageError as error:
    sys.exit(f"{{error.code}} {{error.message}}")
"""


def guarded(tmp_path: Path, body: str, resources: str) -> tuple[subprocess.CompletedProcess[str], int]:
    """The program's end, and how often the work was begun."""
    command = [sys.executable, "-c", PROGRAM.format(body=body, resources=resources), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done, len((tmp_path / "attempts").read_text())


def test_work_without_limits_is_done_once(tmp_path: Path) -> None:
    done, attempts = guarded(tmp_path, "pass", "")
    assert (done.returncode, attempts) == (0, 1)


def test_a_stage_that_runs_past_its_limit_is_ended(tmp_path: Path) -> None:
    done, attempts = guarded(tmp_path, "time.sleep(60)", "time_limit=0.5")
    assert attempts == 1 and "MLS810" in done.stderr and "time limit of 0.5 s" in done.stderr


def test_what_fails_is_tried_again_as_often_as_the_plan_says(tmp_path: Path) -> None:
    done, attempts = guarded(tmp_path, "raise StageError('MLS801', 'no luck', 'a')", "retry=2")
    assert attempts == 3 and "MLS801 no luck" in done.stderr and done.stderr.count("once more") == 2


def test_the_second_attempt_may_succeed(tmp_path: Path) -> None:
    body = "if (place / 'attempts').stat().st_size < 2: raise StageError('MLS801', 'no luck')"
    done, attempts = guarded(tmp_path, body, "retry=2")
    assert (done.returncode, attempts) == (0, 2)


@pytest.mark.parametrize("code", ["MLS815", "MLS808", "MLS812"])
def test_what_cannot_be_mended_is_not_tried_again(tmp_path: Path, code: str) -> None:
    done, attempts = guarded(tmp_path, f"raise StageError('{code}', 'final')", "retry=5")
    assert attempts == 1 and f"{code} final" in done.stderr


def test_a_bug_is_shown_and_ends_with_70(tmp_path: Path) -> None:
    done, attempts = guarded(tmp_path, "1 / 0", "retry=5")
    assert (done.returncode, attempts) == (70, 1) and "ZeroDivisionError" in done.stderr


def test_a_killed_attempt_says_the_signal(tmp_path: Path) -> None:
    done, attempts = guarded(tmp_path, "import os; os.kill(os.getpid(), 9)", "retry=1")
    assert attempts == 2 and "MLS810" in done.stderr and "SIGKILL" in done.stderr


def test_memory_is_held_to(tmp_path: Path) -> None:
    done, _ = guarded(tmp_path, "bytearray(2**31)", "memory=2**29")
    assert done.returncode != 0 and "MemoryError" in done.stderr


def test_the_stage_dies_with_who_started_it(tmp_path: Path) -> None:
    """The caller, killed with no chance to say anything, leaves no orphan."""
    body = "import os; (place / 'pid').write_text(str(os.getpid())); time.sleep(60)"
    inner = [sys.executable, "-c", PROGRAM.format(body=body, resources="retry=1"), str(tmp_path)]
    caller = subprocess.Popen([sys.executable, "-c", f"import subprocess; subprocess.run({inner!r})"])
    end = time.monotonic() + 30
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    pid = int((tmp_path / "pid").read_text())
    while _runs(pid):
        assert time.monotonic() < end, "it lives on"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def with_driver(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """A driver's command that says this."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{said}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_gpu_is_looked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_driver(tmp_path, monkeypatch, "echo 'NVIDIA H100 80GB HBM3'")
    assert gpus() == ["NVIDIA H100 80GB HBM3"]
    require_devices(Stage("a-write", "write", "a", resources=Resources(gpu="h100")))
    with pytest.raises(StageError, match="a100") as caught:
        require_devices(Stage("a-write", "write", "a", resources=Resources(gpu="a100")))
    assert (caught.value.code, caught.value.where) == ("MLS704", "a.gpu")


@pytest.mark.parametrize("said", ["exit 9", "echo; exit 0"])
def test_a_driver_without_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    with_driver(tmp_path, monkeypatch, said)
    assert gpus() == []
    with pytest.raises(StageError, match="none"):
        require_devices(Stage("a-write", "write", "a", resources=Resources(gpu="h100")))


def test_as_many_as_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_driver(tmp_path, monkeypatch, "echo 'NVIDIA A100-SXM4-80GB'; echo 'NVIDIA A100-SXM4-80GB'; echo 'Tesla T4'")
    require_devices(Stage("a-write", "write", "a", resources=Resources(gpus=3)))
    require_devices(Stage("a-write", "write", "a", resources=Resources(gpu="nvidia-a100-80gb", gpus=2)))
    for asked, where in ((Resources(gpu="nvidia-a100-80gb", gpus=3), "a.gpu"), (Resources(gpus=4), "a.strategy")):
        with pytest.raises(StageError) as caught:
            require_devices(Stage("a-write", "write", "a", resources=asked))
        assert (caught.value.code, caught.value.where) == ("MLS704", where)


@pytest.mark.parametrize(
    ("name", "kind", "fits"),
    [
        ("NVIDIA A100-SXM4-80GB", "nvidia-a100-80gb", True), ("NVIDIA A100-SXM4-40GB", "nvidia-a100-80gb", False),
        ("NVIDIA A100 80GB PCIe", "NVIDIA-A100-80GB-PCIe", True), ("Tesla T4", "nvidia-t4", True), ("NVIDIA H200", "nvidia-h200-141gb", True),
        ("NVIDIA L40S", "nvidia-l4", False), ("NVIDIA A10G", "nvidia-a10", False), ("NVIDIA A100-SXM4-80GB", "nvidia-a10", False),
    ],
)  # fmt: skip
def test_what_is_of_a_kind(name: str, kind: str, fits: bool) -> None:
    assert is_of_kind(name, kind) is fits


def test_shared_memory_is_looked_for() -> None:
    require_devices(Stage("a-write", "write", "a", resources=Resources(shared_memory=1)))
    with pytest.raises(StageError, match="shared memory") as caught:
        require_devices(Stage("a-write", "write", "a", resources=Resources(shared_memory=2**60)))
    assert (caught.value.code, caught.value.where) == ("MLS704", "a.shared_memory")


def test_the_command_guards_the_stage(tmp_path: Path) -> None:
    stage = Stage("a-write", "write", "a", {"text": "x"}, {}, {"file": "json"}, resources=Resources(retry=1, time_limit=60.0))
    (tmp_path / "plan.json").write_bytes(write_plan(Graph.of([stage])))
    command = [sys.executable, "-m", "mlspec.runtime", "a-write", "--plan", "plan.json", "--artifacts", "artifacts", "--guard"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "artifacts/a-write/file/manifest.json").is_file()


def test_an_error_crosses_processes_whole() -> None:
    several = SeveralErrors(
        [StageError("MLS803", "one", "a.b", examples=["row 1"]), StageError("MLS804", "two", "a.c", help="do")]
    )
    again = error_from_json(several.to_json())
    assert again.to_json() == several.to_json()
    single = StageError("MLS801", "m", "w", expected="e", found="f", help="h", examples=["x"])
    assert error_from_json(single.to_json()).to_json() == single.to_json()


def test_a_host_that_allows_less_memory_is_no_failure() -> None:
    """The bound is the lower of the spec's and the host's."""
    code = (
        "import resource; from mlspec.runtime.processes import limit_memory\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30)); limit_memory(8 << 30)\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0] >> 30); limit_memory(1 << 30)\n"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0] >> 30)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["4", "1"]
