"""The audit log in the files of a project: `.mlspec/audit.jsonl`, and `.mlspec/audit.head` beside it.

Writers hold a kernel lock on the log itself, which is only ever appended to and never replaced. A record is on the disk before the
head names it, and the head before `append` returns. A writer that is killed between the two leaves a whole record that the next
one takes over; one killed inside a record leaves bytes that nobody was told of, and the next one cuts them off.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.audit.chain import Chain, Head, parse_head, parse_record, read_chain, record_line
from mlspec.runtime.errors import StageError
from mlspec.runtime.store import Store

LOG = "audit.jsonl"
HEAD = "audit.head"
MOST = 4 * 1024 * 1024
"""Bytes of a record: whoever appends reads the one before it. Thousands of gates that failed have room in it."""
_MANY = 32 * 1024
"""Bytes that nearly every record has room in: so many are read of the end at first."""


def now() -> str:
    """The time in UTC to the second, as records hold it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def today() -> str:
    """The day in UTC, as expiries are compared with."""
    return now()[:10]


def log_path(project_root: Path) -> Path:
    """Where the log of a project lies."""
    return Store(project_root).state / LOG


def append(project_root: Path, event: str, body: Mapping[str, Any]) -> Head:
    """Add one record and return the head with it, both on the disk. MLS822 where the end of the log is not as it was left."""
    path = log_path(project_root)
    files.make_folder(path.parent)
    for file in (path, path.with_name(HEAD)):
        _there(file)  # MLS822 for what is no file, before anything waits on it
    with _held(path) as descriptor:
        line, head = record_line(_end(path), {"event": event, "at": now(), **body})
        if len(line) > MOST:
            raise StageError(
                "MLS822", "a record of the audit log is too large", expected=f"{MOST // 1024**2} MiB at most", found=f"{len(line):,} bytes",
                help="a record names every gate that failed and every package: judge them in several `gates` blocks",
            )  # fmt: skip
        files.append(descriptor, path, line)
        files.write_bytes(path.with_name(HEAD), head.line())
        return head


def read(project_root: Path) -> Chain:
    """The chain of a project, sound or not; no log and no head is a sound one without records."""
    path = log_path(project_root)
    head = path.with_name(HEAD)
    if not _there(path):
        return read_chain(b"", files.read_bytes(head) if _there(head) else None)
    with _held(path, write=False):
        return read_chain(files.read_bytes(path), files.read_bytes(head) if _there(head) else None)


def _there(path: Path) -> bool:
    """Whether a file of the log is there; MLS822 for what is no file: a folder, a pipe that nobody writes to, a link to nothing."""
    if path.is_file():
        return True
    if not os.path.lexists(path):
        return False
    what = "a folder" if path.is_dir() else "a link to nothing" if path.is_symlink() else "a pipe or a device"
    raise broken(path, f"{what} where a file belongs")


def read_sound(project_root: Path) -> Chain:
    """The chain of a project; MLS822 when it was tampered with: nothing in it counts then."""
    chain = read(project_root)
    if not chain.sound:
        raise broken(log_path(project_root), chain.problems[0])
    return chain


def broken(path: Path, why: str) -> StageError:
    """The error of a log that is not as mlspec left it."""
    return StageError(
        "MLS822", f"the audit log `{path}` cannot be relied on", expected="an unbroken chain of records", found=why,
        help="`mlspec audit verify` says what is wrong; restore both files from a backup, or put them aside and begin a new log",
    )  # fmt: skip


@contextmanager
def _held(path: Path, *, write: bool = True) -> Iterator[int]:
    """The log, opened and locked, and not one that was put in its place meanwhile."""
    while True:
        descriptor = files.open_append(path) if write else files.open_read(path)
        try:
            _lock(descriptor, path, write)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, path: Path, write: bool) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
    except OSError as error:
        raise files.io_error(error, path, "lock") from error


def _end(path: Path) -> Head:
    """The head to append behind, after what a killed writer left was taken over or cut off."""
    size = path.stat().st_size
    beside = path.with_name(HEAD)
    if not beside.exists():
        if size == 0:
            return Head()
        return _recovered(path, None)
    data = files.read_bytes(beside)
    head = parse_head(data)
    if head is not None and head.size == size and _last(path, size) == (head.count, head.digest):
        return head
    return _recovered(path, data)


def _last(path: Path, size: int) -> tuple[int, str]:
    """The number and digest of the record that ends at `size`, (0, "") where none does."""
    reach = _MANY
    tail = files.read_from(path, max(0, size - reach))
    while reach < min(size, MOST + 1) and b"\n" not in tail[:-1]:
        reach *= 4
        tail = files.read_from(path, max(0, size - reach))
    record = parse_record(tail.rstrip(b"\n").rpartition(b"\n")[2]) if tail.endswith(b"\n") else None
    return (0, "") if record is None else (record["n"], str(record["digest"]))


def _recovered(path: Path, data: bytes | None) -> Head:
    """The head of a log whose end is not where its head says, where a killed writer explains it; MLS822 otherwise."""
    chain = read_chain(files.read_bytes(path), data)
    first = data is None and chain.head.count <= 1
    faults = [text for text in chain.problems if not text.startswith("the head file is missing") or not first]
    if faults:
        raise broken(path, faults[0])
    if chain.torn:
        files.truncate(path, chain.head.size)
    if chain.head.count > chain.counted:
        files.write_bytes(
            path.with_name(HEAD), chain.head.line()
        )  # else this writer, killed too, would leave two behind the head
    return chain.head
