"""A folder that one process at a time works in, even when its holder removes it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from mlspec.runtime import files, lock
from mlspec.runtime.errors import StageError


def test_two_never_hold_a_folder_that_was_removed_and_made_again(tmp_path: Path) -> None:
    """`a` removes the folder that it holds while `b` waits for it and `c` comes later."""
    folder = files.make_folder(tmp_path / "resume")
    inside: list[str] = []
    most: list[int] = []

    def work(name: str, *, remove: bool) -> None:
        with lock.alone(folder):
            inside.append(name)
            most.append(len(inside))
            time.sleep(0.3)
            if remove:
                files.remove_tree(folder)
            inside.remove(name)

    threads = [threading.Thread(target=work, args=(name,), kwargs={"remove": name != "c"}) for name in "abc"]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join(timeout=10)
    assert most == [1, 1, 1]


def test_a_folder_that_stays_held_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_ORPHANS_DIE_WITHIN", 0.1)
    with lock.alone(tmp_path), pytest.raises(StageError) as caught, lock.alone(tmp_path):
        raise AssertionError("two held it")
    assert caught.value.code == "MLS811"
