"""uvicorn's HTTP/1.1 protocol with time limits that uvicorn has none of: for slow headers and for answers nobody reads.

uvicorn closes idle kept-alive connections, and that is all: a client that sends one header byte a minute, or never reads its
answer, holds a connection forever. Body time is the guard's, which can answer 408 in full.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlspec.runtime.serve.config import Limits
from mlspec.runtime.serve.guard import refusal_body


def _refusal(status: str, message: str, *headers: str) -> bytes:
    """A whole answer of a connection that never came to a request: it has a code as every other refusal."""
    body = refusal_body("MLS805", message)
    lines = [
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


_TOO_SLOW = _refusal("408 Request Timeout", "the request did not arrive in time")
_FULL = _refusal("503 Service Unavailable", "too many connections", "retry-after: 1")
_NO_REQUEST = _refusal("400 Bad Request", "this is no HTTP/1.1 request")


class TimedProtocol(H11Protocol):
    """One connection. `check` is called about once a second by the server's watchdog."""

    limits: Limits = Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.began: float | None = self.loop.time()
        self.unread = (0, self.loop.time())
        if len(self.connections) > self.limits.connections:
            transport.write(_FULL)
            transport.close()

    def data_received(self, data: bytes) -> None:
        if self.began is None and self.conn.their_state is h11.IDLE:
            self.began = self.loop.time()
        # The copy that each request's scope gets; the guard counts the body's time from the first header byte.
        self.app_state = {**self.app_state, "began": self.began or self.loop.time()}
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self.began = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.began = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, unless another answer has begun: two in one are worse than none."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_NO_REQUEST)
        self.transport.close()

    def check(self, now: float) -> None:
        """Close the connection if it has been sending headers, or not reading, for longer than the receipt limit."""
        limit = self.limits.receipt
        if self.began is not None and now - self.began > limit and not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
        waiting = self.transport.get_write_buffer_size()
        if waiting == 0 or waiting < self.unread[0]:
            self.unread = (waiting, now)
        elif waiting > self.unread[0]:
            self.unread = (waiting, self.unread[1] if self.unread[0] else now)
        if waiting and now - self.unread[1] > limit:
            self.transport.abort()


def timed_protocol(limits: Limits) -> type[TimedProtocol]:
    """The protocol class under these limits; uvicorn makes one object per connection and passes no arguments of ours."""
    return type("LimitedProtocol", (TimedProtocol,), {"limits": limits})


async def watch(connections: set[Any], period: float = 0.5) -> None:
    """Check every open connection, forever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(period)
        now = loop.time()
        for connection in list(connections):
            connection.check(now)
