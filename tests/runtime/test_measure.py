"""Latency under an open load: a real server process, and servers that stall, fail or stop."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlspec.runtime import measure
from mlspec.runtime.errors import StageError
from mlspec.runtime.measure import server, stage
from mlspec.runtime.measure.load import Client, offer, post
from mlspec.runtime.measure.server import CannotMeasure
from tests.support.stages import run_stage_function

SERVER = """
import http.server, json, sys, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self): self.answer(200)
    def do_POST(self):
        row = json.loads(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(row["age"] / 1000)
        self.answer(200 if row["age"] < 90 else 422)
    def answer(self, status):
        body = json.dumps(sorted(os.sched_getaffinity(0))).encode()
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *words): pass
found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"serve: http://127.0.0.1:{found.server_port}/predict", file=sys.stderr, flush=True)
found.serve_forever()
"""


def table(folder: Path, columns: dict[str, Any]) -> Path:
    folder.mkdir()
    pq.write_table(pa.table(columns), folder / "rows.parquet")
    (folder / "table.json").write_text(
        json.dumps({"columns": [{"name": name, "type": "int"} for name in columns], "rows": 3, "files": []})
    )
    return folder


def measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ages: list[int], expression: Any, program: str = SERVER
) -> dict[str, Any]:
    script = tmp_path / "server.py"
    script.write_text(program)
    monkeypatch.setattr(server, "COMMAND", (sys.executable, str(script)))
    package = tmp_path / "package"
    package.mkdir()
    (package / "package.json").write_text(json.dumps({"columns": [{"name": "age", "type": "int"}]}))
    rows = list(range(len(ages)))
    inputs = {
        "rows": table(tmp_path / "rows", {"__row": rows, "age": ages}), "values": table(tmp_path / "values", {"__row": rows}),
        "parts": table(tmp_path / "parts", {"__row": rows, "part": ["holdout"] * len(ages)}), "package.tune": package,
    }  # fmt: skip
    config = {"part": "holdout", "quantities": [{"id": "q", "expression": expression}], "window_seconds": 0.5}
    out = run_stage_function(measure.run, tmp_path, "measure", config, inputs)
    return json.loads((out / "measurements" / "measurements.json").read_text())["quantities"]["q"]


def p95(load: float = 80) -> Any:
    return ["call", "p95", [["metric", "latency", "tune", {"load": ["lit", load, "rate"], "cpu": ["lit", 1, "int"]}]], {}]


def test_the_best_of_three_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(tmp_path, monkeypatch, [10, 11, 12], p95())
    assert found["problem"] is None
    assert found["text"] == "p95(latency(tune, load: 80rps, cpu: 1))"
    assert (found["load"], found["cpu"], len(found["windows"])) == (80, 1, 3)
    assert found["value"] == min(found["windows"])
    assert 0.011 < found["value"] < 2.0


@pytest.mark.parametrize(
    ("ages", "expression", "problem"),
    [
        ([10, 95], p95(), "20 of 40 requests failed, 20 with: status 422"),
        ([10], p95(20), "10 replies, which is too few"),
        ([10], ["call", "p95", [["metric", "latency", "tune", {}]], {}], "needs a load"),
        ([10], ["metric", "latency", "tune", {"load": 50}], "many values a window"),
        ([10], ["call", "p95", [["metric", "latency", "other", {"load": 50}]], {}], "`other` does not exist"),
        ([10], ["metric", "load_time", "tune", {}], "does not load"),
    ],
)
def test_what_cannot_be_measured_has_a_problem(tmp_path, monkeypatch, ages, expression, problem) -> None:
    found = measured(tmp_path, monkeypatch, ages, expression)
    assert found["value"] is None
    assert problem in found["problem"]


def test_a_server_that_stops_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(tmp_path, monkeypatch, [10], p95(), "raise SystemExit('no such package')")
    assert found["problem"] == "the server stopped: no such package"


def test_more_cores_than_there_are(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match="asks for 4096 cores"):
        server.share_cores(4096)


def test_the_server_has_its_cores_and_ours_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    monkeypatch.setattr(server, "COMMAND", (sys.executable, str(script)))
    before, cores = os.sched_getaffinity(0), server.share_cores(1)
    with server.served(tmp_path, cores) as port, urlopen(f"http://127.0.0.1:{port}/") as reply:
        assert json.loads(reply.read()) == sorted(cores.server)
    assert os.sched_getaffinity(0) == before


def test_a_stall_counts_for_every_request_behind_it() -> None:
    """Closed loops would see one slow reply; here all that were due during the stall are late."""

    async def scene() -> list[float]:
        stall = asyncio.get_running_loop().time() + 0.3

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"{}"):
                    await asyncio.sleep(
                        max(0.0, stall + 0.4 - asyncio.get_running_loop().time())
                        if asyncio.get_running_loop().time() > stall
                        else 0
                    )
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            except asyncio.IncompleteReadError:
                writer.close()

        listener = await asyncio.start_server(answer, "127.0.0.1", 0)
        client = Client("127.0.0.1", listener.sockets[0].getsockname()[1])
        window = await offer(client, [post("/predict", "h", b"{}")], 100, 1.0)
        await client.close()
        listener.close()
        await listener.wait_closed()
        assert not window.failures
        return window.latencies

    latencies = asyncio.run(scene())
    assert len(latencies) == 100
    assert (
        sum(value > 0.05 for value in latencies) >= 25
    )  # of 40 that were due while it stalled; a busy machine makes more late


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def replies(ends: str) -> tuple[list[int | str], int]:
    """What a client gets for 6 requests, and over how many connections, from a server that ends connections in one way."""

    async def scene() -> tuple[list[int | str], int]:
        opened = 0

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal opened
            opened += 1
            try:
                for number in range(100):
                    await reader.readuntil(b"{}")
                    if ends == "before" or (ends == "instead of the second reply" and number):
                        break
                    if ends == "inside":
                        writer.write(OK[:20])
                        break
                    writer.write(OK)
                    if ends == "when idle":
                        break
            except asyncio.IncompleteReadError:
                pass
            writer.close()

        listener = await asyncio.start_server(answer, "127.0.0.1", 0)
        client = Client("127.0.0.1", listener.sockets[0].getsockname()[1])
        seen: list[int | str] = []
        for _ in range(6):
            window = await offer(client, [post("/predict", "h", b"{}")], 100, 0.01)
            seen += [*window.failures, *(200 for _ in window.latencies)]
        await client.close()
        listener.close()
        await listener.wait_closed()
        return seen, opened

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("ends", "seen", "opened"),
    [("never", 200, 1), ("when idle", 200, 6), ("instead of the second reply", 200, 6),
     ("before", "no reply: the server closed the connection", 6), ("inside", "no reply: it ended in the middle", 6)],
)  # fmt: skip
def test_a_kept_connection_that_the_server_ended_costs_no_request(ends: str, seen: int | str, opened: int) -> None:
    assert replies(ends) == ([seen] * 6, opened)


@pytest.mark.parametrize(("share", "expected"), [(0.50, 50), (0.95, 95), (0.99, 99)])
def test_percentiles_are_values_that_were_seen(share: float, expected: int) -> None:
    assert stage.rank(list(range(1, 101)), share) == expected
    assert stage.rank([7.0], share) == 7.0


def test_a_fitted_package_behind_the_real_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stand-in: the serving command, the package's own transform, rows of the held-out part as requests."""
    from package_tables import INCOME, census, fit_config

    from mlspec.runtime.train import run as fit

    inputs, features = census(tmp_path, limit=600)
    out = run_stage_function(
        fit, tmp_path, "fit", fit_config(features, INCOME, "sklearn.LogisticRegression"), inputs, block="plain"
    )
    latency = ["metric", "latency", "plain", {"load": ["lit", 60, "rate"], "cpu": ["lit", 1, "int"]}]
    asked = [
        {"id": "fast", "expression": ["call", "p95", [latency], {}]}, {"id": "usual", "expression": ["call", "p50", [latency], {}]},
        {"id": "loads", "expression": ["metric", "load_time", "plain", {}]}, {"id": "small", "expression": ["metric", "size", "plain", {}]},
    ]  # fmt: skip
    config = {"part": "holdout", "quantities": asked, "window_seconds": 0.5}
    done = run_stage_function(measure.run, tmp_path, "measure", config, {**inputs, "package.plain": out / "package"})
    found = json.loads((done / "measurements" / "measurements.json").read_text())["quantities"]
    assert {key: entry["problem"] for key, entry in found.items()} == dict.fromkeys(found)
    assert 0 < found["usual"]["value"] <= found["fast"]["value"] < 5
    assert 0 < found["loads"]["value"] < 60
    assert found["small"]["value"] == sum(path.stat().st_size for path in (out / "package").iterdir())
    fresh = json.loads((done / "measurements" / "measurements.json").read_text())["fresh"]["plain"]
    assert fresh["equal"] is True
    assert fresh["problem"] is None
    assert fresh["rows"] > 0
    assert 0 < fresh["answer"] < 1
    monkeypatch.setattr(stage, "answers_here", lambda context, folder: ("other", "answers"))
    small = {**config, "quantities": asked[3:]}
    with pytest.raises(StageError) as caught:
        run_stage_function(measure.run, tmp_path / "again", "measure", small, {**inputs, "package.plain": out / "package"})
    assert (caught.value.code, caught.value.where) == ("MLS807", "plain")
