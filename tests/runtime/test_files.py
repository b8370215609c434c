"""The file operations: all or nothing, errors with path and way out, digests, sweeping."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlspec.runtime import files
from mlspec.runtime.errors import StageError


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []

    def record(name: str, path: str, action: Callable[[], Any]) -> Any:
        seen.append(f"{name} {Path(path).name}")
        return action()

    monkeypatch.setattr(files, "operations", record)
    return seen


def test_a_write_is_temporary_sync_rename_sync(tmp_path: Path, calls: list[str]) -> None:
    files.write_bytes(tmp_path / "a.txt", b"text")
    temporary = f".a.txt.{os.getpid()}.mlspec-tmp"
    folder = tmp_path.name
    expected = [
        f"open {temporary}",
        f"write {temporary}",
        f"fsync {temporary}",
        "rename a.txt",
        f"open {folder}",
        f"fsync {folder}",
    ]
    assert calls == expected and (tmp_path / "a.txt").read_bytes() == b"text"


def test_short_writes_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:3]))
    files.write_bytes(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


@pytest.mark.parametrize("failing", ["open", "write", "fsync", "rename"])
def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def fail(name: str, where: str, action: Callable[[], Any]) -> Any:
        if name == failing:
            raise OSError(28, "No space left on device", where)
        return action()

    monkeypatch.setattr(files, "operations", fail)
    with pytest.raises(StageError) as caught:
        files.write_bytes(path, b"new")
    assert caught.value.code == "MLS809" and "free some space" in caught.value.help and str(tmp_path) in caught.value.message
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_digests(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b").write_bytes(b"x" * 3_000_001)
    (tmp_path / "a").write_bytes(b"")
    assert files.sha256_files(tmp_path) == {
        "a": hashlib.sha256(b"").hexdigest(),
        "in/b": hashlib.sha256(b"x" * 3_000_001).hexdigest(),
    }


def test_an_artifact_holds_plain_files_only(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc/hostname")
    with pytest.raises(StageError, match="no plain file"):
        files.sha256_files(tmp_path)


def test_a_digest_of_a_folder_or_device_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        with pytest.raises(StageError) as caught:
            files.sha256_file(path)
        assert caught.value.code == "MLS809" and str(path) in caught.value.message


def test_reading_what_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        files.read_bytes(tmp_path / "none")
    assert caught.value.code == "MLS809" and "No such file" in caught.value.message
    (tmp_path / "half.json").write_text('{"a": ')
    with pytest.raises(StageError) as caught:
        files.read_json(tmp_path / "half.json")
    assert caught.value.code == "MLS808"


def test_sweep_removes_only_what_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    stale = [tmp_path / ".a.1.mlspec-tmp", tmp_path / "in" / ".b.2.mlspec-tmp"]
    for path in [*stale, tmp_path / "keep"]:
        path.write_text("x")
    assert files.sweep(tmp_path) == sorted(stale)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "keep"]


def test_publish_syncs_everything_before_the_rename(tmp_path: Path, calls: list[str]) -> None:
    source = tmp_path / "made"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "f").write_text("x")
    files.publish_folder(source, tmp_path / "named")
    rename = calls.index("rename named")
    assert {"fsync f", "fsync deep", "fsync made"} <= set(calls[:rename]) and calls[rename + 2] == f"fsync {tmp_path.name}"
    assert (tmp_path / "named" / "deep" / "f").read_text() == "x"
