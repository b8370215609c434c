"""Every file operation of the runtime: atomic writes, published folders, verified reads.

All of them go through `operations`, one callable per system call, so that a test can count them, make the Nth one fail or
kill the process before or after it. An OSError leaves this module as a StageError MLS809 that names the path.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from mlspec.graph.canonical import canonical_bytes
from mlspec.runtime.errors import StageError

TEMPORARY = ".mlspec-tmp"
_CHUNK = 1 << 20
_T = TypeVar("_T")


def _run(name: str, path: str, action: Callable[[], Any]) -> Any:
    return action()


operations: Callable[[str, str, Callable[[], Any]], Any] = _run
"""Performs one system call, given its name, the path and the call itself. Tests put their own here."""


def _perform(name: str, path: Path | str, action: Callable[[], _T]) -> _T:
    try:
        result: _T = operations(name, str(path), action)
    except OSError as error:
        raise io_error(error, path, name) from error
    return result


_WAYS_OUT = {
    errno.ENOSPC: "free some space on that disk (`mlspec clean` removes what no run needs), then run again",
    errno.EDQUOT: "free some of your quota (`mlspec clean` removes what no run needs), then run again",
    errno.EACCES: "give this user the right to it, then run again",
    errno.EPERM: "give this user the right to it, then run again",
    errno.EROFS: "the disk is mounted read-only: run in a writable folder",
    errno.EMFILE: "raise the limit of open files (`ulimit -n`), then run again",
    errno.ENFILE: "close other programs or raise the system's limit of open files, then run again",
    errno.ENOENT: "put it back, then run again",
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`), then run again",
}


def io_error(error: OSError, path: Path | str, doing: str) -> StageError:
    """The StageError of a failed system call; exit status 74."""
    number = error.errno or 0
    reason = os.strerror(number) if number else str(error)
    return StageError(
        "MLS809",
        f"cannot {doing} `{path}`: {reason}",
        found=f"{errno.errorcode.get(number, 'OSError')} ({reason})",
        help=_WAYS_OUT.get(number, "what was stored before is intact: clear the cause, then run again"),
    )


def write_bytes(path: Path, data: bytes) -> None:
    """Replace the file `path` by `data`, all of it or nothing: temporary file beside it, fsync, rename, fsync of the folder."""
    _replace(path, [data])


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        _write_new(temporary, parts)
        _perform("rename", path, lambda: temporary.rename(path))
    except StageError:
        # The first error is the one to report; what cannot be removed now is swept by the next run.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of text in UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """`write_bytes` of canonical JSON."""
    write_bytes(path, canonical_bytes(value))


def _write_new(path: Path, parts: Iterable[bytes]) -> None:
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC
    descriptor = _perform("open", path, lambda: os.open(path, flags, 0o666))
    try:
        for data in parts:
            _write_all(descriptor, path, data)
        _perform("fsync", path, lambda: os.fsync(descriptor))
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, path: Path, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        part = rest
        rest = rest[_perform("write", path, lambda part=part: os.write(descriptor, part)) :]  # type: ignore[misc]


def open_append(path: Path) -> int:
    """A descriptor to append to `path` with; the file's name is on the disk when this returns."""
    fresh = not path.exists()
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
    descriptor = _perform("open", path, lambda: os.open(path, flags, 0o666))
    if fresh:
        sync_folder(path.parent)
    return descriptor


def open_read(path: Path) -> int:
    """A descriptor to read `path` with, or to hold a lock on it that keeps writers out."""
    return _perform("open", path, lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def append(descriptor: int, path: Path, data: bytes, *, sync: bool = True) -> None:
    """Append `data` in as few writes as the system allows; with `sync` it is on the disk when this returns."""
    _write_all(descriptor, path, data)
    if sync:
        _perform("fsync", path, lambda: os.fsync(descriptor))


def open_lock(path: Path) -> int:
    """A descriptor of the file to lock, made when missing and never replaced: a lock belongs to the file, not to its name."""
    return _perform("open", path, lambda: os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666))


def write_owner(descriptor: int, path: Path, pid: int) -> None:
    """Put the owner's process id into a lock file: for people to read, so it is not synced."""
    _perform("truncate", path, lambda: os.ftruncate(descriptor, 0))
    _perform("write", path, lambda: os.pwrite(descriptor, f"{pid}\n".encode(), 0))


def truncate(path: Path, size: int) -> None:
    """Cut the file to `size` bytes: the way to drop a torn last record."""
    _perform("truncate", path, lambda: os.truncate(path, size))


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = _perform("open", folder, lambda: os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    try:
        _perform("fsync", folder, lambda: os.fsync(descriptor))
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    descriptor = _perform("open", path, lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    try:
        _perform("fsync", path, lambda: os.fsync(descriptor))
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> Path:
    """The folder, made with its parents where missing."""
    if not folder.is_dir():
        _perform("create", folder, lambda: folder.mkdir(parents=True, exist_ok=True))
    return folder


def make_new_folder(folder: Path) -> bool:
    """Make a folder that nobody else made; whether there was none."""
    try:
        _perform("create", folder, folder.mkdir)
    except StageError as error:
        if isinstance(error.__cause__, FileExistsError):
            return False
        raise
    return True


def publish_folder(source: Path, target: Path) -> None:
    """Give the finished folder `source` the name `target`, which must not exist: all of its files are on the disk before."""
    for path in [*files_of(source)]:
        _sync_file(path)
    for folder in sorted({path.parent for path in files_of(source)} | {source}, reverse=True):
        sync_folder(folder)
    _perform("rename", target, lambda: source.rename(target))
    sync_folder(target.parent)


def publish_file(source: Path, target: Path) -> bool:
    """Give the finished file `source` the name `target` unless a file has it already; whether it was given."""
    _sync_file(source)
    try:
        _perform("link", target, lambda: os.link(source, target))
    except StageError as error:
        if isinstance(error.__cause__, FileExistsError):
            return False
        raise
    finally:
        remove_tree(source)
    sync_folder(target.parent)
    return True


def rename(source: Path, target: Path) -> None:
    """Give a file or folder another name on the same disk."""
    _perform("rename", target, lambda: source.rename(target))


def copy_file(source: Path, target: Path) -> None:
    """Copy one file atomically, a piece at a time: it may be larger than memory."""
    with _perform("read", source, lambda: source.open("rb", buffering=0)) as file:
        _replace(target, iter(lambda: _perform("read", source, lambda: os.read(file.fileno(), _CHUNK)), b""))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file."""
    return _perform("read", path, path.read_bytes)


def read_from(path: Path, start: int) -> bytes:
    """The bytes of a file from `start` on."""
    with _perform("read", path, lambda: path.open("rb", buffering=0)) as file:
        file.seek(start)
        return _perform("read", path, file.readall)


def read_json(path: Path) -> Any:
    """The JSON value in a file; MLS808 when it does not parse, since the runtime wrote it whole."""
    data = read_bytes(path)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StageError(
            "MLS808", f"`{path}` is corrupt: it is not JSON", expected="JSON as mlspec wrote it", found=str(error)[:200],
            help="restore it from a backup, or remove it to have it made again",
        ) from None  # fmt: skip


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex, read as a stream."""
    return _perform("read", path, lambda: _digest(path))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        size = os.fstat(file.fileno()).st_size
        buffer = memoryview(bytearray(min(_CHUNK, size + 1)))
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.hexdigest()


def files_of(folder: Path) -> Iterator[Path]:
    """Every plain file below `folder`, in the order of relative paths; anything else there is refused."""
    for entry in sorted(_perform("list", folder, lambda: list(os.scandir(folder))), key=lambda found: found.name):
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from files_of(path)
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            raise StageError(
                "MLS808", f"`{path}` is no plain file", expected="files and folders only", found="a link or a device",
                help="an artifact holds plain files: remove it",
            )  # fmt: skip


def sha256_files(folder: Path) -> dict[str, str]:
    """{relative path: SHA-256} of every file below `folder`."""
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files_of(folder)}


def remove_tree(path: Path) -> None:
    """Remove a file or folder with all it holds; nothing happens when it is gone already."""
    if path.is_dir() and not path.is_symlink():
        import shutil  # a run that reuses everything removes no folder and need not pay for this

        _perform("remove", path, lambda: shutil.rmtree(path))
    else:
        _perform("remove", path, lambda: path.unlink(missing_ok=True))


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files that killed writers left below `folder`, and say which."""
    stale = sorted(folder.rglob(f"*{TEMPORARY}"))
    for path in stale:
        remove_tree(path)
    return stale


if "MLSPEC_FILE_FAULT" in os.environ:  # a test of the whole program asks for a fault in this process and its children
    from mlspec.runtime.faults import from_environment

    operations = from_environment(os.environ["MLSPEC_FILE_FAULT"])
