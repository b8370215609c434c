"""JSON over HTTPS to the one host that a token is for: no redirect carries it on, no reply is read without end."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import IO, Any
from urllib.parse import SplitResult, urlsplit

from mlspec.cli import exits

MAX_REPLY = 16 * 2**20
TRIES = 3
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Busy(Exception):
    """The host could not answer now; `wait` is after how many seconds to ask again."""

    def __init__(self, said: str, wait: float) -> None:
        super().__init__(said)
        self.wait = wait


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a reply that leads elsewhere is handed back."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: Any, headers: Any, newurl: str) -> None:
        return None


class Wire:
    """A host's API below `base`, with the headers that say who asks."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base = base.rstrip("/")
        self._headers = {"User-Agent": "mlspec", "Content-Type": "application/json", **headers}
        self._opener = urllib.request.build_opener(_Stay)
        _check(self.base)

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """What the host answers as JSON."""
        data = None if content is None else json.dumps(content).encode()
        with self._open(urllib.request.Request(self.base + path, data, self._headers, method=method)) as reply:  # noqa: S310
            text = _read(reply, MAX_REPLY, path)
        return json.loads(text) if text else None

    def fetch(self, path: str, most: int) -> bytes:
        """The bytes at a path, or where it leads to: there the headers are not sent."""
        request = urllib.request.Request(self.base + path, None, self._headers)  # noqa: S310
        try:
            with self._open(request) as reply:
                return _read(reply, most, path)
        except _Moved as moved:
            _check(moved.to)
            plain = urllib.request.Request(moved.to, None, {"User-Agent": "mlspec"})  # noqa: S310
            with self._open(plain) as reply:
                return _read(reply, most, path)

    def _open(self, request: urllib.request.Request) -> IO[bytes]:
        place = f"{request.get_method()} {urlsplit(request.full_url).path}"
        try:
            reply: IO[bytes] = self._opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            location = error.headers.get("Location")
            if error.code in (301, 302, 303, 307, 308) and location and request.get_method() == "GET":
                raise _Moved(location) from None
            if error.code in (429, 500, 502, 503, 504):
                wait = error.headers.get("Retry-After") or ""
                raise Busy(f"{place}: {error.code}", min(float(wait), 30.0) if wait.isdigit() else 2.0) from None
            raise exits.CommandError(
                f"{place}: {error.code} {error.reason}", exits.INPUT_OUTPUT, help=_way_out(error.code)
            ) from None
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            raise Busy(f"{place}: {getattr(error, 'reason', error)}", 2.0) from None
        return reply


class _Moved(Exception):
    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


def _way_out(status: int) -> str:
    if status in (401, 403):
        return "the token lacks a permission: docs/pull-requests.md has the least that it needs"
    return "is the repository's address right, and may the token see it?" if status == 404 else ""


def _check(url: str) -> None:
    """A token or a report goes over TLS, or stays on this machine."""
    parts = _parts(url)
    if parts is None:
        raise exits.CommandError("the address of the host is none", exits.USAGE, expected="https://…", found=ascii(url)[:200])
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise exits.CommandError(
            "the host must be asked over HTTPS", exits.USAGE, expected="https://…", found=f"{parts.scheme}://{parts.hostname}"
        )


def _parts(url: str) -> SplitResult | None:
    """The parts of an address; None where it is none."""
    try:
        parts = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url and (parts.port or 1) > 0
    except ValueError:
        return None
    return parts if plain else None


def _read(reply: IO[bytes], most: int, path: str) -> bytes:
    data = reply.read(most + 1)
    if len(data) > most:
        raise exits.CommandError(
            f"{path.partition('?')[0]}: the answer is too long", exits.INPUT_OUTPUT, expected=f"at most {most:,} bytes"
        )
    return data


def patiently(act: Callable[[], str]) -> str:
    """Do something that may be done again, up to `TRIES` times while the host is busy."""
    for left in range(TRIES - 1, -1, -1):
        try:
            return act()
        except Busy as busy:
            if not left:
                raise exits.CommandError(str(busy), exits.INPUT_OUTPUT, help="the host is busy: run it again later") from None
            time.sleep(busy.wait)
    raise AssertionError("the last try returns or raises")
