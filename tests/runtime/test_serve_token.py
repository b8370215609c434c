"""The token that requests must carry, and the port of those who run the server."""

from __future__ import annotations

import hmac
import json
import socket
from pathlib import Path

import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.serve import create_app
from mlspec.runtime.serve.listen import Listen, is_loopback, open_listeners
from mlspec.runtime.serve.openapi import openapi_document
from mlspec.runtime.serve.token import Token
from tests.runtime.fake_package import FakePackage
from tests.runtime.serve_process import GOOD, serve_fake, until
from tests.runtime.test_serve_log import lines_of, series

TOKEN = "zq8-token-77aa01"
HANDLE = {"kind": "env", "variable": "API_TOKEN"}
LOG = {"name": "d", "keep": 86400, "sample": None, "fields": [{"name": "score", "expression": ["ambient", "score", "float"]}]}


def bearer(value: str) -> dict[str, str]:
    return {"authorization": f"Bearer {value}"}


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    folder = tmp_path_factory.mktemp("token")
    with serve_fake(folder, {"token": HANDLE, "log": LOG, "limits": {"concurrency": 2}}, env={"API_TOKEN": TOKEN}) as server:
        server.folder = folder
        yield server


def test_the_token_is_asked_for_everywhere_but_at_the_probes(asking):
    assert asking.request("POST", "/predict", GOOD, bearer(TOKEN))[0] == 200
    assert asking.request("POST", "/predict", GOOD, {"authorization": f"bearer  {TOKEN}"})[0] == 200
    for method, path, body in (
        ("POST", "/predict", GOOD), ("GET", "/metrics", None), ("GET", "/model", None), ("GET", "/openapi.json", None), ("GET", "/x", None),
    ):  # fmt: skip
        status, headers, reply = asking.request(method, path, body)
        assert (status, headers["www-authenticate"], json.loads(reply)["code"]) == (401, "Bearer", "MLS805"), path
        assert asking.request(method, path, body, bearer(TOKEN))[0] != 401
    assert asking.request("GET", "/healthz")[0] == 200
    assert asking.request("GET", "/readyz")[0] == 200


@pytest.mark.parametrize(
    "value",
    [
        "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}", f"Bearer {TOKEN}, Bearer {TOKEN}", "Bearer " + "a" * 9_000,
    ],
)  # fmt: skip
def test_any_other_authorization_is_401_and_not_repeated(asking, value):
    status, _, reply = asking.request("POST", "/predict", GOOD, {"authorization": value})
    assert status == 401
    assert TOKEN.encode() not in reply


def test_two_authorization_headers_are_no_token(asking):
    one = f"authorization: Bearer {TOKEN}\r\n".encode()
    for second in (one, b"authorization: Bearer other\r\n"):
        with asking.connect() as connection:
            connection.sendall(b"GET /model HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + one + second + b"\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 401")


def test_without_the_token_a_client_holds_no_slot(asking):
    """Two slow bodies without a token would fill a server of two slots."""
    held = []
    for _ in range(4):
        connection = asking.connect()
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"
        )
        held.append(connection)
    for _ in range(5):
        assert asking.request("POST", "/predict", GOOD, bearer(TOKEN))[0] == 200
    assert all(connection.recv(100).startswith(b"HTTP/1.1 401") for connection in held)
    for connection in held:
        connection.close()


def test_the_token_is_written_nowhere(asking):
    for value in (TOKEN, f"{TOKEN}x"):
        asking.request("POST", "/predict", GOOD, bearer(value))
        asking.request("POST", "/predict", {**GOOD, "age": 200}, bearer(value))
    assert until(lambda: lines_of(asking.folder))
    _, _, page = asking.request("GET", "/metrics", None, bearer(TOKEN))
    assert series(page)["mlspec_requests_total", (("code", "401"), ("route", "predict"))] > 0
    assert TOKEN.encode() not in page and TOKEN not in asking.stderr
    for path in asking.folder.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_tokens_are_compared_in_constant_time(monkeypatch):
    compared = []
    whole = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or whole(a, b))
    token = Token(b"right")
    for given in (b"Bearer right", b"Bearer wrong", b"Bearer a much longer wrong one", b"Basic right", b""):
        headers = [(b"authorization", given)] if given else []
        assert token.admits("/predict", headers) is (given == b"Bearer right")
    assert compared == [(32, 32)] * 5  # every request is compared, as digests of one length
    assert "right" not in repr(vars(token))


@pytest.mark.parametrize(("value", "found"), [(None, "not set"), ("", "empty")])
def test_a_token_without_a_value_is_a_located_error_and_never_an_open_server(tmp_path, monkeypatch, value, found):
    monkeypatch.delenv("API_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("API_TOKEN", value)
    with pytest.raises(StageError) as error:
        create_app(FakePackage(tmp_path), {"name": "api", "token": HANDLE})
    assert (error.value.code, error.value.where, error.value.found) == ("MLS801", "api.engine", found)
    assert "API_TOKEN" in error.value.expected
    with pytest.raises(StageError) as error:
        create_app(FakePackage(tmp_path), {"name": "api", "token": {"kind": "vault", "path": "x"}})
    assert error.value.code == "MLS901"


def test_the_contract_says_that_a_token_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", TOKEN)
    closed = openapi_document(create_app(FakePackage(tmp_path), {"name": "api", "token": HANDLE}).state.service)
    assert closed["security"] == [{"token": []}] and closed["paths"]["/healthz"]["get"]["security"] == []
    assert "401" in closed["paths"]["/predict"]["post"]["responses"]
    opened = openapi_document(create_app(FakePackage(tmp_path), {"name": "api"}).state.service)
    assert "security" not in opened and "401" not in opened["paths"]["/predict"]["post"]["responses"]
    assert TOKEN not in json.dumps(closed)


@pytest.mark.parametrize("given", ["door", 'env("API_TOKEN")'])
def test_the_spec_says_where_the_token_is_and_never_what(tmp_path, monkeypatch, given):
    import mlspec
    from mlspec.lower.serving import serve_config

    monkeypatch.setenv("API_TOKEN", TOKEN)
    text = (Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec").read_text()
    text = text.replace("\nsource ", '\nsecret door = env("API_TOKEN")\n\nsource ', 1)
    head, block, rest = text.partition("\nserve api {\n")
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "demo.mlspec").write_text(
        f"{head}{block}  engine = fastapi(port: 0x, token: {given})\n{rest}".replace("0x", "9090")
    )
    found = mlspec.load(tmp_path / "demo.mlspec")
    assert found.spec is not None, found.diagnostics
    config = serve_config(found.spec, found.spec.blocks["api"], found.spec_digest)
    assert (config["token"], config["port"]) == (HANDLE, 9090)
    assert TOKEN not in json.dumps(config)


def test_where_others_reach_the_server_metrics_and_facts_have_a_port_of_their_own(tmp_path):
    with serve_fake(tmp_path, {}, json.dumps({"host": "0.0.0.0"})) as server:
        assert server.predict(GOOD)[0] == 200
        for path in ("/metrics", "/model", "/docs", "/redoc"):
            assert server.request("GET", path)[0] == 404, path
        assert server.request("GET", "/openapi.json")[0] == 200
        assert until(lambda: "metrics at" in server.stderr)
        port = int(server.stderr.rpartition("metrics at http://127.0.0.1:")[2].partition("/")[0])
        assert server.request("GET", "/model", port=port)[0] == 200
        assert series(server.request("GET", "/metrics", port=port)[2])["mlspec_ready", ()] == 1
        assert server.request("POST", "/predict", GOOD, port=port)[0] == 404
        assert "no token is set" in server.stderr


def test_an_admin_port_that_others_reach_asks_for_the_token(tmp_path):
    given = json.dumps({"admin_host": "0.0.0.0", "admin_port": 0})
    with serve_fake(tmp_path, {"token": HANDLE}, given, env={"API_TOKEN": TOKEN}) as server:
        assert until(lambda: "metrics at" in server.stderr)
        port = int(server.stderr.rpartition("metrics at http://0.0.0.0:")[2].partition("/")[0])
        assert server.request("GET", "/metrics", port=port)[0] == 401
        assert server.request("GET", "/metrics", None, bearer(TOKEN), port=port)[0] == 200


def two_free_ports() -> int:
    """A free port whose neighbour is free too."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("0.0.0.0", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports side by side")


def test_which_sockets_are_opened():
    only = open_listeners(Listen(port=0), 8080, "api")
    assert (only.admin, only.public) == (None, False)
    only.close()
    port = two_free_ports()
    both = open_listeners(Listen("0.0.0.0", port), 8080, "api")
    try:
        assert both.public and both.admin.getsockname() == ("127.0.0.1", port + 1)
        with pytest.raises(StageError) as error:
            open_listeners(Listen(port=0, admin_port=port + 1), 8080, "api")
        assert (error.value.code, error.value.where) == ("MLS817", "api.engine") and "--admin-port" in error.value.help
    finally:
        both.close()


def test_what_is_no_address_or_no_socket_is_a_located_error():
    with socket.socket() as plain:
        for listen in (
            Listen("203.0.113.9", 0), Listen("no such host.invalid", 0), Listen(port=70_000), Listen(port=-1), Listen(fd=plain.fileno()),
            Listen(fd=9_999),
        ):  # fmt: skip
            with pytest.raises(StageError) as error:
                open_listeners(listen, 8080, "api")
            assert (error.value.code, error.value.where) == ("MLS817", "api.engine"), listen
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "localhost", "0.0.0.0", "example.com")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_several_processes_are_not_built_and_say_so(tmp_path):
    with pytest.raises(StageError) as error:
        create_app(FakePackage(tmp_path), {"name": "api", "workers": 4})
    assert (error.value.code, error.value.where, error.value.found) == ("MLS901", "api.engine", "workers: 4")
