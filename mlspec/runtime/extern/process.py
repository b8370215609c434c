"""The parent's side of an extern's process: started with a clean environment, asked over pipes, held to its time, closed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from mlspec.runtime.errors import StageError, error_from_json
from mlspec.runtime.extern import frames
from mlspec.runtime.extern.declaration import Declaration

_ANSWERS = {b"S": b"R", b"A": b"A", b"D": b"V", b"W": b"V", b"I": b"V", b"P": b"V", b"T": b"T", b"N": b"N", b"B": b"B"}
"""The letter of the answer to each question."""

Told = Callable[[float, float, str], None]
"""Who hears how far it is."""

_START = 60.0
"""Seconds for the interpreter and the imports of the code, beside its own time limit."""


class Process:
    """One running extern. One question at a time; whoever asks holds `lock`."""

    def __init__(self, declaration: Declaration, code: Mapping[str, bytes], *, write: Sequence[str] = ()) -> None:
        """`write` are further folders that it may fill, where it keeps what outlives it."""
        self.declaration = declaration
        self._write = list(write)
        self.lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="mlspec-extern-")
        self._life, self._alive = os.pipe()
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-s", "-B", "-u", "-m", "mlspec.runtime.extern.worker", str(self._life)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._folder.name, env=_environment(declaration, self._folder.name),
                pass_fds=(self._life,), start_new_session=True, bufsize=0,
            )  # fmt: skip
        except BaseException:
            os.close(self._alive)
            self._folder.cleanup()
            raise
        finally:
            os.close(self._life)
        held = self._begin(code)
        self.closed, self.kept = held.get("closed") is True, held.get("files") is True

    def _begin(self, code: Mapping[str, bytes]) -> dict[str, Any]:
        """Send the code; what the kernel holds the process to: whether the network is as declared, and other files out of reach."""
        d = self.declaration
        say = {
            "role": d.role, "files": {path: data.decode("utf-8", "replace") for path, data in code.items()}, "code": d.code, "function": d.function,
            "result": d.result, "values": None if d.values is None else list(d.values), "network": d.network, "gpu": d.gpu,
            "memory": d.memory, "time_limit": d.time_limit, "private": d.private, "write": self._write,
        }  # fmt: skip
        try:
            answer = self.ask(b"S", frames.to_json(say), within=_START + d.time_limit)
        except BaseException:
            self.close()
            raise
        try:
            held = json.loads(answer)
        except ValueError:  # the code wrote into the pipe: nothing is known
            return {}
        return held if isinstance(held, dict) else {}

    def ask(self, letter: bytes, content: bytes, *, within: float | None = None, told: Told | None = None) -> bytes:
        """The content of the answer; StageError for one that tells a failure, that comes too late, or never.

        What it says on the way is `told`, and gives it its time anew.
        """
        limit = self.declaration.time_limit if within is None else within
        deadline = time.monotonic() + limit + 0.5
        if len(content) > frames.MOST:
            raise self._stopped(
                "what it is given is too large", f"{len(content):,} bytes, where {frames.MOST:,} go over a pipe"
            )
        self._send(frames.pack(letter, content), deadline, limit)
        kind, answer = self._answer(deadline, limit)
        while kind == b"G" and told is not None:
            self._tell(answer, told)
            kind, answer = self._answer(time.monotonic() + limit + 0.5, limit)
        if kind == b"E":
            raise self._failure(answer)
        if kind != _ANSWERS[letter]:
            self.close()
            raise self._stopped("it answers what it was not asked", repr(kind))
        return answer

    def _answer(self, deadline: float, limit: float) -> tuple[bytes, bytes]:
        """The letter and the content of the next message."""
        kind, size = frames.HEAD.unpack(self._receive(frames.HEAD.size, deadline, limit))
        if size > frames.MOST:
            self.close()
            raise self._stopped("its answer is too large", f"{size:,} bytes")
        return kind, self._receive(size, deadline, limit)

    def _tell(self, answer: bytes, told: Told) -> None:
        try:
            done, total, note = json.loads(answer)
            told(float(done), float(total), str(note)[:200])
        except (ValueError, TypeError) as error:
            self.close()
            raise self._stopped("it answers what it was not asked", "progress without its parts") from error

    def _failure(self, answer: bytes) -> StageError:
        """The error that the worker tells; code that writes into the pipe itself may tell anything."""
        try:
            return self._told(json.loads(answer))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.close()
            return self._stopped("it answers what it was not asked", "an error without its parts")

    def _send(self, data: bytes, deadline: float, limit: float) -> None:
        assert self._child.stdin is not None
        descriptor, rest = self._child.stdin.fileno(), memoryview(data)
        os.set_blocking(descriptor, False)
        while rest:
            _, ready, _ = select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._late(limit)
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BrokenPipeError:
                raise self._gone() from None

    def _receive(self, size: int, deadline: float, limit: float) -> bytes:
        assert self._child.stdout is not None
        descriptor, parts = self._child.stdout.fileno(), []
        while size:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._late(limit)
            part = os.read(descriptor, min(size, 1 << 20))
            if not part:
                raise self._gone()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _late(self, limit: float) -> StageError:
        self.close()
        return self._stopped(f"it took longer than its `time_limit` of {limit:g} s", "no answer yet", field="time_limit")

    def _gone(self) -> StageError:
        """The process ended by itself, or was ended by a limit: what it ended with stands, what it started ends now."""
        self._kill()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(5)
        code = self._child.poll()
        self.close()
        if code == -signal.SIGXCPU:
            return self._stopped(
                f"it computed longer than its `time_limit` of {self.declaration.time_limit:g} s", "SIGXCPU", field="time_limit"
            )
        found = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit status {code}"
        return self._stopped("its process ended", found)

    def _stopped(self, why: str, found: str, *, field: str = "code") -> StageError:
        d = self.declaration
        return StageError(
            "MLS827", f"extern `{d.name}` was stopped: {why}", f"{d.name}.{field}", expected="an answer for every batch of rows",
            found=found, help="make it faster or smaller, or raise `time_limit` or `memory` of the extern",
        )  # fmt: skip

    def _told(self, error: Mapping[str, Any]) -> StageError:
        """What the worker says of an error of the code."""
        d, row = self.declaration, error.get("row")
        examples = [f"row {row + 1} of the batch"] if isinstance(row, int) else []
        if error["kind"] == "stage":
            return error_from_json(error["error"])
        if error["kind"] == "result":
            return StageError("MLS826", f"extern `{d.name}` gave what it does not declare", d.where, expected=f"`{d.result}`",
                              found=str(error["text"]), help=f"mend `{d.code}`, or declare what it gives", examples=examples)  # fmt: skip
        if error["kind"] == "memory":
            return StageError("MLS827", f"extern `{d.name}` was stopped: it wants more than its `memory`", f"{d.name}.memory",
                              expected=f"at most {d.memory:,} bytes", found="MemoryError",
                              help="make it smaller, or raise `memory` of the extern", examples=examples)  # fmt: skip
        text = f"{error['type']}: {error['text']}" if error["text"] else str(error["type"])
        hidden = " (its text is not shown: the arguments are personal data)" if d.private else ""
        return StageError("MLS825", f"extern `{d.name}` failed: {text}{hidden}", d.where, expected="a value for every row",
                          found=error["place"] or d.code, help=_hint(d, error), examples=examples)  # fmt: skip

    def close(self) -> None:
        """End the process and remove its folder."""
        with suppress(OSError):
            os.close(self._alive)
        self._alive = -1
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._kill()
        self._child.wait()
        self._folder.cleanup()

    def _kill(self) -> None:
        """End the process and what it started. Its number is its own until it is waited for, and then perhaps another's."""
        if self._child.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)

    @property
    def running(self) -> bool:
        """Whether it can be asked."""
        return self._alive >= 0 and not self._ended()

    def _ended(self) -> bool:
        """Whether the process is over. It is not waited for yet: what it started is still to be ended by its number."""
        if self._child.returncode is not None:
            return True
        if not hasattr(os, "waitid"):
            return self._child.poll() is not None
        return os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _hint(declaration: Declaration, error: Mapping[str, Any]) -> str:
    if error["type"] in ("ModuleNotFoundError", "ImportError"):
        return "a file of the project that the code imports is listed in `files`, and imported by its bare name; packages are installed"
    if error["type"] == "MissingFunction":
        return '`code` names the file and a function in it: `"FILE.py:FUNCTION"`'
    return f"mend `{declaration.code}`; a test with this row in it shows the same"


def _environment(declaration: Declaration, folder: str) -> dict[str, str]:
    """Nothing of the caller's: no token, no proxy, no path of modules; the same hashes and as many threads as one every time."""
    found = {
        "PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        "ARROW_IO_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system",
    }  # fmt: skip
    if not declaration.gpu:
        found["CUDA_VISIBLE_DEVICES"] = ""
    return found
