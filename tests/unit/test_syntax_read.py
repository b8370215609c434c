"""Reading a spec file: only plain files inside the project, only so much, only UTF-8."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mlspec.diagnostics import Diagnostic
from mlspec.source import SourceFile
from mlspec.syntax import read_source


def refused(path: Path | str, root: Path | None = None) -> Diagnostic:
    result = read_source(path, root)
    assert isinstance(result, Diagnostic), result
    return result


def test_reads_text_without_mark_and_with_plain_newlines(tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").write_bytes(b"\xef\xbb\xbfmlspec 2026.1\r\n# x\r\n")
    source = read_source(tmp_path / "a.mlspec", name="a.mlspec")
    assert isinstance(source, SourceFile) and source.text == "mlspec 2026.1\n# x\n" and source.name == "a.mlspec"


def test_reads_inside_the_root_by_relative_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.mlspec").write_text("mlspec 2026.1\n")
    assert isinstance(read_source("sub/a.mlspec", tmp_path), SourceFile)
    assert isinstance(read_source("sub/../sub/a.mlspec", tmp_path), SourceFile)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"mlspec 2026.1\n\xff", "byte 0xff at offset 14, line 2"),
        (b"\xef\xbb\xbfab\xc0\x80", "byte 0xc0 at offset 5, line 1"),
        ("mlspec".encode("utf-16"), "UTF-16"),
        (b"\xed\xa0\x80", "byte 0xed at offset 0"),
    ],
)
def test_other_encodings_are_007(tmp_path: Path, data: bytes, found: str) -> None:
    (tmp_path / "a.mlspec").write_bytes(data)
    diagnostic = refused(tmp_path / "a.mlspec")
    assert diagnostic.code.id == "MLS007" and found in diagnostic.found


def test_a_large_sparse_file_is_005_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "a.mlspec").open("wb") as file:
        file.truncate(1 << 30)
    diagnostic = refused(tmp_path / "a.mlspec")
    assert diagnostic.code.id == "MLS005" and diagnostic.found == "1,048,576 KiB"


def test_a_file_that_grows_while_it_is_read_is_005(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mlspec").write_bytes(b"x")
    monkeypatch.setattr(os, "read", lambda fd, count: b"x" * min(count, 65_536))
    assert "growing" in refused(tmp_path / "a.mlspec").found


def test_only_plain_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        listener.bind(str(tmp_path / "socket"))
        for path, why in (("fifo", "a pipe"), ("socket", "a socket"), (".", "a folder"), ("missing", "does not exist")):
            diagnostic = refused(tmp_path / path)
            assert diagnostic.code.id == "MLS114" and why in diagnostic.message
    assert "a device" in refused("/dev/zero").message


@pytest.mark.parametrize("path", ["../out.mlspec", "/etc/hostname", "a/../../out.mlspec", ".", ""])
def test_nothing_outside_the_root(tmp_path: Path, path: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "out.mlspec").write_text("mlspec 2026.1\n")
    diagnostic = refused(path, root)
    assert diagnostic.code.id == "MLS114" and "leaves the project" in diagnostic.message


def test_no_symbolic_link_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mlspec").write_text("mlspec 2026.1\n")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "b.mlspec").symlink_to("a.mlspec")
    (tmp_path / "real" / "loop.mlspec").symlink_to("loop.mlspec")
    for path in ("link/a.mlspec", "real/b.mlspec", "real/loop.mlspec"):
        diagnostic = refused(path, tmp_path)
        assert diagnostic.code.id == "MLS114" and "symbolic link" in diagnostic.message


def test_the_state_folder_is_no_place_for_specs(tmp_path: Path) -> None:
    (tmp_path / ".mlspec").mkdir()
    (tmp_path / ".mlspec" / "a.mlspec").write_text("mlspec 2026.1\n")
    assert refused(".mlspec/a.mlspec", tmp_path).code.id == "MLS114"


def test_descriptors_are_closed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.mlspec").write_text("mlspec 2026.1\n")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        read_source("d/a.mlspec", tmp_path)
        read_source("d/none", tmp_path)
        read_source("d", tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_null_byte_in_a_path_is_no_crash(tmp_path: Path) -> None:
    assert refused("a\0b", tmp_path).code.id == "MLS114"
