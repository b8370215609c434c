"""What the processes of a training tell who started them: how far they are, and why one of them cannot go on."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from mlspec.runtime import files
from mlspec.runtime.errors import StageError, error_from_json

MARK = "mlspec-error: "
"""What begins the line on standard error that holds an error, for whoever sees nothing else of a process."""

_PROGRESS = "progress"


def tell_error(folder: Path | None, rank: int, error: StageError) -> None:
    """Leave an error for who started this process."""
    said = json.dumps(error.to_json())
    sys.stderr.write(f"{MARK}{said}\n")
    if folder is not None:
        files.write_bytes(folder / f"failed-{rank:05d}.json", said.encode())


def told_errors(folder: Path) -> list[StageError]:
    """The errors that processes left, in the order of their ranks."""
    return [error_from_json(json.loads(files.read_bytes(path))) for path in sorted(folder.glob("failed-*.json"))]


class Teller:
    """Says how far a training is, into the pipe that its starter listens at; into none where there is no pipe."""

    def __init__(self, folder: Path | None) -> None:
        self._pipe: int | None = None
        if folder is not None:
            with suppress(OSError):  # nobody listens: the training is the same
                self._pipe = os.open(folder / _PROGRESS, os.O_WRONLY | os.O_NONBLOCK)

    def __call__(self, done: float, total: float | None, note: str) -> None:
        if self._pipe is None:
            sys.stderr.write(f"{note}\n")
            return
        with suppress(OSError):  # who listens does not keep up, or is gone
            os.write(self._pipe, (json.dumps([done, total, note[:500]]) + "\n").encode())


class Listener:
    """A thread that hears a `Teller` and passes on what it says, until it is left."""

    def __init__(self, folder: Path, hear: Callable[[float, float, str], None]) -> None:
        self._path, self._hear = folder / _PROGRESS, hear
        os.mkfifo(self._path, 0o600)

    def __enter__(self) -> Listener:
        # Opened for both: it waits for no teller, and one that ends does not end it.
        self._pipe: IO[Any] = os.fdopen(os.open(self._path, os.O_RDWR), "r+b", buffering=0)
        self._thread = threading.Thread(target=self._listen, name="mlspec-training-progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.write(b"\n")
        self._thread.join()
        self._pipe.close()

    def _listen(self) -> None:
        while line := self._pipe.readline().strip():
            with suppress(ValueError, TypeError):  # a line that a process was killed in
                done, total, note = json.loads(line)
                self._hear(done, total, note)
