"""Hostile and heavy traffic at length: slow clients, overload, and hours of work in small. All slow; each prints its figures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from mlspec.runtime.serve.config import LogConfig, LogField
from mlspec.runtime.serve.request_log import RequestLog
from tests.runtime.serve_process import GOOD, serve_fake, until

pytestmark = pytest.mark.slow

BODY = json.dumps(GOOD).encode()
HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
REQUEST = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
LOG = {
    "name": "decisions", "keep": 86400, "sample": None,
    "fields": [{"name": "score", "expression": ["ambient", "score", "float"]}, {"name": "inputs", "expression": ["features", ["age", "workclass"]]}],
}  # fmt: skip


@dataclass
class Traffic:
    """What clients saw: statuses, seconds of answers with 200, refusals without Retry-After, failures of the connection."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    without_retry: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def quantile(self, share: float) -> float:
        return sorted(self.seconds)[int(len(self.seconds) * share)] if self.seconds else float("nan")


class Connection:
    """One kept-alive connection that asks again and again."""

    def __init__(self, port: int, traffic: Traffic) -> None:
        self.port, self.traffic = port, traffic
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes = REQUEST) -> None:
        began = time.perf_counter()
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.writer.write(request)
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
            headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            await asyncio.wait_for(self.reader.readexactly(int(headers[b"content-length"])), 30)
        except (OSError, EOFError, TimeoutError) as error:
            self.traffic.failures[type(error).__name__] += 1
            await self.close()
            return
        status = int(head[9:12])
        self.traffic.statuses[status] += 1
        if status == 200:
            self.traffic.seconds.append(time.perf_counter() - began)
        elif status in (429, 503):
            self.traffic.without_retry += b"retry-after" not in headers
        if headers.get(b"connection") == b"close":
            await self.close()

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            with contextlib.suppress(OSError):
                await self.writer.wait_closed()
        self.reader = self.writer = None


async def steady(port: int, traffic: Traffic, rate: float, seconds: float, clients: int = 8) -> None:
    """So many requests a second, shared among some connections, each sent at its time whatever the answers take."""

    async def one(place: int) -> None:
        connection = Connection(port, traffic)
        begin = time.perf_counter() + place / rate
        for number in range(int(seconds * rate / clients)):
            await asyncio.sleep(max(0.0, begin + number * clients / rate - time.perf_counter()))
            await connection.ask()
        await connection.close()

    await asyncio.gather(*(one(place) for place in range(clients)))


async def slow_header(port: int, closed: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _trickle(reader, writer, b"POST /predict HTTP/1.1\r\nx-a: " + b"a" * 200, closed)


async def slow_body(port: int, closed: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEAD + b"content-length: 5000\r\n\r\n")
    await _trickle(reader, writer, b" " * 200, closed)


async def _trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes, closed: list[float]) -> None:
    """A byte every half second until the server has had enough; how long that took."""
    began = time.perf_counter()
    for byte in data:
        with contextlib.suppress(OSError):
            writer.write(bytes([byte]))
            await writer.drain()
        try:
            async with asyncio.timeout(0.5):
                while await reader.read(4096):
                    pass
            break
        except TimeoutError:
            continue
        except OSError:
            break
    closed.append(time.perf_counter() - began)
    writer.close()


async def slow_read(port: int, closed: list[float]) -> None:
    """Asks twice a second and reads nothing, while the kernel's buffers take the answers (`test_serve_limits` has what follows)."""
    import socket

    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    began = time.perf_counter()
    request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
    while time.perf_counter() - began < 25:
        try:
            sock.send(request)
        except BlockingIOError:
            pass
        except OSError:
            break
        await asyncio.sleep(0.5)
    closed.append(time.perf_counter() - began)
    sock.close()


@pytest.mark.parametrize("attack", [slow_header, slow_body, slow_read])
def test_two_hundred_slow_connections_do_not_touch_good_traffic(tmp_path, attack):
    traffic, closed = Traffic(), []

    async def both(port: int) -> None:
        attackers = [asyncio.create_task(attack(port, closed)) for _ in range(200)]
        await asyncio.sleep(0.5)
        await steady(port, traffic, rate=50, seconds=20)
        await asyncio.gather(*attackers)

    with serve_fake(tmp_path, {}) as server:
        server.predict(GOOD)
        handles, memory = server.descriptors, server.memory
        asyncio.run(both(server.port))
        assert until(lambda: server.descriptors <= handles, 20)
        grown = (server.memory - memory) / 2**20
    print(
        f"{attack.__name__}: {sum(traffic.statuses.values()):,} good requests {dict(traffic.statuses)}, p50 {traffic.quantile(0.5) * 1e3:.1f} ms, "
        f"p99 {traffic.quantile(0.99) * 1e3:.1f} ms; slow ones closed after {min(closed):.1f} to {max(closed):.1f} s; {grown:+.1f} MiB"
    )
    assert set(traffic.statuses) == {200} and not traffic.failures
    assert traffic.quantile(0.99) < 0.25
    if attack is not slow_read:  # receipt 10 s and the check's half second
        assert max(closed) < 12.5
    assert grown < 64


def test_ten_times_the_concurrency_is_answered_or_refused_in_time(tmp_path):
    """640 clients that ask without a pause, a fifth of them batches, against 64 slots; then everything is as before."""
    traffic, alone, after = Traffic(), Traffic(), Traffic()
    batch = json.dumps({"records": [GOOD] * 100}).encode()
    batch_request = HEAD + b"content-length: %d\r\n\r\n" % len(batch) + batch

    async def crowd(port: int, seconds: float) -> None:
        end = time.perf_counter() + seconds

        async def one(number: int) -> None:
            connection = Connection(port, traffic)
            while time.perf_counter() < end:
                before = traffic.statuses[429]
                await connection.ask(batch_request if number % 5 == 0 else REQUEST)
                if traffic.statuses[429] > before:
                    await asyncio.sleep(0.2)  # Retry-After says a second; these are impatient
            await connection.close()

        await asyncio.gather(*(one(number) for number in range(640)))

    with serve_fake(tmp_path, {"log": LOG}) as server:
        asyncio.run(steady(server.port, alone, rate=50, seconds=4))
        asyncio.run(crowd(server.port, 30))
        time.sleep(2)
        asyncio.run(steady(server.port, after, rate=50, seconds=4))
        assert "Traceback" not in server.stderr
    print(
        f"640 clients on 64 slots, 30 s: {dict(traffic.statuses)}, failures {dict(traffic.failures)}, accepted p50 {traffic.quantile(0.5) * 1e3:.0f} ms, "
        f"p99 {traffic.quantile(0.99) * 1e3:.0f} ms; alone p99 {alone.quantile(0.99) * 1e3:.1f} ms, after {after.quantile(0.99) * 1e3:.1f} ms"
    )
    assert set(traffic.statuses) <= {200, 429, 503} and traffic.statuses[429] > 0
    assert traffic.without_retry == 0 and not traffic.failures
    assert traffic.quantile(0.99) < 10  # the handler deadline
    assert set(after.statuses) == {200} and not after.failures


def test_minutes_of_work_leave_memory_handles_and_threads_as_they_were(tmp_path):
    """Three minutes at about half of what one core answers, with a log, refusals and new connections all the time."""
    good, bad = Traffic(), Traffic()
    wrong = json.dumps({**GOOD, "age": 200}).encode()
    wrong_request = HEAD + b"content-length: %d\r\n\r\n" % len(wrong) + wrong
    readings: list[tuple[int, int, int]] = []

    async def errors(port: int, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            connection = Connection(port, bad)
            await connection.ask(wrong_request)
            await connection.close()
            await asyncio.sleep(0.05)

    async def part(port: int, seconds: float) -> None:
        await asyncio.gather(steady(port, good, rate=120, seconds=seconds), errors(port, seconds))

    with serve_fake(tmp_path, {"log": LOG}) as server:
        process = psutil.Process(server.process.pid)
        for _ in range(9):
            asyncio.run(part(server.port, 20))
            time.sleep(0.5)
            readings.append((process.memory_info().rss, process.num_fds(), process.num_threads()))
    lines = sum(path.read_bytes().count(b"\n") for path in (tmp_path / ".mlspec" / "logs" / "income_api").glob("*.jsonl"))
    grown = (readings[-1][0] - readings[1][0]) / 2**20
    print(
        f"180 s: {sum(good.statuses.values()):,} good, {sum(bad.statuses.values()):,} refused, {lines:,} log lines, p99 {good.quantile(0.99) * 1e3:.1f} ms, "
        f"RSS {readings[1][0] / 2**20:.1f} to {readings[-1][0] / 2**20:.1f} MiB ({grown:+.2f}), handles {readings[0][1]} to {readings[-1][1]}, threads {readings[-1][2]}"
    )
    assert set(good.statuses) == {200} and set(bad.statuses) == {422} and not good.failures and not bad.failures
    assert lines == good.statuses[200]
    assert grown < 2
    assert len({(handles, threads) for _, handles, threads in readings}) == 1


def test_forty_days_of_log_turn_and_are_kept_for_three(tmp_path):
    """A clock that runs an hour a batch: one file a day, none older than `keep`, and no handle more than at the start."""
    clock = [datetime(2026, 3, 1, tzinfo=UTC)]
    dropped: Counter[str] = Counter()
    written = [0]

    def count(number: int) -> None:
        written[0] += number

    config = LogConfig("decisions", 3 * 86400.0, None, (LogField("score", ["ambient", "score", "float"]),))
    log = RequestLog(
        tmp_path / "log", config, lambda reason, number: dropped.update({reason: number}), count, lambda: clock[0].timestamp()
    )
    log.start()
    process = psutil.Process()
    handles, most = None, 0
    for hour in range(40 * 24):
        clock[0] += timedelta(hours=1)
        for _ in range(20):
            assert log.offer(json.dumps({"at": clock[0].strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "fields": {}}).encode() + b"\n")
        assert until(lambda done=(hour + 1) * 20: written[0] == done, 30)
        handles = process.num_fds() if handles is None else handles
        most = max(most, len(list((tmp_path / "log").glob("*.jsonl"))))
    log.close(5)
    border = (clock[0] - timedelta(days=3, hours=2)).strftime("%Y-%m-%dT%H")
    lines = [line for path in sorted((tmp_path / "log").glob("*.jsonl")) for line in path.read_text().splitlines()]
    print(f"40 days, {written[0]:,} records, at most {most} files, {len(lines):,} lines left")
    assert most <= 5 and not dropped
    assert min(json.loads(line)["at"] for line in lines) >= border
    assert process.num_fds() <= handles + 1
