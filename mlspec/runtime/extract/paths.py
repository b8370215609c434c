"""The data files of a source: found below the project root in path order, opened without following links, digested.

A path in a spec cannot leave the project, and what it names must be a plain file: each folder on the way is opened by
descriptor with O_NOFOLLOW, so a link put there meanwhile is refused and not followed.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlspec.graph.leaves import files_beside
from mlspec.runtime.errors import StageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a source: its path from the project root, where it lies, and what it held when the stage began."""

    name: str
    path: Path
    digest: str
    size: int
    state: tuple[int, ...]

    def to_json(self) -> dict[str, object]:
        """The record in `table.json`."""
        return {"path": self.name, "digest": self.digest, "bytes": self.size}


def find_files(root: Path, patterns: Sequence[str], where: str) -> list[DataFile]:
    """The files that the patterns match, in path order, each once; MLS801 when a pattern matches none."""
    found: dict[str, DataFile] = {}
    for pattern in patterns:
        names = sorted(_matches(root, _parts(pattern, where), where))
        if not names:
            raise _missing(root, pattern, where)
        found.update((name, _digest(root, name, where)) for name in names if name not in found)
    return [found[name] for name in sorted(found)]


def beside(root: Path, data: Sequence[DataFile], kind: str, where: str) -> list[DataFile]:
    """What the databases among the files keep beside them: a log with rows that are not in the main file yet."""
    return [_digest(root, name, where) for file in data for name in files_beside(root, file.name, kind)]


def check_unchanged(data: Sequence[DataFile], where: str) -> None:
    """MLS801 when a file was written to, or replaced, since its digest was taken."""
    for file in data:
        if _state(file.path.lstat()) != file.state:
            raise StageError(
                "MLS801", f"the file `{file.name}` changed while it was read", where,
                expected="a file that stays as it is during the run", found="another content", help="run again when its writer is done",
            )  # fmt: skip


def _parts(pattern: str, where: str) -> list[str]:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if pattern.startswith("/") or ".." in parts or "\0" in pattern or not parts:
        raise StageError(
            "MLS114", f"the path `{pattern}` leaves the project", where,
            expected="a path below the project root", found=pattern, help="copy the file into the project",
        )  # fmt: skip
    return parts


def _matches(root: Path, parts: list[str], where: str) -> Iterator[str]:
    """Names that match, walking one level at a time; a part without wildcards is taken as it is."""
    levels = [""]
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        levels = [name for level in levels for name in _level(root, level, part, last, where)]
    yield from levels


def _level(root: Path, folder: str, part: str, last: bool, where: str) -> Iterator[str]:
    if not _WILD & set(part):
        name = f"{folder}/{part}" if folder else part
        if os.path.lexists(root / name):
            yield name
        return
    with _open_folder(root, folder, where) as descriptor, os.scandir(descriptor) as entries:
        for entry in entries:
            hidden = entry.name.startswith(".") and not part.startswith(".")
            if hidden or not fnmatch.fnmatchcase(entry.name, part):
                continue
            if entry.is_dir(follow_symlinks=False) != last:
                yield f"{folder}/{entry.name}" if folder else entry.name


@contextmanager
def _open_folder(root: Path, folder: str, where: str) -> Iterator[int]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in [part for part in folder.split("/") if part]:
            deeper = _open(part, _FOLDER, descriptor, folder, where)
            os.close(descriptor)
            descriptor = deeper
        yield descriptor
    finally:
        os.close(descriptor)


def _open(part: str, flags: int, folder: int, name: str, where: str) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except OSError as error:
        raise StageError(
            "MLS114", f"the path `{name}` is no plain file of the project", where,
            expected="a plain file, reached through plain folders", found=os.strerror(error.errno or 0),
            help="links, devices and pipes are not followed: copy the data into the project",
        ) from error  # fmt: skip


def _digest(root: Path, name: str, where: str) -> DataFile:
    folder, _, last = name.rpartition("/")
    with _open_folder(root, folder, where) as descriptor:
        file = _open(last, _FILE, descriptor, name, where)
    with os.fdopen(file, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise StageError(
                "MLS114", f"the path `{name}` is no plain file", where, expected="a plain file", found="a folder or a device",
                help="name the file, or give a pattern such as `data/*.csv`",
            )  # fmt: skip
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return DataFile(name, root / name, digest, status.st_size, _state(status))


def _state(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _missing(root: Path, pattern: str, where: str) -> StageError:
    folder = (root / pattern).parent
    near = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    found = ", ".join(f"`{name}`" for name in near[:5]) if near else "no such folder"
    return StageError(
        "MLS801", f"no file matches `{pattern}`", where, expected="a data file below the project root",
        found=f"in that folder: {found}" if near else found, help="correct the path of `from`, or put the file there",
    )  # fmt: skip
