"""The corpus of raw bodies: each gets its status and code, nothing of it comes back, and the server stays alive."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import time
from pathlib import Path

import pytest

from tests.runtime.serve_process import GOOD, read_all, serve_fake

CASES = json.loads((Path(__file__).parent / "raw_bodies.json").read_text("utf-8"))


def body_of(case) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "body" in case:
        return case["body"].encode(case.get("encoding", "utf-8"))
    ((kind, value),) = case["make"].items()
    if kind == "wrap":
        before, unit, times, after = value
        return (before + unit * times + after).encode()
    if kind == "nest":
        opening, closing, depth = value
        return (opening * depth + "1" + closing * depth).encode()
    if kind == "gzip":
        return gzip.compress(b" " * value, 1)
    record = GOOD if kind == "batch" else {**GOOD, "age": "canary", "canary": 1}
    return json.dumps({"records": [record] * value}).encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serve_fake(tmp_path_factory.mktemp("bodies"), {}) as running:
        yield running


def test_the_corpus_is_large_and_its_names_are_unique():
    assert len(CASES) >= 80
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_raw_body(server, case):
    body = body_of(case)
    status, headers, reply = server.request("POST", "/predict", body, case.get("headers"))
    assert status == case["status"], reply
    assert headers["content-type"] == "application/json"
    found = json.loads(reply)
    if status == 200:
        assert "model" in found
    else:
        assert found["code"] == case["code"], found
        assert found.get("errors") == case.get("errors", found.get("errors"))
        assert b"canary" not in reply
    assert len(reply) < 100_000


def test_a_lying_content_length_is_refused_or_closed(server):
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n" + b"x" * 50
        )
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "head",
    [
        b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        b"content-length: 3\r\ncontent-length: 4\r\n\r\n1234",
        b"content-length: -1\r\n\r\n",
        b"content-length: 1e3\r\n\r\n",
        b"transfer-encoding: chunked, gzip\r\n\r\n",
    ],
)
def test_a_lie_about_the_length_is_a_4xx(server, head):
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n" + head
        )
        answer = read_all(connection)
    assert answer[9:10] == b"4", answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "MLS805"
    assert server.predict(GOOD)[0] == 200


def test_a_lie_after_the_answer_has_begun_closes_the_connection_and_nothing_else(server):
    with server.connect() as connection:
        head = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head)
        answer = connection.recv(65536)  # 415, and the server reads on for a moment
        connection.sendall(b"zz\r\n")
        answer += read_all(connection)
    assert answer.startswith(b"HTTP/1.1 415") and answer.count(b"HTTP/1.1") == 1
    assert server.predict(GOOD)[0] == 200


ODD_REQUESTS = {
    "another protocol": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 404)),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00" + b"\x00" * 50 + b"\r\n\r\n", (400,)),
    "no host": (b"POST /predict HTTP/1.1\r\ncontent-length: 0\r\n\r\n", (400,)),
    "NUL in the path": (b"POST /pre\x00dict HTTP/1.1\r\nhost: x\r\n\r\n", (400,)),
    "a slash behind the path": (b"POST /predict/ HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\n\r\n", (404,)),
    "two slashes": (b"POST //predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", (404,)),
    "TRACE": (b"TRACE /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", (405,)),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", (404,)),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", (404,)),
    "a web socket": (
        b"GET /predict HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\nsec-websocket-version: 13\r\n\r\n", (405,),
    ),
    "superscript length": ("POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: ²\r\n\r\n".encode(), (400,)),
    "a length of 20 digits": (
        b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999999999999999\r\n\r\n", (413,),
    ),
    "a body where none is read": (b"POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n" + b"x" * 100_000, (404,)),
    "a chunked body of a GET": (b"GET /healthz HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\n", (200,)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_REQUESTS)
def test_odd_requests_are_answered_at_once_and_their_connections_closed(server, name):
    request, statuses = ODD_REQUESTS[name]
    began = time.monotonic()
    with server.connect() as connection:
        connection.sendall(request)
        answer = read_all(connection)
    assert int(answer[9:12]) in statuses, answer
    assert time.monotonic() - began < 4 and b"evil.example" not in answer
    assert server.predict(GOOD)[0] == 200


def test_a_flood_of_nonsense_does_not_fill_the_log_of_the_process(server):
    before = len(server.stderr)
    for _ in range(50):
        with server.connect() as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            read_all(connection)
    assert len(server.stderr) == before


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_byte_mutations_never_fail_the_server(server, count):
    """Bytes of good and bad bodies flipped, cut, doubled and spliced, from a fixed seed."""
    rng = random.Random(20_260_331 + count)
    seeds = [body for body in (body_of(case) for case in CASES) if 0 < len(body) < 2_000]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    counts: dict[int, int] = {}
    took: list[float] = []
    for _ in range(count):
        body = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(body) + 1)
            kind = rng.randrange(4)
            if kind == 0 and place < len(body):
                body[place] ^= 1 << rng.randrange(8)
            elif kind == 1:
                del body[place : place + rng.randint(1, 8)]
            elif kind == 2:
                body[place:place] = body[place : place + rng.randint(1, 16)]
            else:
                other = rng.choice(seeds)
                body[place:place] = other[rng.randrange(len(other)) :][:20]
        began = time.perf_counter()
        connection.request("POST", "/predict", bytes(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        reply = json.loads(answer.read())
        assert answer.status in (200, 400, 422), (answer.status, bytes(body))
        assert answer.status == 200 or reply["code"].startswith("MLS")
        counts[answer.status] = counts.get(answer.status, 0) + 1
        took.append(time.perf_counter() - began)
    connection.close()
    took.sort()
    print(f"{count:,} mutations: {counts}, p99 {took[int(count * 0.99)] * 1e3:.1f} ms, worst {took[-1] * 1e3:.0f} ms")
    assert took[int(count * 0.99)] < 0.1
    assert set(counts) == {200, 400, 422}  # the mutations reach behind the reader


def test_the_server_lived_through_all_of_it_without_a_failure(server):
    status, _, page = server.request("GET", "/metrics")
    assert status == 200
    for route in ("predict", "health", "other"):
        assert f'mlspec_requests_total{{code="500",route="{route}"}} 0.0' in page.decode()
    assert "Traceback" not in server.stderr
    assert "canary" not in server.stderr
