"""uvicorn with a bounded drain: not ready first, then no new connections, then out within the grace whatever hangs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import uvicorn

from mlspec.runtime.serve.config import Limits
from mlspec.runtime.serve.protocol import timed_protocol, watch

# How long a connection that was accepted last may take to send its first byte when the server drains.
FIRST_WORDS = 0.5


def server_config(app: Any, limits: Limits) -> uvicorn.Config:
    """The uvicorn config of one listener: our protocol, no access log, no proxy headers, no server header."""
    return uvicorn.Config(
        app, http=timed_protocol(limits), ws="none", loop="asyncio", lifespan="off", log_config=None,
        log_level="error", access_log=False, proxy_headers=False, server_header=False, timeout_keep_alive=5, backlog=1024,
        h11_max_incomplete_event_size=limits.headers, timeout_graceful_shutdown=None,
    )  # fmt: skip


class DrainingServer(uvicorn.Server):
    """Serves until a signal; the first starts the drain, the second ends the process at once."""

    def __init__(
        self, config: uvicorn.Config, limits: Limits, on_drain: Callable[[], None], on_started: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self.limits = limits
        self.on_drain = on_drain
        self.on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Own the two signals without raising them again at the end: a clean drain exits 0."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.on_drain()
        self.should_exit = True
        # Whatever blocks the loop, the process is gone when the grace is over.
        last = threading.Timer(self.limits.grace, os._exit, (1,))
        last.daemon = True
        last.start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._watchdog = asyncio.create_task(watch(self.server_state.connections))
        # Only now: who reads the address may send a signal, and the handlers are in place.
        self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stay reachable but not ready for `drain_delay`, then let what is in flight finish until the grace is over."""
        limits = self.limits
        delay = min(limits.drain_delay, limits.grace / 2)
        await asyncio.sleep(delay)
        await self._hear_out()
        # One second of the grace is for cancelling what is left and for the log's last lines.
        self.config.timeout_graceful_shutdown = max(1, int(limits.grace - delay - 1))
        await super().shutdown(sockets)
        self._watchdog.cancel()

    async def _hear_out(self) -> None:
        """Accept no more, and give connections that were accepted a moment to say what they came for.

        uvicorn closes a connection without a request at once, also when its request is on the way.
        """
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + FIRST_WORDS
        while True:
            await asyncio.sleep(0.05)
            # uvicorn types them as its own protocols; ours has `began` while no request has come.
            fresh: list[Any] = list(self.server_state.connections)
            if loop.time() > end or not any(connection.began is not None for connection in fresh):
                return


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; a port in use is an OSError here, before anything is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # asyncio leaves Nagle's algorithm on for a socket made without a protocol number: 40 ms on every reply
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


async def serve_all(
    main: DrainingServer, listener: socket.socket, others: Sequence[tuple[uvicorn.Server, socket.socket]]
) -> None:
    """Run the main server and, beside it in the same loop, the admin listener until the main one has drained."""
    beside = [asyncio.create_task(server._serve(sockets=[sock])) for server, sock in others]
    try:
        await main.serve(sockets=[listener])
    finally:
        for server, _ in others:
            server.should_exit = True
        await asyncio.gather(*beside)
