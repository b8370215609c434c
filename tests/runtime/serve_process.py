"""A real server process on loopback, and the small clients that the tests talk to it with."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
GOOD = {"age": 40, "workclass": "Private", "sex": "Female", "hours": 40.5, "member": True}


class ServerProcess:
    """Starts a server, waits for its address, and ends it by its process id."""

    def __init__(self, command: list[str], cwd: Path, env: Mapping[str, str] | None = None, fds: tuple[int, ...] = ()) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            pass_fds=fds,
        )
        self.port = self._read_port()
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _read_port(self) -> int:
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r"http://(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)/predict", line)
            if found:
                return int(found[1])
        self.process.wait(30)
        self.process.stderr.close()
        raise AssertionError("the server did not start:\n" + "".join(self.lines))

    def _drain(self) -> None:
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def stderr(self) -> str:
        return "".join(self.lines)

    @property
    def memory(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    @property
    def descriptors(self) -> int:
        return psutil.Process(self.process.pid).num_fds()

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None, port: int | None = None
    ):
        """(status, headers, body) of one request on a connection of its own; a header None is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        sent = {"content-type": "application/json"} if body is not None else {}
        for name, value in (headers or {}).items():
            sent.pop(name, None)
            if value is not None:
                sent[name] = value
        data = json.dumps(body) if isinstance(body, dict | list) else body
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def predict(self, body: Any, **headers: str):
        """(status, decoded reply) of a prediction."""
        status, _, reply = self.request("POST", "/predict", body, headers)
        return status, json.loads(reply)

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def stop(self, seconds: float = 60.0) -> int:
        """SIGTERM, then the exit status; killed when it does not come in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """The exit status within `seconds`."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server was still there after {seconds} s:\n{self.stderr}") from None
        finally:
            self._reader.join(2)
            self.process.stderr.close()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()
        elif not self.process.stderr.closed:
            self.wait(1)


def serve_fake(
    folder: Path, config: Mapping[str, Any], *arguments: str, env: Mapping[str, str] | None = None, fds: tuple[int, ...] = ()
) -> ServerProcess:
    """A server of the fake package, with some open files of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    full = {"name": "income_api", **config}
    full["limits"] = {"drain_delay": 0.2, "grace": 5, **full.get("limits", {})}
    return ServerProcess(
        [sys.executable, str(HERE / "serve_fake.py"), str(folder), json.dumps(full), *arguments], folder, env, fds
    )


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side ends, by FIN or by reset."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionError:
        pass
    return data


def until(condition, seconds: float = 60.0) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())
