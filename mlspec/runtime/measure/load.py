"""A constant rate of requests over loopback, open loop: a slow reply never delays the next request.

A request's time runs from when it was due, so that waiting behind a stalled server counts (no coordinated omission). Only
the lateness of our own timer, up to `TIMER`, is taken off.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

TIMER = 0.002
CONNECTIONS = 32
TIMEOUT = 10.0


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class BadReply(Exception):
    """The server answered something that cannot be read as a reply."""


class Closed(Exception):
    """The server ended a connection without a byte of a reply."""


@dataclass
class Window:
    """What one window of load saw: seconds of each reply, and what went wrong."""

    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Client:
    """Kept-alive connections to one server; a connection carries one request at a time, the last one used goes first.

    A server may end an idle connection at any time. Then the request goes once more, over a new one, as any HTTP client does.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: list[Connection] = []
        self._room = asyncio.Semaphore(CONNECTIONS)

    async def send(self, request: bytes) -> int:
        """Send one request and read its reply whole; the HTTP status."""
        async with self._room:
            kept = self._kept()
            if kept is not None:
                with suppress(Closed):
                    return await self._exchange(kept, request)
            return await self._exchange(await asyncio.open_connection(self._host, self._port), request)

    def _kept(self) -> Connection | None:
        """An idle connection that the server has not ended."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return None

    async def _exchange(self, connection: Connection, request: bytes) -> int:
        reader, writer = connection
        try:
            writer.write(request)
            status = await _read_reply(reader)
        except BaseException:
            writer.close()
            raise
        self._idle.append(connection)
        return status

    async def close(self) -> None:
        """Close what is open."""
        for _, writer in self._idle:
            writer.close()
            with suppress(OSError):  # one that the server has ended
                await writer.wait_closed()
        self._idle.clear()


async def _read_reply(reader: asyncio.StreamReader) -> int:
    try:
        first = await reader.read(1)
    except ConnectionError:
        first = b""
    if not first:
        raise Closed("the server closed the connection")
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
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
    except (BadReply, Closed) as error:
        window.failures.append(f"no reply: {error}")
    except asyncio.IncompleteReadError:
        window.failures.append("no reply: it ended in the middle")
    except (OSError, ValueError, asyncio.LimitOverrunError) as error:
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
