"""Limits of time, size and number, and the drain, on real sockets and a real process."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time

import pytest

from tests.runtime.serve_process import GOOD, read_all, serve_fake, until

HEAD = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
MIB = 1024 * 1024
RECEIPT = 3.0  # far above what a good client needs on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_fake(
        tmp_path_factory.mktemp("limits"), {"limits": {"receipt": RECEIPT, "handler": 4, "concurrency": 4}}
    ) as running:
        yield running


def send_much(connection: socket.socket, count: int, wrap=lambda block: block) -> int:
    """Send `count` MiB, or as much as the other side takes."""
    block = wrap(b"x" * MIB)
    for sent in range(count):
        try:
            connection.sendall(block)
        except OSError:
            return sent
    return count


def test_a_huge_body_with_a_length_is_refused_before_it_comes(server):
    before = server.memory
    with server.connect() as connection:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % (114 * MIB))
        sent = send_much(connection, 114)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"connection: close" in answer
    assert sent < 114
    assert server.memory - before < 32 * MIB


def test_a_huge_body_without_a_length_is_refused_after_a_megabyte(server):
    before = server.memory
    with server.connect() as connection:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        send_much(connection, 114, lambda block: b"%x\r\n%s\r\n" % (len(block), block))
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert server.memory - before < 32 * MIB


def test_headers_over_the_cap_are_refused(server):
    status, _, reply = server.request("POST", "/predict", GOOD, {"x-long": "a" * 17_000})
    assert status in (400, 431)
    with server.connect() as connection:  # without an end, h11 gives up by itself
        connection.sendall(HEAD + b"x-long: " + b"a" * 100_000)
        assert read_all(connection).startswith(b"HTTP/1.1 4")
    assert server.predict(GOOD)[0] == 200
    assert reply


def test_slow_headers_slow_bodies_and_idle_connections_are_closed_while_good_ones_are_answered(server):
    baseline = server.descriptors
    slow = []
    for number in range(20):
        connection = server.connect()
        if number % 2:
            connection.sendall(HEAD + b"content-length: 100\r\n\r\n{")
        elif number % 4:
            connection.sendall(b"POST /predict HT")
        slow.append(connection)
    began = time.monotonic()
    while time.monotonic() - began < RECEIPT + 1.5:
        # Ten bodies trickle in, more than may be answered at once: they hold no slot of a good client.
        assert server.predict(GOOD)[0] == 200
        for connection in slow:
            try:
                connection.sendall(b"x" if connection is slow[2] else b"")
            except OSError:
                continue
        time.sleep(0.02)
    answers = [read_all(connection) for connection in slow]
    assert sum(answer.startswith(b"HTTP/1.1 408") for answer in answers) == 20, answers
    for connection in slow:
        connection.close()
    assert until(lambda: server.descriptors <= baseline)
    assert server.predict(GOOD)[0] == 200


def test_an_answer_that_nobody_reads_does_not_hold_a_connection_forever(server):
    baseline = server.descriptors
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect(("127.0.0.1", server.port))
    request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
    connection.setblocking(False)
    end = time.monotonic() + RECEIPT + 60
    closed = False
    while time.monotonic() < end and not closed:
        try:
            connection.send(request * 50)
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:
            closed = True
    connection.close()
    assert closed
    assert until(lambda: server.descriptors <= baseline)


def test_beyond_the_concurrency_cap_is_429_with_retry_after(server):
    slow = {"records": [{**GOOD, "age": 89}] * 20}  # a second of computing
    found = []
    held = [threading.Thread(target=lambda: found.append(server.predict(slow)[0])) for _ in range(4)]
    for thread in held:
        thread.start()
    assert until(lambda: b"mlspec_requests_in_flight 5.0" in server.request("GET", "/metrics")[2])
    status, headers, reply = server.request("POST", "/predict", GOOD)
    assert (status, headers["retry-after"], json.loads(reply)["code"]) == (429, "1", "MLS805")
    assert server.request("GET", "/readyz")[0] == 200  # health is never behind the cap
    for thread in held:
        thread.join(30)
    assert set(found) <= {200, 503} and 200 in found
    assert until(lambda: server.predict(GOOD)[0] == 200)


def test_large_bodies_that_do_not_end_have_a_budget_and_small_ones_are_still_answered(tmp_path):
    with serve_fake(tmp_path, {"limits": {"concurrency": 2, "receipt": 600}}) as server:
        before = server.memory
        held = []
        for _ in range(40):
            connection = server.connect()
            connection.sendall(HEAD + b"content-length: 1048576\r\n\r\n" + b" " * (MIB - 1))
            held.append(connection)
        answers = [connection for connection in held if _answered(connection)]
        assert 37 <= len(answers) <= 38
        assert all(connection.recv(65536).startswith(b"HTTP/1.1 429 ") for connection in answers)
        assert server.predict(GOOD)[0] == 200
        assert server.memory - before < 32 * MIB
        for connection in held:
            connection.close()
        big = b" " * (MIB - 1_000) + json.dumps(GOOD).encode()
        assert until(lambda: server.request("POST", "/predict", big)[0] == 200)  # the budget comes back


def _answered(connection: socket.socket) -> bool:
    """Whether an answer comes within some seconds."""
    import select

    return bool(select.select([connection], [], [], 3.0)[0])


def test_a_batch_over_the_handler_deadline_is_503(server):
    status, headers, _ = server.request("POST", "/predict", {"records": [{**GOOD, "age": 90}] * 20})
    assert (status, headers["retry-after"]) == (503, "1")
    assert until(lambda: server.predict({"records": [GOOD] * 20})[0] == 200)


def test_a_chain_of_requests_on_one_connection(server):
    """Keep-alive with pauses near the receipt limit: the clock is a request's, not a connection's."""
    body = json.dumps(GOOD).encode()
    request = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"}"):  # head and body may come apart
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(RECEIPT * 0.7)


def test_security_headers_on_every_answer(server):
    for path in ("/healthz", "/nothing", "/predict"):
        _, headers, _ = server.request("GET", path)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert len(headers["x-request-id"]) == 32


def test_methods_and_paths(server):
    assert server.request("GET", "/predict")[0] == 405
    assert server.request("DELETE", "/predict")[0] == 405
    assert server.request("POST", "/nothing", GOOD)[0] == 404
    assert server.request("GET", "/docs")[0] == 404
    assert server.request("GET", "/../../etc/passwd")[0] == 404


class Traffic(threading.Thread):
    """Good requests, one after another, until told to stop; an answer after the request was sent must be whole."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.statuses, self.lost, self.go = server, [], [], True

    def run(self):
        while self.go:
            try:
                connection = self.server.connect()
            except OSError:
                return  # the listener is closed: the drain has begun
            body = json.dumps(GOOD).encode()
            try:
                connection.sendall(HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                answer = read_all(connection)
            except OSError as error:
                answer = repr(error).encode()
            (self.statuses if answer.startswith(b"HTTP/1.1 200") and b'"probability"' in answer else self.lost).append(answer)
            connection.close()


def test_drain_is_not_ready_first_loses_nothing_and_ends_with_a_body_hanging(tmp_path):
    with serve_fake(tmp_path, {"limits": {"drain_delay": 3, "grace": 6, "receipt": 600}}) as server:
        hanging = server.connect()
        hanging.sendall(HEAD + b"content-length: 100\r\n\r\n{")
        traffic = [Traffic(server) for _ in range(4)]
        for thread in traffic:
            thread.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert until(lambda: server.request("GET", "/readyz")[0] == 503, 2.5)
        assert server.predict(GOOD)[0] == 200  # not ready, and still answering who has not noticed
        assert server.wait(60) == 0  # the hanging body would have ten minutes
        for thread in traffic:
            thread.join(30)
        hanging.close()
    assert sum(len(thread.statuses) for thread in traffic) > 50
    # A connection that was queued at the listener when it closed was never accepted: nothing of it was in flight.
    accepted = [answer for thread in traffic for answer in thread.lost if answer and not answer.startswith(b"Connection")]
    assert accepted == []


def test_drain_without_anything_open_waits_for_nothing(tmp_path):
    with serve_fake(tmp_path, {"limits": {"grace": 600}}) as server:
        server.predict(GOOD)
        assert server.stop() == 0
        assert "Traceback" not in server.stderr


def test_a_second_signal_ends_it_now(tmp_path):
    with serve_fake(tmp_path, {"limits": {"grace": 600, "receipt": 600}}) as server:
        hanging = server.connect()
        hanging.sendall(HEAD + b"content-length: 100\r\n\r\n{")
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.8)
        assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.wait(60) == 128 + signal.SIGTERM
        hanging.close()


def test_more_connections_than_the_cap_are_turned_away(tmp_path):
    with serve_fake(tmp_path, {"limits": {"connections": 5}}) as server:
        held = [server.connect() for _ in range(5)]
        time.sleep(0.3)
        with server.connect() as one_more:
            assert read_all(one_more).startswith(b"HTTP/1.1 503")
        for connection in held:
            connection.close()
        assert until(lambda: server.predict(GOOD)[0] == 200)


def test_a_port_in_use_is_a_located_error(tmp_path):
    import subprocess
    import sys

    from tests.runtime.serve_process import HERE

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from mlspec.runtime.errors import StageError\n"
            "from mlspec.runtime.serve.config import read_config\n"
            "from mlspec.runtime.serve.main import serve_package\n"
            "from mlspec.runtime.serve.listen import Listen\n"
            "try:\n serve_package(lambda: 1/0, read_config({'name': 'api'}), Listen(port=int(sys.argv[2])))\n"
            "except StageError as error:\n print(error.code, error.where, error.message)\n"
        )
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", code, str(HERE), port], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == f"MLS817 api.engine port {port} is in use\n", done.stderr
