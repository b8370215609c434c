"""C3 and C8: a fault while recovering from another, and limits that the system sets."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.faults import Fault
from tests.crash.toy import check_store, in_child, outputs, run_toy, run_with_fault


def _pairs(tmp_path: Path, number: int, seed: int) -> None:
    expected = outputs(run_toy(tmp_path / "whole"))
    chance = random.Random(seed)
    for _ in range(number):
        root = tmp_path / "twice"
        first, second = chance.randint(1, 330), chance.randint(1, 200)
        run_with_fault(root, Fault(chance.choice(["kill-before", "kill-after", "EIO"]), first))
        run_with_fault(root, Fault(chance.choice(["kill-before", "kill-after", "ENOSPC"]), second))
        resumed = run_toy(root)
        assert resumed.exit_code == 0 and outputs(resumed) == expected, f"operations {first}, then {second}"
        check_store(root)
        shutil.rmtree(root)


def test_a_fault_during_recovery(tmp_path: Path) -> None:
    _pairs(tmp_path, 15, seed=1)


@pytest.mark.slow
def test_many_faults_during_recovery(tmp_path: Path) -> None:
    _pairs(tmp_path, 500, seed=2)


def _exit(root: Path) -> int:
    try:
        return run_toy(root).exit_code
    except StageError as error:
        return 74 if error.code == "MLS809" else 98


@pytest.mark.parametrize("limit", [0, 40, 1000, 2500])
def test_a_limit_on_file_size(tmp_path: Path, limit: int) -> None:
    def limited() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return _exit(tmp_path / "limited")

    assert in_child(limited) == 74
    assert outputs(run_toy(tmp_path / "limited")) == outputs(run_toy(tmp_path / "whole"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)]).returncode:
        pytest.skip("a small disk needs the right to mount one")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("free_pages", [0, 1, 3, 9, 15])
def test_a_full_disk(tmp_path: Path, small_disk: Path, free_pages: int) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 4096 * (64 - free_pages))
    assert in_child(lambda: _exit(small_disk / "project")) == 74
    filler.unlink()
    assert outputs(run_toy(small_disk / "project")) == outputs(run_toy(tmp_path / "whole"))
