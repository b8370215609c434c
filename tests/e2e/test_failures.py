"""What goes wrong says so: a code, a place, a way out, no traceback; and nothing that was stored is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from mlspec.runtime.lock import RunLock
from mlspec.runtime.store import Store
from tests.support.project import MLSPEC, Project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("census")]

ROWS = "name,age,fee,left\nann,31,4.5,false\nbob,47,6.0,true\ncy,x9,5.5,false\ndee,23,-1,true\n"

SPEC = """\
mlspec 2026.1

spec members {
  owner = "team-club"
}

source members {
  from = csv("data/members.csv")
  name: string @key
  age: int @range(0..120)
  fee: float @range(0..100)
  left: bool @outcome
}
"""


@pytest.fixture
def members(tmp_path: Path) -> Project:
    """A project of one source, whose file a test writes."""
    project = object.__new__(Project)
    project.folder, project.spec = tmp_path, tmp_path / "members.mlspec"
    (tmp_path / "data").mkdir()
    (tmp_path / "mlspec.toml").write_text("")
    project.spec.write_text(SPEC)
    return project


def test_a_wrong_spec_is_located(members: Project) -> None:
    members.edit("age: int @range(0..120)", "age: int @range(0..12m)")
    said = members.run()
    assert said.code == 1
    assert "MLS012" in said.text and "members.mlspec:10" in said.text


def test_a_bad_row_is_named_with_its_file_row_and_value(members: Project) -> None:
    (members.folder / "data/members.csv").write_text(ROWS)
    said = members.run()
    assert said.code == 1
    assert "MLS802" in said.text and "members.csv" in said.text and "x9" in said.text
    assert "members.mlspec:10" in said.text, "the column's line in the spec"


def test_faults_in_three_columns_are_three_findings(members: Project) -> None:
    (members.folder / "data/members.csv").write_text(ROWS.replace("dee,23,-1,true", "dee,23,-1,maybe"))
    said = members.run()
    assert said.code == 1
    for code, column, line in (("MLS802", "age", 10), ("MLS805", "fee", 11), ("MLS802", "left", 12)):
        assert f"members.mlspec:{line}:3" in said.text, column
        assert f"[{code}]" in said.text
    assert said.text.count("error[MLS80") == 3
    assert "also MLS" not in said.text


def test_a_second_run_is_refused_or_waits(members: Project) -> None:
    """The lock is held here, as another run would; `--wait` goes on when it is given back."""
    (members.folder / "data/members.csv").write_text(ROWS)
    with RunLock(Store(members.folder).state / "run.lock"):
        said = members.run()
        assert said.code == 75
        assert "[MLS811]" in said.text and "`--wait`" in said.text
        waiting = subprocess.Popen(
            [str(MLSPEC), "run", str(members.spec), "--wait"], cwd=members.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
    text = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 1 and "x9" in text, text


def test_a_missing_file_names_the_path(members: Project) -> None:
    said = members.run()
    assert said.code in (1, 74)
    assert "MLS801" in said.text and "data/members.csv" in said.text


def test_a_corrupt_artifact_is_found_and_made_again(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    before = project.digests()
    victim = project.artifact("by-chance-split", "parts") / "rows.parquet"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    said = project.run("--env", "dev")
    assert "MLS808" in said.text or "corrupt" in said.text
    assert project.states()["by-chance-split"] == "ran"
    assert project.digests() == before


def test_a_full_disk_stops_the_run_and_keeps_what_is_stored(census: Project, tmp_path: Path) -> None:
    """A tmpfs with no room left; needs the right to mount."""
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(mount)], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root: run the tests as root in a container")
    try:
        project = Project(mount / "project", "penguins")
        (mount / "ballast").write_bytes(b"x" * (shutil.disk_usage(mount).free - 64 * 1024))
        said = project.run()
        assert said.code == 74, said.text
        assert "MLS809" in said.text and ".mlspec" in said.text
        (mount / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=200m", str(mount)], check=True)
        assert project.run().code == 0
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_run_that_is_interrupted_or_terminated_goes_on(tmp_path: Path) -> None:
    """Exit code 130, a word of what is kept, no process left; and the run after it finishes without doing work twice."""
    project = Project(tmp_path / "project", "penguins")
    project.edit("set tune.trials = 3", "set tune.trials = 1")
    for number, stage in ((signal.SIGINT, "start by-chance-split"), (signal.SIGTERM, "start tune-search")):
        # Who runs the tests in the background of a shell ignores SIGINT, and children inherit that.
        with subprocess.Popen([str(MLSPEC), "run", str(project.spec), "--env", "dev"], cwd=project.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) as process:  # fmt: skip
            assert process.stdout is not None
            said = ""
            while stage not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
            started = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            said += process.communicate(timeout=60)[0]
        assert process.returncode == 130, said
        assert "interrupted" in said and "the next run goes on from there" in said and "Traceback" not in said
        assert psutil.wait_procs(started, timeout=10)[1] == []
    said = project.run("--env", "dev")
    assert said.code == 0, said.text
    states = project.states()
    assert {states[name] for name in ("penguins-seen-extract", "penguins-seen-verify", "by-chance-split")} == {"reused"}


def test_what_a_run_may_not_read_is_named(members: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A link out of the project, and something else where the state should be."""
    outside = tmp_path_factory.mktemp("outside") / "members.csv"
    outside.write_text(ROWS)
    (members.folder / "data/members.csv").symlink_to(outside)
    said = members.run()
    assert said.code in (1, 74)
    assert "MLS801" in said.text and "`data/members.csv` leaves the project" in said.text and "members.mlspec:8" in said.text
    shutil.rmtree(members.folder / ".mlspec")
    (members.folder / ".mlspec").write_text("mine")
    said = members.run()
    assert said.code == 74 and "MLS809" in said.text
    assert (members.folder / ".mlspec").read_text() == "mine"


def test_a_store_of_another_version_is_made_again_and_said(members: Project) -> None:
    """Manifests that this version does not understand are not half-believed."""
    good = "name,age,fee,left\nann,31,4.5,false\nbob,47,6.0,true\n"
    (members.folder / "data/members.csv").write_text(good)
    assert members.run().code == 0
    manifests = [*(members.folder / ".mlspec/store/stages").glob("*.json")]
    assert manifests
    for path in manifests:
        path.write_text(path.read_text().replace('"kind":', '"sort":'))
    said = members.run()
    assert said.code == 0, said.text
    assert said.text.count("MLS808") >= 1 or "runs again" in said.text, said.text
    assert set(members.states().values()) == {"ran"}


def test_odd_surroundings_change_nothing(tmp_path: Path) -> None:
    """A path with spaces and letters of the world, no home, the C locale, an odd zone, no colours, a narrow terminal."""
    project = object.__new__(Project)
    project.folder, project.spec = tmp_path / "sp ace" / "päth ✓ 年", tmp_path / "sp ace" / "päth ✓ 年" / "members.mlspec"
    (project.folder / "data").mkdir(parents=True)
    (project.folder / "mlspec.toml").write_text("")
    project.spec.write_text(SPEC)
    (project.folder / "data/members.csv").write_text("name,age,fee,left\nann,31,4.5,false\nzoë,47,6.0,true\n", encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if name not in ("HOME", "LANG", "LC_ALL", "TERM")}
    env |= {"LC_ALL": "C", "TZ": "Pacific/Kiritimati", "NO_COLOR": "1", "COLUMNS": "30"}
    said = subprocess.run(
        [str(MLSPEC), "run", str(project.spec)], cwd=project.folder, env=env, capture_output=True, timeout=300
    )
    text = (said.stdout + said.stderr).decode()
    assert said.returncode == 0 and "Traceback" not in text and "\x1b" not in text, text
    again = project.run()
    assert again.code == 0, again.text
    assert " 0 stages ran" in again.text and " 0 reused" not in again.text, again.text
