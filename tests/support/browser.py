"""A real browser that tests click and type in: chromium over its debugging pipe, which needs no port and no other package."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
]  # fmt: skip
KEYS = {
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Tab": 9,
    "Home": 36,
    "End": 35,
}
PATIENCE = 120.0


def chromium() -> str:
    """The browser; without it the test is skipped, and fails where CI says that it must be there."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        say = "no chromium: apt-get install -y chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(say)
        pytest.skip(say)
    return found


def _above(descriptor: int) -> int:
    """The same pipe under a number that is none of those a child is given."""
    higher = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return higher


class Browser:
    """One page in one browser with a fresh profile. `said` are the messages that pages logged, faults and refusals among them."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="browser-")
        self._in, theirs_out = (_above(each) for each in os.pipe())
        theirs_in, self._out = (_above(each) for each in os.pipe())
        program = chromium()
        silence = os.open(os.devnull, os.O_WRONLY)
        # The browser reads commands from descriptor 3 and answers on 4.
        self._pid = os.posix_spawn(
            program, [program, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"], os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs_in, 3), (os.POSIX_SPAWN_DUP2, theirs_out, 4), (os.POSIX_SPAWN_DUP2, silence, 1),
                          (os.POSIX_SPAWN_DUP2, silence, 2)],
        )  # fmt: skip
        for each in (theirs_in, theirs_out, silence):
            os.close(each)
        self._rest, self._number = b"", 0
        os.set_blocking(self._in, False)
        self.said: list[str] = []
        self.asked: list[str] = []
        self._events: list[dict[str, Any]] = []
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, page: Path, *, width: int = 1200, height: int = 1000, dark: bool = False, anchor: str = "") -> None:
        """Load a file and wait until it stands."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Page.navigate", url="about:blank")
        self._call("Page.navigate", url=page.as_uri() + (f"#{anchor}" if anchor else ""))
        end = time.monotonic() + PATIENCE
        while self.evaluate("document.readyState") != "complete" or not str(self.evaluate("location.href")).startswith("file:"):
            assert time.monotonic() < end, "the page never stood"
            time.sleep(0.02)

    def evaluate(self, script: str, *, wait: bool = False) -> Any:
        """The value of an expression in the page; it runs beside the page's content policy, not under it."""
        found = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=wait)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key, down and up, at whatever has the focus."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        code = KEYS.get(key, ord(key[0]) if len(key) == 1 else 0)
        self._call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self._call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def click(self, selector: str) -> None:
        """The left button in the middle of an element."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def screenshot(self, file: Path, *, full: bool = False) -> None:
        """What one sees, or all of the page, as a PNG."""
        found = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=full)
        file.write_bytes(base64.b64decode(found["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = memoryview(json.dumps(message).encode() + b"\0")
        while data:
            data = data[os.write(self._out, data) :]
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self._read()
            if answer is None:
                time.sleep(0.002)
            elif answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            else:
                self._note(answer)
        raise TimeoutError(method)

    def _read(self) -> dict[str, Any] | None:
        if b"\0" not in self._rest:
            try:
                read = os.read(self._in, 1 << 20)
                assert read, "the browser went away"
                self._rest += read
            except BlockingIOError:
                return None
        if b"\0" not in self._rest:
            return None
        one, _, self._rest = self._rest.partition(b"\0")
        value: dict[str, Any] = json.loads(one)
        return value

    def _note(self, event: dict[str, Any]) -> None:
        """Messages of the page, and every address that it asks for."""
        method, params = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded":
            self.said.append(str(params["entry"]["text"]))
        elif method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled":
            self.said.append(str([item.get("value") for item in params["args"]]))
        elif method == "Network.requestWillBeSent":
            self.asked.append(str(params["request"]["url"]))
