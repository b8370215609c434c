"""A new model while requests come: servers over one socket, the old one drained when the new one answers."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time

import pytest

from tests.runtime.fake_package import DIGEST
from tests.runtime.serve_process import GOOD, serve_fake, until

OTHER = "b" * 64
GOLDEN = {DIGEST: 0.5062496744995104, OTHER: 1 - 0.5062496744995104}


class Client(threading.Thread):
    """Asks without a pause, over one connection as long as the server keeps it; every failure is remembered."""

    def __init__(self, port: int, keep: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.keep, self.go = port, keep, True
        self.answers: list[tuple[float, str]] = []
        self.failed: list[str] = []

    def run(self) -> None:
        connection = None
        while self.go:
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("POST", "/predict", json.dumps(GOOD), {"content-type": "application/json"})
                answer = connection.getresponse()
                reply = json.loads(answer.read())
                if answer.status != 200 or abs(reply["probability"] - GOLDEN[reply["model"]]) > 1e-12:
                    self.failed.append(f"{answer.status} {reply}")
                self.answers.append((time.monotonic(), reply.get("model")))
                if not self.keep or answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
                connection = None
            time.sleep(0.01)
        if connection is not None:
            connection.close()


def swap(tmp_path, count: int, overlap: bool):
    """Swap models `count` times under traffic; (clients, moments at which the new server was ready)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        given = json.dumps({"fd": listener.fileno()})

        def start(number: int):
            digest = OTHER if number % 2 else DIGEST
            return serve_fake(
                tmp_path / str(number % 2),
                {"limits": {"drain_delay": 1.0}},
                given,
                env={"FAKE_DIGEST": digest},
                fds=(listener.fileno(),),
            )

        server = start(0)
        clients = [Client(listener.getsockname()[1], keep=number % 2 == 0) for number in range(4)]
        for client in clients:
            client.start()
        swapped = []
        for number in range(1, count + 1):
            time.sleep(0.3)
            if overlap:
                following = start(number)
                swapped.append(time.monotonic())
                assert server.stop() == 0
            else:
                assert server.stop() == 0
                following = start(number)
            server = following
        time.sleep(0.3)
        for client in clients:
            client.go = False
        for client in clients:
            client.join(30)
        assert server.stop() == 0
    return clients, swapped


def check(clients, count: int) -> None:
    assert [failure for client in clients for failure in client.failed] == []
    for client in clients:
        assert len(client.answers) > 10 * count
        assert {digest for _, digest in client.answers} == {DIGEST, OTHER}


def test_a_swap_loses_no_request_and_mixes_no_model(tmp_path):
    clients, _ = swap(tmp_path, 2, overlap=True)
    check(clients, 2)


def test_requests_wait_at_the_socket_between_two_servers(tmp_path):
    """Stopped first, started again after: who asked meanwhile waits, and is answered."""
    clients, _ = swap(tmp_path, 1, overlap=False)
    check(clients, 1)


@pytest.mark.slow
def test_twenty_swaps_under_traffic(tmp_path):
    clients, _ = swap(tmp_path, 20, overlap=True)
    check(clients, 20)
    moments = sorted(moment for client in clients for moment, _ in client.answers)
    rate = len(moments) / (moments[-1] - moments[0])
    print(f"20 swaps, {len(moments):,} requests at {rate:.0f} a second, 0 failed, 0 mixed")
    assert rate > 50


def test_a_server_that_cannot_start_leaves_the_other_one_answering(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1024)
        given = json.dumps({"fd": listener.fileno()})
        with serve_fake(tmp_path, {}, given, fds=(listener.fileno(),)) as server:
            with pytest.raises(AssertionError, match="several processes"):  # a config that no server keeps: it says so and ends
                serve_fake(tmp_path / "other", {"workers": 3}, given, fds=(listener.fileno(),))
            assert [server.predict(GOOD)[0] for _ in range(20)] == [200] * 20


def test_a_request_that_takes_long_is_answered_after_sigterm(tmp_path):
    """A batch of a second in flight when the signal comes: answered whole, then the process ends."""
    with serve_fake(tmp_path, {"limits": {"drain_delay": 0.1, "grace": 20}}) as server:
        found = []
        client = threading.Thread(target=lambda: found.append(server.predict({"records": [{**GOOD, "age": 89}] * 20})))
        client.start()
        assert until(lambda: b"mlspec_requests_in_flight 2.0" in server.request("GET", "/metrics")[2])
        server.process.send_signal(signal.SIGTERM)
        client.join(30)
        assert server.wait(30) == 0
    ((status, reply),) = found
    assert status == 200 and len(reply["records"]) == 20


def test_while_draining_connections_are_not_kept(tmp_path):
    with serve_fake(tmp_path, {"limits": {"drain_delay": 2, "grace": 20}}) as server:
        assert "connection" not in server.request("GET", "/healthz")[1]
        server.process.send_signal(signal.SIGTERM)
        assert until(lambda: server.request("GET", "/readyz")[0] == 503, 1.5)
        assert server.request("POST", "/predict", GOOD)[1]["connection"] == "close"
        assert server.wait(30) == 0
