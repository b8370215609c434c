"""Append-only journals: one checksummed JSON record a line, each on the disk before `append` returns.

A process killed in the middle of an append leaves a torn last line: reading reports it, appending cuts it off. A bad line with
good ones behind it was changed by something else and is MLS808.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mlspec.graph.canonical import canonical_bytes
from mlspec.runtime import files
from mlspec.runtime.errors import StageError

_CHECK = 16


@dataclass(frozen=True)
class Records:
    """What a journal holds. `torn` is the number of bytes of a last line that was cut by a crash; `size` is what is whole."""

    records: tuple[dict[str, Any], ...]
    torn: int
    size: int


def _line(record: Mapping[str, Any]) -> bytes:
    body = canonical_bytes(record)
    return hashlib.sha256(body).hexdigest()[:_CHECK].encode() + b" " + body + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    check, _, body = line.partition(b" ")
    if hashlib.sha256(body).hexdigest()[:_CHECK].encode() != check:
        return None
    value = json.loads(body)
    return value if isinstance(value, dict) else None


def read_journal(path: Path) -> Records:
    """The records of a journal; a missing file holds none."""
    if not path.exists():
        return Records((), 0, 0)
    data = files.read_bytes(path)
    records: list[dict[str, Any]] = []
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        record = _parse(data[at:end]) if end >= 0 else None
        if record is None:
            if end >= 0 and end + 1 < len(data):
                raise _corrupt(path, len(records) + 1)
            break
        records.append(record)
        at = end + 1
    return Records(tuple(records), len(data) - at, at)


def _corrupt(path: Path, number: int) -> StageError:
    return StageError(
        "MLS808", f"record {number} of the journal `{path}` is corrupt", expected="the record's checksum",
        found="another one", help="restore the journal from a backup, or remove it to begin again",
    )  # fmt: skip


class Journal:
    """A journal open to append to; a torn last line is cut off first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = read_journal(path)
        self.torn = found.torn
        if found.torn:
            files.truncate(path, found.size)
        self._descriptor = files.open_append(path)

    def append(self, record: Mapping[str, Any], *, sync: bool = True) -> None:
        """Add one record; with `sync` it is on the disk when this returns."""
        files.append(self._descriptor, self.path, _line(record), sync=sync)

    def close(self) -> None:
        """Release the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
