"""Figures of the language server: from a keystroke to the findings that it makes."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.checking import long_spec
from benchmarks.measure import Figure, figure

GOAL = 0.05
PAUSE = 0.12
"""Seconds between two keys of somebody who types fast; the server is at rest by then."""


class Session:
    """A server that is talked to over its pipes, without a client library between."""

    def __init__(self, path: Path, text: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "mlspec", "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._uri = path.as_uri()
        self._version = 1
        self._send(id=1, method="initialize", params={"processId": None, "rootUri": path.parent.as_uri(), "capabilities": {}})
        while self._receive().get("id") != 1:
            pass
        self._send(method="initialized", params={})
        document = {"uri": self._uri, "languageId": "mlspec", "version": 1, "text": text}
        self._send(method="textDocument/didOpen", params={"textDocument": document})
        self._findings()

    def _send(self, **content: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **content}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self._process.stdin.flush()

    def _receive(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        size = 0
        while line := self._process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        found: Mapping[str, Any] = json.loads(self._process.stdout.read(size))
        return found

    def _findings(self) -> int:
        """Waits for the findings of the newest version; how many there are."""
        while True:
            message = self._receive()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"].get("version") == self._version:
                return len(message["params"]["diagnostics"])

    def key(self, line: int, start: int, end: int, text: str) -> float:
        """Seconds from one edit to its findings."""
        time.sleep(PAUSE)
        self._version += 1
        where = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
        change = {"range": where, "text": text}
        began = time.perf_counter()
        self._send(
            method="textDocument/didChange",
            params={"textDocument": {"uri": self._uri, "version": self._version}, "contentChanges": [change]},
        )
        self._findings()
        return time.perf_counter() - began

    def cpu(self) -> float:
        """The processor time of the server so far, in seconds."""
        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def close(self) -> None:
        """Ends the session as an editor does."""
        self._send(id=2, method="shutdown")
        self._send(method="exit")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def keystroke(n: int | None) -> Iterator[Figure]:
    """A name of the 500-line spec typed wrong and right again; then a bracket opened and closed, while the text cannot be read."""
    text = long_spec(500)
    lines = text.split("\n")
    line = next(number for number, content in enumerate(lines) if content.startswith("  reading_0100 :="))
    end = len(lines[line])
    with tempfile.TemporaryDirectory() as name:
        session = Session(Path(name) / "wide.mlspec", text)
        try:
            pairs = max(1, (n or 40) // 2)
            before = session.cpu()
            whole = [
                seconds
                for _ in range(pairs)
                for seconds in (session.key(line, end - 3, end - 2, "9"), session.key(line, end - 3, end - 2, "0"))
            ]
            broken = [
                seconds
                for _ in range(pairs)
                for seconds in (session.key(line, end, end, "("), session.key(line, end, end + 1, ""))
            ]
            spent = (session.cpu() - before) / (4 * pairs)
        finally:
            session.close()
        yield figure("lsp-keystroke", whole, [], GOAL)
        yield figure("lsp-keystroke-broken", broken, [], GOAL)
        yield figure("lsp-keystroke-cpu", [spent], [], GOAL)
