"""The request log and the metrics: exactly the declared fields, nothing personal beyond them, and never a failed prediction."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlspec.runtime.serve import request_log as log_module
from mlspec.runtime.serve.config import LogConfig, LogField
from mlspec.runtime.serve.request_log import RequestLog, purge
from tests.runtime.serve_process import GOOD, serve_fake, until

FIELDS = [
    {"name": "score", "expression": ["ambient", "score", "float"]},
    {"name": "inputs", "expression": ["features", ["age", "workclass"]]},
    {"name": "arm", "expression": ["ambient", "arm", "string?"]},
]
LOG = {"name": "decisions", "keep": 86400, "sample": None, "fields": FIELDS}


def lines_of(folder):
    files = sorted((folder / ".mlspec" / "logs" / "income_api").glob("*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def series(page: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_a_record_is_the_envelope_and_exactly_the_declared_fields(tmp_path):
    with serve_fake(tmp_path, {"log": LOG}) as server:
        _, headers, reply = server.request("POST", "/predict", GOOD)
        server.predict({"records": [GOOD, {**GOOD, "age": 50}]})
        assert until(lambda: len(lines_of(tmp_path)) == 3)
    first, second, third = lines_of(tmp_path)
    assert list(first) == ["at", "request_id", "model", "arm", "fields"]
    assert first["request_id"] == headers["x-request-id"]
    assert first["model"] == "f" * 64
    assert first["fields"] == {
        "score": json.loads(reply)["probability"],
        "inputs": {"age": 40, "workclass": "Private"},
        "arm": None,
    }
    assert abs((datetime.now(UTC) - datetime.fromisoformat(first["at"])).total_seconds()) < 60
    assert second["request_id"].endswith(".0") and third["request_id"].endswith(".1")
    assert third["fields"]["inputs"]["age"] == 50


def test_no_marker_of_a_person_leaves_by_any_way(tmp_path):
    """A canary in every kind of field, also in requests that are refused, is in no log, metric, message or header."""
    canary = "zq8-canary-7f31"
    log = {**LOG, "fields": [FIELDS[0]]}
    with serve_fake(tmp_path, {"log": log}) as server:
        replies = [
            server.request("POST", "/predict", {**GOOD, "workclass": canary}),
            server.request("POST", "/predict", {**GOOD, "sex": canary}),
            server.request("POST", "/predict", {**GOOD, canary: 1}),
            server.request("POST", "/predict", {**GOOD, "wage": canary, "born": canary, "seen": canary, "age": canary}),
            server.request("POST", "/predict", f'{{"age": {canary}}}'),
            server.request("POST", f"/predict?person={canary}", GOOD, {"user-agent": canary, "cookie": canary}),
            server.request("GET", f"/{canary}"),
            server.request("GET", "/metrics"),
        ]
        assert [status for status, _, _ in replies] == [200, 422, 422, 422, 400, 200, 404, 200]
    for _, headers, reply in replies:
        assert canary.encode() not in reply
        assert canary not in str(headers)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert canary.encode() not in path.read_bytes(), path
    assert canary not in server.stderr
    assert len(lines_of(tmp_path)) == 2


def test_a_failing_log_disk_costs_records_that_are_counted_and_no_prediction(tmp_path):
    blocked = tmp_path / ".mlspec" / "logs"
    blocked.mkdir(parents=True)
    (blocked / "income_api").write_text("a file where the folder should be")
    with serve_fake(tmp_path, {"log": LOG}) as server:
        for _ in range(30):
            assert server.predict(GOOD)[0] == 200
        dropped = ("mlspec_log_records_dropped_total", (("reason", "disk"),))
        assert until(lambda: series(server.request("GET", "/metrics")[2])[dropped] == 30)
        (blocked / "income_api").unlink()  # the disk is back
        assert server.predict(GOOD)[0] == 200
        assert until(lambda: len(lines_of(tmp_path)) == 1)
    assert server.stderr.count("request log") == 1  # said once, not once per record


def test_a_disk_that_fills_up_costs_records_and_leaves_whole_lines_when_there_is_room_again(tmp_path):
    """The limit of a file's size stands for a full disk: a write is cut in the middle, then refused."""
    import resource

    with serve_fake(tmp_path, {"log": LOG}) as server:
        assert server.predict(GOOD)[0] == 200
        assert until(lambda: len(lines_of(tmp_path)) == 1)
        (path,) = (tmp_path / ".mlspec" / "logs" / "income_api").glob("*.jsonl")
        size = path.stat().st_size
        unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 50, resource.RLIM_INFINITY))
        for _ in range(20):
            assert server.predict(GOOD)[0] == 200
        dropped = ("mlspec_log_records_dropped_total", (("reason", "disk"),))
        assert until(lambda: series(server.request("GET", "/metrics")[2])[dropped] == 20)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        for _ in range(3):
            assert server.predict(GOOD)[0] == 200
        written = ("mlspec_log_records_total", ())
        assert until(lambda: series(server.request("GET", "/metrics")[2])[written] == 4)
        assert server.stderr.count("request log") == 1 and "Traceback" not in server.stderr
    whole = []
    for line in path.read_bytes().splitlines():
        try:
            whole.append(json.loads(line))
        except ValueError:
            continue
    assert len(whole) == 4


def test_a_log_folder_that_may_not_be_written_costs_records_and_no_prediction(tmp_path):
    """A read-only folder, for whoever runs the tests: even root cannot write below a folder of the kernel's."""
    (tmp_path / ".mlspec" / "logs").mkdir(parents=True)
    (tmp_path / ".mlspec" / "logs" / "income_api").symlink_to("/proc/self/net")
    with serve_fake(tmp_path, {"log": LOG}) as server:
        for _ in range(5):
            assert server.predict(GOOD)[0] == 200
        dropped = ("mlspec_log_records_dropped_total", (("reason", "disk"),))
        assert until(lambda: series(server.request("GET", "/metrics")[2])[dropped] == 5)
        said = [line for line in server.stderr.splitlines() if "request log" in line]
        assert 1 <= len(said) == len(set(said)) <= 3 and "Traceback" not in server.stderr  # once a cause, not once a record


def test_the_number_of_series_does_not_grow_with_what_clients_send(tmp_path):
    with serve_fake(tmp_path, {}) as server:
        server.predict(GOOD)
        before = series(server.request("GET", "/metrics")[2])
        for number in range(1_000):
            server.request("POST", "/predict", {**GOOD, "workclass": f"value-{number}"}, {"user-agent": f"agent-{number}"})
            server.request("GET", f"/path-{number}")
        _, _, page = server.request("GET", "/metrics")
    after = series(page)
    assert set(after) == set(before)
    assert len(page) < 100_000
    assert after["mlspec_unknown_categories_total", (("column", "workclass"),)] == 1_000
    assert after["mlspec_requests_total", (("code", "404"), ("route", "other"))] == 1_000
    assert after["mlspec_records_total", ()] == 1_001


def test_metrics_leave_the_main_port_when_there_is_an_admin_port(tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serve_fake(tmp_path, {}, json.dumps({"admin_port": port})) as server:
        assert server.predict(GOOD)[0] == 200
        assert server.request("GET", "/metrics")[0] == 404
        status, _, page = server.request("GET", "/metrics", port=port)
        assert status == 200
        assert series(page)["mlspec_requests_total", (("code", "200"), ("route", "predict"))] == 1
        assert server.request("POST", "/predict", GOOD, port=port)[0] == 404


def test_the_sample_is_chosen_by_the_request_id_near_its_share(tmp_path):
    from mlspec.runtime.serve.predict import _sampled

    chosen = [_sampled(f"request-{number}", 0.1) for number in range(20_000)]
    assert 1_800 < sum(chosen) < 2_200
    assert chosen == [_sampled(f"request-{number}", 0.1) for number in range(20_000)]
    assert not any(_sampled(str(number), 0.0) for number in range(1_000))
    assert all(_sampled(str(number), 1.0) for number in range(1_000))


class Counted:
    def __init__(self):
        self.dropped, self.written = {}, 0

    def drop(self, reason, count):
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def write(self, count):
        self.written += count


@pytest.fixture
def counted():
    return Counted()


def a_log(folder, counted, keep=86400.0, now=None, **more):
    config = LogConfig("decisions", keep, None, (LogField("score", ["ambient", "score", "float"]),), **more)
    extra = {"now": now} if now else {}
    return RequestLog(folder, config, counted.drop, counted.write, **extra)


def test_a_full_queue_drops_and_counts_exactly(tmp_path, counted):
    log = a_log(tmp_path / "log", counted)  # not started: a disk that never answers
    taken = sum(log.offer(b"x" * 100 + b"\n") for _ in range(log_module.QUEUE_RECORDS + 250))
    assert (taken, counted.dropped) == (log_module.QUEUE_RECORDS, {"queue": 250})
    log.close(0)
    assert counted.dropped == {"queue": 250 + log_module.QUEUE_RECORDS}


def test_the_queue_is_bounded_in_bytes(tmp_path, counted):
    log = a_log(tmp_path / "log", counted)
    taken = sum(log.offer(b"x" * 100_000) for _ in range(100))
    assert taken == log_module.QUEUE_BYTES // 100_000
    assert counted.dropped == {"queue": 100 - taken}


def test_what_was_offered_is_written_or_counted(tmp_path, counted):
    log = a_log(tmp_path / "log", counted)
    log.start()
    for number in range(25_000):
        log.offer(b'{"n":%d}\n' % number)
    log.close(10)
    assert counted.written + counted.dropped.get("queue", 0) == 25_000
    (path,) = (tmp_path / "log").glob("*.jsonl")
    assert len(path.read_bytes().splitlines()) == counted.written


def test_a_day_file_has_a_bound(tmp_path, counted):
    log = a_log(tmp_path / "log", counted, day_bytes=1_000)
    log.start()
    for _ in range(50):
        log.offer(b"y" * 99 + b"\n")
    log.close(5)
    assert (counted.written, counted.dropped) == (10, {"size": 40})


def test_a_torn_line_does_not_spoil_the_next_record(tmp_path, counted):
    folder = tmp_path / "log"
    folder.mkdir()
    now = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
    (folder / "2026-03-31.jsonl").write_bytes(b'{"at":"2026-03-31T11:00:00.000000Z"}\n{"at":"2026-0')
    log = a_log(folder, counted, now=lambda: now)
    log.start()
    log.offer(b'{"at":"2026-03-31T12:00:00.000000Z"}\n')
    log.close(5)
    lines = (folder / "2026-03-31.jsonl").read_bytes().splitlines()
    assert json.loads(lines[0]) and json.loads(lines[-1])["at"].startswith("2026-03-31T12")


def test_nothing_older_than_keep_stays(tmp_path):
    now = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
    for day in range(6):
        for hour in (0, 11, 13, 23):
            at = (now - timedelta(days=day)).replace(hour=hour)
            with (tmp_path / f"{at:%Y-%m-%d}.jsonl").open("a") as file:
                file.write(json.dumps({"at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}) + "\n")
    (tmp_path / "notes.txt").write_text("not ours")
    purge(tmp_path, 3 * 86400, now.timestamp())
    left = [json.loads(line)["at"] for path in sorted(tmp_path.glob("*.jsonl")) for line in path.read_text().splitlines()]
    assert min(left) == "2026-03-28T13:30:00.000000Z"
    assert len(left) == 4 * 3 + 2
    assert (tmp_path / "notes.txt").exists()


def test_a_purge_that_was_killed_leaves_whole_files_and_the_next_one_finishes(tmp_path, monkeypatch):
    now = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
    path = tmp_path / "2026-03-30.jsonl"
    path.write_text('{"at":"2026-03-30T01:00:00.000000Z"}\n{"at":"2026-03-30T13:00:00.000000Z"}\n')

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            purge(tmp_path, 86400, now)
    assert len(path.read_text().splitlines()) == 2
    purge(tmp_path, 86400, now)
    assert path.read_text() == '{"at":"2026-03-30T13:00:00.000000Z"}\n'
    assert [found.name for found in tmp_path.iterdir()] == ["2026-03-30.jsonl"]


def test_a_long_day_is_cut_without_holding_it_in_memory(tmp_path):
    import tracemalloc

    now = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
    with (tmp_path / "2026-03-30.jsonl").open("w") as file:
        for number in range(60_000):
            hour, second = divmod(number, 2_500)
            file.write(
                f'{{"at":"2026-03-30T{hour:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000000Z","pad":"{"x" * 200}"}}\n'
            )
    tracemalloc.start()
    purge(tmp_path, 86400, now)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with (tmp_path / "2026-03-30.jsonl").open() as file:
        lines = file.readlines()
    assert len(lines) == 30_000 and lines[0].startswith('{"at":"2026-03-30T12:00:00')
    assert peak < 4 * 1024 * 1024
