"""`mlspec check --watch`: what files hold decides, whatever their times say and however an editor writes them."""

from __future__ import annotations

import argparse
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "tests/cases/errors/MLS501/good.mlspec").read_text()
BAD = GOOD.replace("parts.train", "parts.trian", 1)
MORE = GOOD.replace("mlspec 2026.1\n", 'mlspec 2026.1\n\nuse "./shared.mlspec" as shared\n', 1)
SHARED = "mlspec 2026.1\n\nparam horizon: duration = 90d\n"


class Watch:
    """The command at work; `next` is what it prints for one check."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        words = [sys.executable, "-m", "mlspec", "check", "--watch", *arguments]
        # A shell that starts the tests in the background ignores Ctrl-C, and children inherit that: a terminal's does not.
        self.process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))  # fmt: skip
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def next(self, seconds: float = 30) -> str:
        """All that is said of the next check."""
        said, end = "", time.monotonic() + seconds
        while "Ctrl-C ends\n" not in said:
            line = self.lines.get(timeout=max(0.1, end - time.monotonic()))
            assert line, f"it ended: {said}"
            said += line
        return said

    def until(self, text: str) -> str:
        """The check that says so; one of a state in between may come first."""
        for _ in range(5):
            said = self.next()
            if text in said:
                return said
        raise AssertionError(f"no {text!r}")

    def silent(self, seconds: float = 1.5) -> bool:
        try:
            return not self.lines.get(timeout=seconds)
        except queue.Empty:
            return True

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        return code


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "a.mlspec").write_text(GOOD)
    watching = Watch(tmp_path, "a.mlspec")
    assert watching.next().startswith("a.mlspec: no findings\n")
    yield watching
    if watching.process.poll() is None:
        assert watching.end() == 0
    assert watching.process.stdout is not None
    watching.process.stdout.close()


def test_a_change_is_checked_and_the_keyboard_ends_it(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").write_text(BAD)
    assert "MLS101" in watch.next()
    (tmp_path / "a.mlspec").write_text(GOOD)
    assert "no findings" in watch.next()
    assert watch.end() == 0
    assert watch.lines.get(timeout=5) == "", "nothing more is said, and no traceback"


def test_what_a_file_holds_decides_and_not_its_time_or_size(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "a.mlspec"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    assert len(BAD) == len(GOOD)
    path.write_text(BAD)
    os.utime(path, ns=times)
    assert "MLS101" in watch.next()
    path.write_text(BAD)
    path.touch()
    assert watch.silent(), "the same text is not checked again"


def test_an_editor_that_puts_another_file_in_its_place(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "a.mlspec~").write_text(BAD)
    (tmp_path / "a.mlspec").rename(tmp_path / "a.mlspec.bak")
    (tmp_path / "a.mlspec~").rename(tmp_path / "a.mlspec")
    assert "MLS101" in watch.until("MLS101")


def test_a_file_that_is_written_in_pieces(watch: Watch, tmp_path: Path) -> None:
    with (tmp_path / "a.mlspec").open("w") as file:
        for start in range(0, len(BAD), 200):
            file.write(BAD[start : start + 200])
            file.flush()
            time.sleep(0.01)
    assert "MLS101" in watch.until("MLS101")
    (tmp_path / "a.mlspec").write_bytes(b"\xff\xfe\x00 half a")
    assert "MLS007" in watch.next()
    (tmp_path / "a.mlspec").write_text(GOOD)
    assert "no findings" in watch.until("no findings")


def test_a_file_that_goes_and_comes(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").unlink()
    assert "does not exist" in watch.next()
    (tmp_path / "a.mlspec").mkdir()
    assert "no spec in the folder" in watch.next()
    (tmp_path / "a.mlspec").rmdir()
    (tmp_path / "a.mlspec").write_text(GOOD)
    assert "no findings" in watch.until("no findings")


def test_imports_are_watched_also_those_that_are_not_there(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").write_text(MORE)
    assert "MLS114" in watch.next()
    (tmp_path / "shared.mlspec").write_text(SHARED)
    said = watch.until("watching 1 spec and")
    assert "MLS114" not in said
    (tmp_path / "shared.mlspec").write_text(SHARED.replace("90d", "90x"))
    assert "MLS011" in watch.until("MLS011")
    (tmp_path / "shared.mlspec").write_text(SHARED)
    (tmp_path / "mlspec.lock").write_text("not a lock")
    assert "mlspec.lock" in watch.until("mlspec.lock")


def test_a_folder_sees_new_files(tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").write_text(GOOD)
    watch = Watch(tmp_path, ".")
    assert "a.mlspec: no findings" in watch.next()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/b.mlspec").write_text(BAD)
    assert "deep/b.mlspec:" in watch.until("MLS101")
    (tmp_path / "deep/b.mlspec").unlink()
    assert "a.mlspec: no findings" in watch.until("no findings")
    assert watch.end() == 0
    assert watch.process.stdout is not None
    watch.process.stdout.close()


def test_it_does_not_write(watch: Watch, tmp_path: Path) -> None:
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mlspec", "mlspec.toml"]


def test_it_only_looks(tmp_path: Path) -> None:
    (tmp_path / "a.mlspec").write_text(BAD)
    done = subprocess.run(
        [sys.executable, "-m", "mlspec", "check", "--watch", "--fix", "a.mlspec"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "`--watch` only looks" in done.stderr


def test_only_what_reads_a_change_is_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlspec.cli import watch as module
    from mlspec.cli.dispatch import parser_of

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "shared.mlspec").write_text(SHARED.replace("\n\n", '\n\nspec shared {\n  owner = "team-a"\n}\n\n', 1))
    for name in ("a", "b"):
        (tmp_path / f"{name}.mlspec").write_text(GOOD)
    (tmp_path / "c.mlspec").write_text(MORE)
    checked: list[str] = []
    plain = module.check_one

    def counting(options: argparse.Namespace, path: str, **others: object) -> object:
        checked.append(path)
        return plain(options, path, **others)

    monkeypatch.setattr(module, "check_one", counting)
    from mlspec.cli import check

    watcher = module._Watcher(parser_of("check", check).parse_args(["--watch", "."]))

    def looked() -> set[str]:
        checked.clear()
        watcher.look()
        return set(checked)

    assert looked() == {"a.mlspec", "b.mlspec", "c.mlspec", "shared.mlspec"}
    assert looked() == set()
    (tmp_path / "b.mlspec").write_text(BAD)
    assert looked() == {"b.mlspec"}
    (tmp_path / "shared.mlspec").write_text(SHARED)
    assert looked() == {"c.mlspec", "shared.mlspec"}
    (tmp_path / "mlspec.toml").write_text("[policy]\n")
    assert looked() == {"a.mlspec", "b.mlspec", "c.mlspec", "shared.mlspec"}
    assert "MLS101" in capsys.readouterr().out
