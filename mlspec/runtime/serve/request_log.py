"""The request log: daily files of JSON lines, written off the request path from a bounded queue, kept no longer than `keep`.

A slow or failing disk costs log records, each of them counted, and never a prediction.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.config import LogConfig

QUEUE_RECORDS = 10_000
QUEUE_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 256 * 1024
PURGE_SECONDS = 3600.0
LINE_BYTES = 256 * 1024


def log_folder(project_root: Path, serve: str) -> Path:
    """Where the request log of a serve block lies."""
    return project_root / ".mlspec" / "logs" / serve


class RequestLog:
    """Takes finished lines and writes them in a thread of its own."""

    def __init__(
        self, folder: Path, config: LogConfig, on_drop: Callable[[str, int], None], on_written: Callable[[int], None],
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.config = config
        self._on_drop = on_drop
        self._on_written = on_written
        self._now = now
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._change = threading.Condition()
        self._closed = False
        self._purged: float | None = None
        self._said: set[str] = set()
        self._described = False
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)

    def start(self) -> None:
        """Begin to write. Nothing of the disk is touched by the caller."""
        self._thread.start()

    def offer(self, line: bytes) -> bool:
        """Queue one line (with its newline); False, and counted, when the queue is full."""
        with self._change:
            full = len(self._queue) >= QUEUE_RECORDS or self._bytes + len(line) > QUEUE_BYTES
            if not full and not self._closed and len(line) <= LINE_BYTES:
                self._queue.append(line)
                self._bytes += len(line)
                self._change.notify()
                return True
        self._on_drop("queue", 1)
        return False

    def close(self, seconds: float = 1.0) -> None:
        """Write what is queued, for at most `seconds`; what is left then is counted as dropped."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)
        with self._change:
            left = len(self._queue)
            self._queue.clear()
        if left:
            self._on_drop("queue", left)

    def _describe(self) -> None:
        """Write beside the log what its fields are, for the monitor that reads it."""
        fields = [{"name": field.name, "expression": field.expression} for field in self.config.fields]
        try:
            files.make_folder(self.folder)
            files.write_json(self.folder / "fields.json", {"format": 1, "log": self.config.name, "fields": fields})
        except StageError as error:
            self._say(error.message)
            return
        self._described = True

    def _run(self) -> None:
        self._describe()
        self._purge_when_due()
        while True:
            with self._change:
                if not self._queue and not self._closed:
                    self._change.wait(60.0)
                batch = self._take()
                closed = self._closed
            if batch:
                self._write(batch)
            elif closed:
                return
            self._purge_when_due()

    def _take(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._queue and size < BATCH_BYTES:
            line = self._queue.popleft()
            size += len(line)
            batch.append(line)
        self._bytes -= size
        return batch

    def _write(self, batch: list[bytes]) -> None:
        try:
            kept = self._append(batch)
        except StageError as error:
            self._on_drop("disk", len(batch))
            self._say(error.message)
            return
        self._on_written(kept)
        if kept < len(batch):
            self._on_drop("size", len(batch) - kept)
            self._say(f"the log of today is full ({self.config.day_bytes} bytes)")
        else:
            self._said.clear()

    def _append(self, batch: list[bytes]) -> int:
        files.make_folder(self.folder)
        if not self._described:
            self._describe()
        path = self.folder / f"{_day(self._now())}.jsonl"
        with self._locked():
            descriptor = files.open_append(path)
            try:
                room = self.config.day_bytes - os.fstat(descriptor).st_size
                kept = 0
                data = bytearray() if _ends_whole(path) else bytearray(b"\n")
                while kept < len(batch) and len(data) + len(batch[kept]) <= room:
                    data += batch[kept]
                    kept += 1
                if kept:
                    files.append(descriptor, path, bytes(data), sync=False)
                return kept
            finally:
                os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone in the folder: two servers of one name may share it, and a purge rewrites a file."""
        descriptor = files.open_lock(self.folder / ".lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _purge_when_due(self) -> None:
        now = self._now()
        if self._purged is not None and now - self._purged < PURGE_SECONDS:
            return
        self._purged = now
        if not self.folder.is_dir():
            return
        try:
            with self._locked():
                purge(self.folder, self.config.keep, now)
        except StageError as error:
            self._say(f"retention: {error.message}")

    def _say(self, message: str) -> None:
        """Report a failing log once per cause, not once per record."""
        if message not in self._said and len(self._said) < 20:
            self._said.add(message)
            os.write(2, f"mlspec serve: request log: {message}\n".encode())


def _ends_whole(path: Path) -> bool:
    """Whether the last line has its newline; a write that failed half way leaves one without."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def day_files(folder: Path) -> list[Path]:
    """The daily files of a log, oldest first."""
    return sorted(path for path in folder.glob("????-??-??.jsonl") if path.is_file())


def purge(folder: Path, keep: float, now: float) -> None:
    """Remove every record older than `keep` seconds: whole days by file, the day at the border line by line."""
    border = datetime.fromtimestamp(now, UTC) - timedelta(seconds=keep)
    stamp = border.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for path in day_files(folder):
        if path.stem < stamp[:10]:
            files.remove_tree(path)
        elif path.stem == stamp[:10]:
            _cut(path, stamp)
    files.sweep(folder)


def _cut(path: Path, stamp: str) -> None:
    """Leave out the lines before `stamp`, as a stream: a day may hold a gigabyte."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{files.TEMPORARY}")
    files.remove_tree(temporary)
    descriptor = files.open_append(temporary)
    dropped = False
    try:
        block = bytearray()
        with path.open("rb") as source:
            for line in source:
                if _at(line) < stamp:
                    dropped = True
                    continue
                block += line
                if len(block) >= BATCH_BYTES:
                    files.append(descriptor, temporary, bytes(block), sync=False)
                    block.clear()
        files.append(descriptor, temporary, bytes(block))
    finally:
        os.close(descriptor)
    if dropped:
        files.rename(temporary, path)
        files.sync_folder(path.parent)
    else:
        files.remove_tree(temporary)


def _at(line: bytes) -> str:
    """When a record was made; a torn line has no time and goes."""
    try:
        return str(json.loads(line)["at"])
    except (ValueError, KeyError, TypeError):
        return ""
