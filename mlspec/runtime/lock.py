"""One run at a time in a project: a kernel lock on `.mlspec/run.lock`, which a killed owner cannot leave behind.

Forked workers inherit the lock: it is free once the last process of the run is gone, so that no orphan ever writes beside a
new run. Workers die with their parent (`mlspec.runtime.processes`), so that is a matter of milliseconds.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from mlspec.runtime import files
from mlspec.runtime.errors import StageError

_ORPHANS_DIE_WITHIN = 5.0


class RunLock:
    """The run lock of a project, taken on entry. MLS811 (exit 75) names the process that holds it, unless `wait` is set."""

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self.path = path
        self.wait = wait
        self._descriptor = -1

    def __enter__(self) -> RunLock:
        files.make_folder(self.path.parent)
        self._descriptor = files.open_lock(self.path)
        try:
            self._take()
            files.write_owner(self._descriptor, self.path, os.getpid())
        except BaseException:
            self._close()
            raise
        return self

    def _take(self) -> None:
        if self._try():
            return
        if self.wait:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            return
        deadline = time.monotonic() + _ORPHANS_DIE_WITHIN
        while not _alive(owner(self.path)) and time.monotonic() < deadline:
            time.sleep(0.01)
            if self._try():
                return
        pid = owner(self.path)
        raise StageError(
            "MLS811", f"another run holds `{self.path}`", expected="no other run in this project",
            found=f"process {pid}" if pid else "a process that has not written its id yet",
            help="wait for it (`--wait`), or end it",
        )  # fmt: skip

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Closing is not enough: a process forked from here may hold the same lock a moment longer.
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self._close()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself, which no file in it shows. What a killed caller left running there is waited for, since it dies by itself."""
    deadline = time.monotonic() + _ORPHANS_DIE_WITHIN
    while (descriptor := _held(folder)) is None:
        if time.monotonic() >= deadline:
            raise StageError(
                "MLS811", f"another process works in `{folder}`", expected="no other run of this stage", found="its lock is held",
                help="wait for it, or end it; then run again",
            )  # fmt: skip
        time.sleep(0.05)
    try:
        yield
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _held(folder: Path) -> int | None:
    """The folder, opened and locked; None while another has it, or when it was removed meanwhile: that lock keeps nobody out."""
    descriptor = os.open(files.make_folder(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), folder.stat()):
            return descriptor
    os.close(descriptor)
    return None


def is_free(folder: Path) -> bool:
    """Whether nobody holds a folder now; one on a disk that knows no locks may always be held."""
    try:
        descriptor = _held(folder)
    except (OSError, StageError):
        return False
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


@contextmanager
def held(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock file, made when missing; whether it is ours. Without `wait` it is not where somebody else has it."""
    descriptor = _locked_file(path, wait=wait)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked_file(path: Path, *, wait: bool) -> int | None:
    """The file, opened and locked. Whoever holds it may remove it: a lock on a file that lost its name keeps nobody out.

    A disk that knows no locks never says that a neighbour is dead: who waits goes on without, who asks is told that it is held.
    """
    while True:
        descriptor = files.open_lock(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if wait:
                return descriptor
            os.close(descriptor)
            return None
        with suppress(FileNotFoundError):  # removed by whom we waited for: another one is made
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def owner(path: Path) -> int | None:
    """The process id in the lock file, or None while it holds none."""
    text = files.read_bytes(path).strip() if path.exists() else b""
    return int(text) if text.isdigit() else None


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
