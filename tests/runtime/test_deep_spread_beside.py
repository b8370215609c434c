"""What a stage keeps for the workers of a cluster goes with it, or where it was killed with the next one and with `mlspec clean`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.runtime.deep.spread.beside import left_by_the_dead, own_folder
from mlspec.runtime.lock import alone

KILLED = """
import os, signal, sys
from pathlib import Path
from mlspec.runtime.deep.spread.beside import own_folder
from mlspec.runtime.lock import alone

resume = Path(sys.argv[1])
with alone(resume), own_folder(resume) as folder:
    (folder / "inputs").mkdir()
    (folder / "inputs" / "rows.parquet").write_bytes(b"x" * 100)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stage that was killed at work, with a state of its training."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").touch()
    folder = tmp_path / ".mlspec" / "store" / "resume" / "net-train"
    (folder / "0123456789abcdef").mkdir(parents=True)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr
    assert len([*folder.iterdir()]) == 2, "it left its folder"
    return folder


def test_the_next_stage_removes_what_a_killed_one_left(resume: Path) -> None:
    with alone(resume), own_folder(resume) as folder:
        assert sorted(resume.iterdir()) == [resume / "0123456789abcdef", folder]
    assert [*resume.iterdir()] == [resume / "0123456789abcdef"]


def test_clean_removes_what_a_killed_stage_left(resume: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "--dry-run"]) == 0
    assert len(left_by_the_dead(resume.parent)) == 1
    assert main(["clean"]) == 0
    assert capsys.readouterr().out.startswith("1 entries, 0.0 MiB would go")
    assert [*resume.iterdir()] == [resume / "0123456789abcdef"]


def test_clean_leaves_what_a_stage_at_work_has(resume: Path) -> None:
    """A target's task holds no lock of the project, but the folder of its stage."""
    with alone(resume):
        assert main(["clean"]) == 0
        assert len([*resume.iterdir()]) == 2
    assert main(["clean"]) == 0
    assert len([*resume.iterdir()]) == 1
