"""The ASGI layer around the application: size, time, type and concurrency limits, before a byte is parsed.

A refusal names a code and a reason and never a part of the request.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlspec.runtime.serve.config import Limits
from mlspec.runtime.serve.metrics import ServeMetrics
from mlspec.runtime.serve.token import Token

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LINGER_SECONDS = 2.0
LINGER_BYTES = 16 * 1024 * 1024
SMALL_BODY = 64 * 1024
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_HEALTH = frozenset({"/healthz", "/readyz", "/metrics", "/model", "/openapi.json"})


class Refused(Exception):
    """A request that is answered here. `linger` reads on for a moment, so that the client sees the answer before a reset."""

    def __init__(self, status: int, message: str, *, linger: bool = False, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.linger = linger
        self.retry_after = retry_after


def refusal_body(code: str, message: str, **more: Any) -> bytes:
    """The JSON body of every refusal."""
    return json.dumps({"code": code, "message": message, **more}, ensure_ascii=True).encode()


def _headers(scope: Scope) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in found and name in (b"content-type", b"content-encoding", b"content-length"):
            raise Refused(400, f"the header {name.decode()} comes twice", linger=True)
        found[name] = value
    return found


def _check_type(headers: dict[bytes, bytes]) -> None:
    kind, _, parameter = headers.get(b"content-type", b"").lower().partition(b";")
    charset = parameter.strip().removeprefix(b"charset=").strip(b'"')
    if kind.strip() != b"application/json" or charset not in (b"", b"utf-8"):
        raise Refused(415, "the body must be application/json in UTF-8", linger=True)
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Refused(415, "the body must not be compressed", linger=True)


class _Exchange:
    """One request and its answer: adds the fixed headers, remembers what was sent."""

    def __init__(self, send: Send, request_id: str, draining: Callable[[], bool]) -> None:
        self._send = send
        self._draining = draining
        self.request_id = request_id
        self.closing = False
        self.status = 0
        self.done = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), *SECURITY, (b"x-request-id", self.request_id.encode())]
            # While draining, who keeps connections open opens the next one elsewhere.
            if (self.closing or self._draining()) and (b"connection", b"close") not in headers:
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            self.done = True
        await self._send(message)

    async def refuse(self, refused: Refused, receive: Receive) -> None:
        """Answer with the refusal and close; the whole answer is out before the rest of the body is thrown away."""
        body = refusal_body("MLS805", refused.message)
        headers = [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close"),
        ]  # fmt: skip
        if refused.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if refused.retry_after is not None:
            headers.append((b"retry-after", str(refused.retry_after).encode()))
        await self.send({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        if refused.linger:
            await _discard(receive)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    seen = 0
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while seen < LINGER_BYTES:
                message = await receive()
                seen += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return


class Guard:
    """Wraps an ASGI application; counts and times every answer."""

    def __init__(
        self, app: App, limits: Limits, metrics: ServeMetrics, token: Token | None = None,
        draining: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.app = app
        self.draining = draining
        self.limits = limits
        self.metrics = metrics
        self.token = token
        self.busy = 0
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        began = scope.get("state", {}).get("began", loop.time())
        exchange = _Exchange(send, uuid.uuid4().hex, self.draining)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        route = "predict" if scope["path"] == "/predict" else "health" if scope["path"] in _HEALTH else "other"
        self.metrics.in_flight.inc()
        try:
            await self._answer(scope, receive, exchange, began, route)
        finally:
            self.metrics.in_flight.dec()
            self.metrics.answered(route, exchange.status or 500, loop.time() - began)

    async def _answer(self, scope: Scope, receive: Receive, exchange: _Exchange, began: float, route: str) -> None:
        try:
            await self._admit(scope, receive, exchange, began, route)
        except Refused as refused:
            await self._last_word(exchange, refused, receive)
        except asyncio.CancelledError:
            # Only the end of the drain cancels a request.
            await self._last_word(exchange, Refused(503, "the server is going away", retry_after=1), receive)
        except Exception as error:
            _report_bug(error)
            await self._last_word(exchange, Refused(500, "the server failed; its log has the place"), receive)

    async def _last_word(self, exchange: _Exchange, refused: Refused, receive: Receive) -> None:
        if exchange.status == 0:
            await exchange.refuse(refused, receive)

    async def _admit(self, scope: Scope, receive: Receive, exchange: _Exchange, began: float, route: str) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in scope["headers"]) + len(scope.get("raw_path", b""))
        if size > self.limits.headers:
            raise Refused(431, f"the headers are larger than {self.limits.headers} bytes", linger=True)
        if self.token is not None and not self.token.admits(scope["path"], scope["headers"]):
            raise Refused(401, "this server asks for a token: Authorization: Bearer TOKEN", linger=True)
        if route != "predict" or scope["method"] != "POST":
            # Nobody reads a body here: the connection cannot go on behind one, and must not wait for its end.
            exchange.closing = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
            await self.app(scope, receive, exchange.send)
            return
        self._make_room(True)
        body = await self._body(scope, receive, began)
        # Only whole requests hold a slot: a client that trickles its body keeps nobody from an answer.
        self._make_room(False)
        self.busy += 1
        try:
            async with asyncio.timeout(self.limits.handler):
                await self.app(scope, _replay(body, receive), exchange.send)
        except TimeoutError:
            raise Refused(503, f"no answer within {self.limits.handler:g} s", retry_after=1) from None
        finally:
            self.busy -= 1

    def _make_room(self, linger: bool) -> None:
        if self.busy >= self.limits.concurrency:
            raise Refused(429, "too many requests at once", linger=linger, retry_after=1)

    def _hold(self, held: int, more: int) -> None:
        """Count bytes of bodies that are not whole yet. Beyond the budget large ones are refused, and small ones still taken."""
        if held + more > SMALL_BODY and self.held + more > self.limits.concurrency * self.limits.body:
            raise Refused(429, "too many large requests at once", retry_after=1)
        self.held += more

    async def _body(self, scope: Scope, receive: Receive, began: float) -> bytes:
        headers = _headers(scope)
        _check_type(headers)
        too_large = Refused(413, f"the body is larger than {self.limits.body} bytes", linger=True)
        length = headers.get(b"content-length")
        if length is not None and (len(length) > 12 or int(length) > self.limits.body):
            raise too_large
        body = bytearray()
        try:
            return await self._collect(body, receive, began, too_large)
        finally:
            self.held -= len(body)

    async def _collect(self, body: bytearray, receive: Receive, began: float, too_large: Refused) -> bytes:
        try:
            async with asyncio.timeout_at(began + self.limits.receipt):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(400, "the client went away")
                    part = message.get("body", b"")
                    if len(body) + len(part) > self.limits.body:
                        raise too_large
                    self._hold(len(body), len(part))
                    body += part
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise Refused(408, f"the request did not arrive within {self.limits.receipt:g} s") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once, then what the connection says next."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _report_bug(error: Exception) -> None:
    """Say on stderr what failed and where, and never the message: it may hold a value of the request."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    sys.stderr.write(f"mlspec serve: {type(error).__name__} at {frame.name}:{frame.lineno}, please report it\n")
