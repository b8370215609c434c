"""A constant rate of requests over loopback, open loop: a slow reply never delays the next request.

A request's time runs from when it was due, so that waiting behind a stalled server counts (no coordinated omission). Only
the lateness of our own timer, up to `TIMER`, is taken off.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass, field

TIMER = 0.002
CONNECTIONS = 64
TIMEOUT = 10.0


class BadReply(Exception):
    """The server answered something that cannot be read as a reply."""


@dataclass
class Window:
    """What one window of load saw: seconds of each reply, and what went wrong."""

    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Client:
    """Kept-alive connections to one server; a connection carries one request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def send(self, request: bytes) -> int:
        """Send one request and read its reply whole; the HTTP status."""
        async with self._room:
            reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
            try:
                writer.write(request)
                status = await _read_reply(reader)
            except BaseException:
                writer.close()
                raise
            self._idle.append((reader, writer))
            return status

    async def close(self) -> None:
        """Close what is open."""
        for _, writer in self._idle:
            writer.close()
            await writer.wait_closed()
        self._idle.clear()


async def _read_reply(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    lengths = [line.partition(":")[2] for line in head[1:] if line.lower().startswith("content-length:")]
    if not lengths:
        raise BadReply("a reply without a length")
    await reader.readexactly(int(lengths[0]))
    return int(head[0].split(" ")[1])


def post(path: str, host: str, body: bytes) -> bytes:
    """An HTTP/1.1 POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


async def _one(client: Client, request: bytes, due: float, window: Window) -> None:
    loop = asyncio.get_running_loop()
    late = loop.time() - due
    started = due if late > TIMER else due + late
    try:
        status = await asyncio.wait_for(client.send(request), TIMEOUT)
    except TimeoutError:
        window.failures.append(f"no reply within {TIMEOUT:g} s")
    except (OSError, BadReply, asyncio.IncompleteReadError, ValueError) as error:
        window.failures.append(f"no reply: {type(error).__name__}")
    else:
        if status == 200:
            window.latencies.append(loop.time() - started)
        else:
            window.failures.append(f"status {status}")


async def offer(client: Client, requests: Sequence[bytes], rate: float, seconds: float) -> Window:
    """Send `rate` requests a second for `seconds`, evenly, the given ones in turn, and wait for the last reply."""
    loop, window = asyncio.get_running_loop(), Window()
    total = max(1, round(rate * seconds))
    start, tasks = loop.time() + 0.05, []
    gc.collect()
    gc.disable()
    try:
        for number in range(total):
            due = start + number / rate
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(_one(client, requests[number % len(requests)], due, window)))
        await asyncio.gather(*tasks)
    finally:
        gc.enable()
    return window
