"""`clean` removes what no kept run needs, and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlspec.cli import exits, main


def stored(root: Path, number: int, keys: dict[str, str], *, passed: bool = True, done: bool = True, **said: Any) -> None:
    """Leave behind what a run leaves: `keys` maps a key to the digest of its artifact, `said` is more of its summary."""
    state = root / ".mlspec"
    run = state / "runs" / f"{number:06d}"
    run.mkdir(parents=True)
    for folder in ("stages", "artifacts", "tmp"):
        (state / "store" / folder).mkdir(parents=True, exist_ok=True)
    for key, digest in keys.items():
        (state / "store" / "stages" / f"{key}.json").write_text(json.dumps({"outputs": {"x": {"digest": digest}}}))
        (state / "store" / "artifacts" / digest).mkdir(exist_ok=True)
        (state / "store" / "artifacts" / digest / "file").write_text("x" * 100)
    if done:
        stages = {f"s{place}": {"key": key} for place, key in enumerate(keys)}
        summary = {"spec": "demo", "env": None, "passed": passed, "stages": stages, "verdicts": {"release": {"passed": passed}}}
        (run / "summary.json").write_text(json.dumps(summary | said))


def left(root: Path) -> tuple[set[str], set[str], set[str]]:
    """(runs, keys, artifacts) that are still there."""
    state = root / ".mlspec"
    return (
        {path.name for path in (state / "runs").iterdir()},
        {path.stem for path in (state / "store" / "stages").iterdir()},
        {path.name for path in (state / "store" / "artifacts").iterdir()},
    )


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mlspec.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_old_runs_go_with_what_only_they_had(root: Path) -> None:
    stored(root, 1, {"k1": "a1", "shared": "a0"})
    stored(root, 2, {"k2": "a2", "shared": "a0"})
    assert main(["clean", "--keep", "1"]) == 0
    assert left(root) == ({"000002"}, {"k2", "shared"}, {"a2", "a0"})


def test_a_dry_run_removes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(root, 1, {"k1": "a1"})
    stored(root, 2, {"k2": "a2"})
    before = left(root)
    assert main(["clean", "--keep", "1", "--dry-run"]) == 0
    assert left(root) == before
    assert "3 entries" in capsys.readouterr().out


def test_the_newest_run_that_passed_stays(root: Path) -> None:
    stored(root, 1, {"k1": "a1"})
    stored(root, 2, {"k2": "a2"}, passed=False)
    assert main(["clean", "--keep", "1"]) == 0
    assert left(root)[0] == {"000001", "000002"}


PASSED, FAILED = {"passed": True}, {"passed": False}


@pytest.mark.parametrize(
    "newer",
    [
        {"verdicts": {}, "only": ["s0"]},
        {"verdicts": {"release": FAILED, "other": PASSED}},
        {"guarded": True},
        {"spec_digest": "d2"},
    ],
    ids=["only", "block", "guarded", "edited"],
)
def test_what_is_served_stays_whatever_else_passed_since(root: Path, newer: dict[str, Any]) -> None:
    """A run of one stage decides no gates, another block's verdict and a guarded run release nothing of this one."""
    stored(root, 1, {"k1": "a1"}, spec_digest="d1")
    stored(root, 2, {"k2": "a2"}, **{"spec_digest": "d1", **newer})
    stored(root, 3, {"k3": "a3"}, **{"spec_digest": "d1", **newer})
    assert main(["clean", "--keep", "1"]) == 0
    runs, _, artifacts = left(root)
    assert "000001" in runs and "a1" in artifacts and "000003" in runs


def test_a_release_that_was_fetched_stays_though_its_run_is_not_whole(root: Path) -> None:
    stored(root, 1, {"k1": "a1"}, passed=False, verdicts={"release": PASSED}, target="elsewhere")
    stored(root, 2, {"k2": "a2"}, passed=False)
    assert main(["clean", "--keep", "1"]) == 0
    assert left(root)[0] == {"000001", "000002"}


def test_what_a_cut_off_run_completed_stays(root: Path) -> None:
    from mlspec.runtime.journal import Journal

    stored(root, 1, {"k1": "a1"}, done=False)
    with Journal(root / ".mlspec" / "runs" / "000001" / "journal.jsonl") as journal:
        journal.append({"event": "run", "keys": {"s": "k1"}})
    assert main(["clean", "--keep", "1"]) == 0
    assert left(root) == ({"000001"}, {"k1"}, {"a1"})


def test_a_running_project_is_left_alone(root: Path) -> None:
    from mlspec.runtime.lock import RunLock

    stored(root, 1, {"k1": "a1"})
    stored(root, 2, {"k2": "a2"})
    with RunLock(root / ".mlspec" / "run.lock"):
        assert main(["clean", "--keep", "1"]) == exits.LOCKED
    assert left(root)[0] == {"000001", "000002"}


def test_nothing_to_do(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean"]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"
    assert main(["clean", "--keep", "0"]) == exits.USAGE


def test_runs_of_other_targets_are_kept_as_many_as_are_asked_for(tmp_path: Path) -> None:
    """By number where `mlspec run` made them, by what changed last where Airflow did; a store stays."""
    (tmp_path / "mlspec.toml").write_text("")
    state = tmp_path / ".mlspec"
    for number in range(1, 12):
        (state / "kfp" / "runs" / f"{number:06d}" / "outputs").mkdir(parents=True)
    for age, name in enumerate(("new", "middle", "old")):
        ended = state / "airflow" / "runs" / "shop" / name / "ended"
        ended.mkdir(parents=True)
        for path in (ended, ended.parent):
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
    (state / "airflow" / "store" / "stages").mkdir(parents=True)
    assert main(["clean", str(tmp_path), "--keep", "2", "--dry-run"]) == 0
    assert len([*(state / "kfp" / "runs").iterdir()]) == 11
    assert main(["clean", str(tmp_path), "--keep", "2"]) == 0
    assert sorted(path.name for path in (state / "kfp" / "runs").iterdir()) == ["000010", "000011"]
    assert sorted(path.name for path in (state / "airflow" / "runs" / "shop").iterdir()) == ["middle", "new"]
    assert (state / "airflow" / "store" / "stages").is_dir()
