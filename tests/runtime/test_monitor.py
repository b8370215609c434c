"""One evaluation of a monitor on logs of known distributions: drift, nulls, labels, state, channels and exports."""

from __future__ import annotations

import json
import math
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor import monitor_once
from mlspec.runtime.monitor.loop import Page
from mlspec.runtime.monitor.notify import Alert, notify
from mlspec.runtime.monitor.state import CheckState, read_states
from tests.runtime.watched import (
    LABEL,
    NAMES,
    NOW,
    WORST_NULL,
    WORST_PSI,
    at_most,
    call,
    check,
    config,
    reference,
    write_log,
)  # fmt: skip

DRIFT = check("input_drift", at_most(WORST_PSI, 0.20))
NULLS = check("missing_inputs", at_most(WORST_NULL, 0.10))
SCORE = check("score_drift", at_most(call("psi", ["ambient", "score", "float"]), 0.10))


@pytest.fixture(scope="module")
def known():
    return reference()


def run(tmp_path, known, *checks, now=NOW, **more):
    return monitor_once(config(*checks, **more), known, tmp_path / ".mlspec" / "logs" / "api", tmp_path, now)


def status(report):
    return {found.name: found.status for found in report.checks}


def test_a_log_from_the_reference_is_steady(tmp_path, known):
    write_log(tmp_path, 3_000)
    report = run(tmp_path, known, DRIFT, NULLS, SCORE)
    assert status(report) == {"input_drift": "ok", "missing_inputs": "ok", "score_drift": "ok"}
    assert report.window.seen.records == 3_000
    assert sum(report.window.decisions.values()) == 3_000


def test_a_shift_of_one_input_is_found_and_named(tmp_path, known):
    write_log(tmp_path, 600, shift=1.0)
    report = run(tmp_path, known, DRIFT, NULLS, SCORE)
    assert status(report) == {"input_drift": "firing", "missing_inputs": "ok", "score_drift": "firing"}
    assert report.checks[0].answer.worst == "age"
    assert set(report.checks[0].answer.each) == set(NAMES)


def test_nulls_are_found(tmp_path, known):
    write_log(tmp_path, 500, nulls=0.3)
    report = run(tmp_path, known, NULLS)
    assert status(report) == {"missing_inputs": "firing"}
    assert report.checks[0].answer.value == pytest.approx(0.3, abs=0.06)
    assert report.checks[0].answer.worst == "work"


@pytest.mark.parametrize("count", [0, 1, 29, 60])
def test_too_few_records_are_insufficient_not_fine(tmp_path, known, count):
    write_log(tmp_path, count)
    report = run(tmp_path, known, DRIFT)
    assert status(report) == {"input_drift": "insufficient"}
    assert report.checks[0].answer.reason
    assert not report.firing


def test_chance_does_not_fire(tmp_path, known):
    """100 windows of 400 records from the reference itself."""
    import numpy as np

    from mlspec.runtime.monitor.checks import Evaluator
    from mlspec.runtime.monitor.logs import Seen, read_view
    from mlspec.runtime.monitor.measures import WindowMeasures
    from mlspec.runtime.monitor.window import Window
    from tests.runtime.watched import draw

    view = read_view(write_log(tmp_path, 1), "watch")
    fired = told = 0
    for seed in range(100):
        rng = np.random.default_rng(1_000 + seed)
        rows = [draw(rng) for _ in range(400)]
        live = {name: profile.empty() for name, profile in known.features.items()}
        for name, profile in live.items():
            profile.add([row["inputs"][name] for row in rows])
        window = Window(NOW, NOW, Seen(), live, {})
        answer = Evaluator(WindowMeasures(known, window, view, "watch"), "watch").answer(DRIFT["expression"])
        fired += answer.holds is False
        told += answer.holds is True
    assert fired == 0
    assert told == 100


def test_only_the_window_and_only_this_package_count(tmp_path, known):
    write_log(tmp_path, 400)
    write_log(tmp_path, 300, seed=3, shift=3.0, end=NOW - timedelta(days=2))
    write_log(tmp_path, 200, seed=4, shift=3.0, package="b" * 64)
    folder = tmp_path / ".mlspec" / "logs" / "api"
    with (folder / "2026-03-31.jsonl").open("a") as file:
        file.write('{"at": "2026-03-31T1')
    report = run(tmp_path, known, DRIFT)
    seen = report.window.seen
    assert (seen.records, seen.other_packages, seen.torn) == (400, 200, 1)
    assert status(report) == {"input_drift": "ok"}


def test_an_alert_waits_for_its_time_fires_once_and_resolves_once(tmp_path, known, capsys):
    waiting = check("input_drift", at_most(WORST_PSI, 0.20), **{"for": 7200.0})
    write_log(tmp_path, 400, shift=2.0)
    seen = []
    for hours in (0, 1, 2, 3):
        report = run(tmp_path, known, waiting, now=NOW + timedelta(hours=hours))
        seen.append((status(report)["input_drift"], len(report.deliveries)))
    assert seen == [("pending", 0), ("pending", 0), ("firing", 1), ("firing", 0)]
    later = NOW + timedelta(days=2)
    report = run(tmp_path, known, waiting, now=later)  # an empty window cannot tell: the alert stays out
    assert (status(report)["input_drift"], len(report.deliveries)) == ("firing", 0)
    write_log(tmp_path, 400, seed=9, end=later)
    report = run(tmp_path, known, waiting, now=later)
    assert (status(report)["input_drift"], len(report.deliveries)) == ("ok", 1)
    out = capsys.readouterr().out
    assert out.count("firing") == 1 and out.count("resolved") == 1


def test_state_is_append_only_and_survives_a_torn_line(tmp_path, known):
    write_log(tmp_path, 400, shift=2.0)
    run(tmp_path, known, DRIFT)
    path = tmp_path / ".mlspec" / "monitor" / "watch" / "state.jsonl"
    before = path.read_bytes()
    with path.open("ab") as file:
        file.write(b"0123456789abcdef {torn")
    assert read_states(path)["input_drift"].firing
    report = run(tmp_path, known, DRIFT)
    assert path.read_bytes().startswith(before)
    assert report.deliveries == []  # it was told already
    path.write_bytes(before.replace(b"true", b"null", 1) + before)
    with pytest.raises(StageError) as error:
        read_states(path)
    assert error.value.code == "MLS808"


def test_state_machine():
    state, found = CheckState().after(False, NOW, 60)
    assert found == "pending"
    assert state.after(None, NOW + timedelta(hours=1), 60) == (state, "insufficient")
    assert state.after(False, NOW + timedelta(seconds=60), 60)[1] == "firing"
    assert state.after(True, NOW, 60) == (CheckState(), "ok")


def test_three_valued_logic(tmp_path, known):
    write_log(tmp_path, 400, shift=2.0)
    unknown = at_most(call("rate", ["lit", True, "bool"]), 0.5)  # of 400 records all: 1.0 <= 0.5 is false
    few = check("x", ["call", "and", [at_most(WORST_PSI, 0.2), at_most(WORST_NULL, 0.5)], {}])
    either = check("y", ["call", "or", [at_most(WORST_PSI, 0.2), at_most(WORST_NULL, 0.5)], {}])
    never = check("z", ["call", "not", [at_most(WORST_NULL, 0.5)], {}])
    report = run(tmp_path, known, few, either, never, check("w", unknown))
    assert status(report) == {"x": "firing", "y": "ok", "z": "firing", "w": "firing"}


def test_what_the_log_lacks_is_a_located_error(tmp_path, known):
    write_log(tmp_path, 100)
    with pytest.raises(StageError) as error:
        run(tmp_path, known, check("income", at_most(call("psi", ["feature", "income"]), 0.2)))
    assert (error.value.code, error.value.where) == ("MLS613", "watch.income")
    with pytest.raises(StageError) as error:
        run(tmp_path, known, check("auc", ["call", ">=", [["metric", "auc", "live", {}], ["lit", 0.7, "float"]], {}]))
    assert error.value.code == "MLS609"
    with pytest.raises(StageError) as error:
        run(tmp_path, known, check("odd", at_most(call("pii_found", ["ambient", "live", "string"]), 0.2)))
    assert error.value.code == "MLS901"


def test_no_log_yet_is_a_located_error(tmp_path, known):
    with pytest.raises(StageError) as error:
        run(tmp_path, known, DRIFT)
    assert (error.value.code, error.value.where) == ("MLS818", "watch")


def test_selection_rate_by_a_feature_needs_no_labels(tmp_path, known):
    write_log(tmp_path, 2_000)
    ratio = call("ratio", ["metric", "selection_rate", "live", {}], by=["feature", "work"])
    report = run(tmp_path, known, check("fair", ["call", ">=", [ratio, ["lit", 0.8, "float"]], {}]))
    assert report.checks[0].status == "ok"
    assert report.checks[0].answer.each.keys() == {"private", "state", "self", "None"}


def delayed(tmp_path, count, flip):
    """Logs of two weeks ago, and the labels that have arrived since, in a csv."""
    import numpy as np

    from tests.runtime.watched import draw

    end = NOW - timedelta(days=10)
    write_log(tmp_path, count, end=end, hours=20, seed=5)
    rng = np.random.default_rng(5)
    lines = ["application,late"]
    for number in range(count):
        score = draw(rng)["score"]
        late = (score >= 0.5) != flip
        lines.append(f"a5-{number},{'yes' if late else 'no'}")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "late.csv").write_text("\n".join(lines) + "\n")
    columns = [
        {"name": "application", "type": "string", "tags": ["key"]},
        {"name": "late", "type": "category", "values": ["no", "yes"], "optional": True, "tags": ["outcome"]},
    ]
    source = {"source": "applications", "format": "csv", "paths": ["data/late.csv"], "options": {}, "columns": columns}
    return {"input": source, "column": LABEL["column"], "key": "application", "field": "application", "secret": None}


@pytest.mark.parametrize(("flip", "expected"), [(False, "ok"), (True, "firing")])
def test_performance_with_labels_that_arrived_later(tmp_path, known, flip, expected):
    label = delayed(tmp_path, 200, flip)
    good = ["call", ">=", [["metric", "auc", "live", {}], ["lit", 0.7, "float"]], {}]
    report = run(tmp_path, known, check("true_auc", good, delay=10 * 86400.0), label=label)
    assert status(report) == {"true_auc": expected}
    assert report.checks[0].answer.value == pytest.approx(0.0 if flip else 1.0, abs=0.01)
    assert report.checks[0].answer.n == 200


def test_a_key_that_is_logged_as_an_hmac_is_joined_and_a_missing_secret_is_told(tmp_path, known, monkeypatch):
    import hashlib
    import hmac

    label = {**delayed(tmp_path, 200, False), "secret": "salt"}
    for path in (tmp_path / ".mlspec" / "logs" / "api").glob("*.jsonl"):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        for record in records:
            key = record["fields"]["application"]
            record["fields"]["application"] = hmac.new(b"pepper", key.encode(), hashlib.sha256).hexdigest()
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    good = ["call", ">=", [["metric", "auc", "live", {}], ["lit", 0.7, "float"]], {}]
    checks = check("true_auc", good, delay=10 * 86400.0), DRIFT
    more = {"label": label, "secrets": {"salt": {"kind": "env", "variable": "LABEL_SALT"}}}
    monkeypatch.setenv("LABEL_SALT", "pepper")
    assert run(tmp_path, known, *checks, **more).checks[0].answer.n == 200
    monkeypatch.setenv("LABEL_SALT", "another")
    report = run(tmp_path, known, *checks, **more)
    assert (status(report)["true_auc"], report.checks[0].answer.n) == ("insufficient", 0)
    monkeypatch.delenv("LABEL_SALT")
    with pytest.raises(StageError) as error:
        run(tmp_path, known, *checks, **more)
    assert error.value.code == "MLS801" and "LABEL_SALT" in error.value.expected


def test_labels_that_cannot_be_read_stop_no_other_check_and_are_never_ok(tmp_path, known):
    label = delayed(tmp_path, 200, False)
    (tmp_path / "data" / "late.csv").unlink()
    write_log(tmp_path, 600, shift=1.0)
    good = ["call", ">=", [["metric", "auc", "live", {}], ["lit", 0.7, "float"]], {}]
    with pytest.raises(StageError) as error:
        run(tmp_path, known, check("true_auc", good, delay=10 * 86400.0), DRIFT, label=label)
    assert error.value.code == "MLS801"
    folder = tmp_path / ".mlspec" / "monitor" / "watch"
    first, second = json.loads((folder / "report.json").read_text())["checks"]
    assert (first["status"], first["holds"]) == ("insufficient", None) and "labels cannot be read" in first["reason"]
    assert second["status"] == "firing" and read_states(folder / "state.jsonl")["input_drift"].firing


def test_ratios_are_percent_where_the_spec_says_percent(tmp_path, known, capsys):
    from mlspec.runtime.monitor.loop import print_report

    write_log(tmp_path, 500, nulls=0.3)
    tenth = check("missing_inputs", ["call", "<=", [WORST_NULL, ["lit", 0.1, "ratio"]], {}])
    rate = ["metric", "selection_rate", "live", {}]
    spread = check("spread", ["call", "<=", [call("gap", rate, by=["feature", "work"]), ["lit", 0.5, "points"]], {}])
    report = run(tmp_path, known, tenth, NULLS, spread)
    print_report(report)
    percent, plain, points = capsys.readouterr().out.splitlines()[-3:]
    share = report.checks[0].answer.value
    assert f"{round(share * 100, 2):.6g}% for work, wanted <= 10% (n 500)" in percent
    assert f"{share:.4g} for work, wanted <= 0.1 (n 500)" in plain
    assert "pp, wanted <= 50pp" in points
    html = (tmp_path / ".mlspec" / "monitor" / "watch" / "report.html").read_text()
    assert "&lt;= 10%" in html or "<= 10%" in html


DAMAGED = [
    b"\x00\xff\xfe not text", b'{"at": "2026-03-31T1', b"[" * 100_000, b'{"at": "' + b"9" * 600_000 + b'"}', b"null", b"[]", b'{"at": 7, "fields": {}}',
    b'{"at":"2026-03-31","model":"x","fields":{}}', b'{"at":"2026-03-31T11:00:00.000000Z","fields":{}}',
    b'{"at":"2026-03-31T11:00:00.000000Z","model":"x","fields":[]}',
]  # fmt: skip
ODD = ["NaN", "1e999", '"forty"', "[1]", '{"a": 1}', "9" * 400, '"2026-99-99"']


def test_damaged_lines_and_odd_values_are_counted_and_never_a_crash(tmp_path, known, capsys):
    from mlspec.runtime.monitor.loop import print_report

    folder = write_log(tmp_path, 400)
    whole = (folder / "2026-03-31.jsonl").read_bytes()
    line = json.loads(whole.splitlines()[-1])
    line["fields"]["inputs"]["age"] = "@"
    odd = [json.dumps(line).replace('"@"', value).encode() for value in ODD]
    line["fields"]["inputs"]["age"], line["fields"]["score"] = 40, ["a", 1]
    odd.append(json.dumps(line).encode())
    (folder / "2026-03-31.jsonl").write_bytes(b"\n".join([*DAMAGED, *odd]) + b"\n" + whole)
    report = run(tmp_path, known, DRIFT, NULLS, SCORE)
    seen = report.window.seen
    assert (seen.records, seen.torn, seen.odd) == (400, len(DAMAGED), len(odd))
    assert set(status(report).values()) == {"ok"}
    print_report(report)
    assert (
        f"{len(DAMAGED)} lines without a whole record, {len(odd)} records with a value of another type"
        in capsys.readouterr().out
    )


def test_a_log_of_another_model_is_told_and_never_ok(tmp_path, known, capsys):
    from mlspec.runtime.monitor.loop import print_report

    write_log(tmp_path, 400, package="b" * 64)
    report = run(tmp_path, known, DRIFT)
    assert status(report) == {"input_drift": "insufficient"}
    print_report(report)
    assert "left out: 400 records of another package" in capsys.readouterr().out


def test_clocks_that_jump(tmp_path, known):
    """Records of later than now are counted and not used; an alert that began in the future does not wait for it."""
    write_log(tmp_path, 100, end=NOW + timedelta(days=3))
    write_log(tmp_path, 300, seed=4, shift=2.0)
    slow = check("input_drift", at_most(WORST_PSI, 0.20), **{"for": 3600.0})
    assert status(run(tmp_path, known, slow, now=NOW + timedelta(hours=1))) == {"input_drift": "pending"}
    report = run(tmp_path, known, slow)  # an hour back
    assert (report.window.seen.records, report.window.seen.future) == (300, 100)
    assert report.checks[0].since == NOW
    assert status(run(tmp_path, known, slow, now=NOW + timedelta(hours=1))) == {"input_drift": "firing"}


def test_a_value_that_a_client_chose_cannot_speak_to_the_terminal(tmp_path, known, capsys):
    from mlspec.runtime.monitor.loop import print_report

    folder = write_log(tmp_path, 400, hours=11, nulls=0.0)
    path = folder / "2026-03-31.jsonl"
    text = path.read_text()
    for name in ("private", "state", "self"):
        text = text.replace(f'"{name}"', '"\\u001b[2J\\nwatch: ok"')
    path.write_text(text)
    worst = call("worst", ["metric", "selection_rate", "live", {}], by=["feature", "work"])
    report = run(tmp_path, known, check("spread", ["call", ">=", [worst, ["lit", 2.0, "float"]], {}]))
    print_report(report)
    out = capsys.readouterr().out
    assert "\x1b" not in out and len(out.splitlines()) == 3  # the report's two lines and the channel's one


def test_prometheus_reads_the_exposition_and_nothing_unknown_is_in_it(tmp_path, known):
    write_log(tmp_path, 20)
    run(tmp_path, known, DRIFT, NULLS)
    folder = tmp_path / ".mlspec" / "monitor" / "watch"
    families = {family.name: family for family in text_string_to_metric_families((folder / "metrics.prom").read_text())}
    samples = [sample for family in families.values() for sample in family.samples]
    assert all(math.isfinite(sample.value) for sample in samples)
    assert families["mlspec_monitor_check_value"].samples == []
    statuses = {
        (s.labels["check"], s.labels["status"]) for s in families["mlspec_monitor_check_status"].samples if s.value == 1
    }
    assert statuses == {("input_drift", "insufficient"), ("missing_inputs", "insufficient")}
    page = Page(folder)
    page.serve(0)
    try:
        import urllib.request

        with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/metrics") as answer:
            assert answer.read() == (folder / "metrics.prom").read_bytes()
    finally:
        page.close()


def test_the_page_shows_checks_and_withholds_small_cells(tmp_path, known):
    write_log(tmp_path, 400, shift=1.5)
    run(tmp_path, known, DRIFT, NULLS, SCORE)
    html = (tmp_path / ".mlspec" / "monitor" / "watch" / "report.html").read_text("utf-8")
    assert "input_drift" in html and "firing" in html
    assert html.count("<svg") == len(NAMES) + 1
    assert "<script" not in html and "http://" not in html.replace("http://www.w3.org", "")
    document = json.loads((tmp_path / ".mlspec" / "monitor" / "watch" / "report.json").read_text())
    assert document["checks"][0]["holds"] is False


class Receiver:
    """A real HTTP server that answers what it is told to."""

    def __init__(self, *answers):
        self.answers, self.bodies = list(answers), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                status = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(status)
                if status == 302:
                    self.send_header("location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


ALERT = Alert(
    "watch", "input_drift", "firing", "0.4 for age, wanted <= 0.2 (n 400)", "2026-03-31T12:00:00.000000Z", 0.4, 0.2, "age", 400
)


@pytest.mark.parametrize(
    ("answers", "delivered", "attempts"),
    [
        ((204,), True, 1),
        ((500, 503, 200), True, 3),
        ((500,), False, 3),
        ((404,), False, 1),
        ((302,), False, 1),
        ((429, 200), True, 2),
    ],
)
def test_a_webhook_gets_the_alert_with_retries(tmp_path, answers, delivered, attempts):
    with Receiver(*answers) as receiver:
        pauses = []
        channels = {"pager": {"kind": "webhook", "url": receiver.url}}
        (found,) = notify([(ALERT, ["pager"])], channels, tmp_path, pauses.append)
    assert (found.delivered, found.attempts) == (delivered, attempts)
    assert len(receiver.bodies) == attempts == len(pauses) + 1
    assert receiver.bodies[0]["check"] == "input_drift"


def test_a_webhook_that_is_down_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PAGER_URL", "http://127.0.0.1:1/hook-with-a-token")
    channels = {"pager": {"kind": "slack", "url": {"kind": "env", "variable": "PAGER_URL"}}, "console": {"kind": "log"}}
    first, second = notify([(ALERT, ["pager", "console"])], channels, tmp_path, lambda _: None)
    assert (first.delivered, first.attempts, second.delivered) == (False, 3, True)
    assert "hook-with-a-token" not in first.problem
    assert "watch.input_drift firing" in capsys.readouterr().out


def test_a_channel_over_plain_http_to_elsewhere_is_refused(tmp_path):
    with pytest.raises(StageError):
        notify([(ALERT, ["pager"])], {"pager": {"kind": "webhook", "url": "http://example.com/x"}}, tmp_path)


def test_a_log_channel_with_a_path_appends_json_lines(tmp_path):
    channels = {"file": {"kind": "log", "path": "alerts/watch.jsonl"}}
    notify([(ALERT, ["file"]), (ALERT, ["file"])], channels, tmp_path)
    lines = (tmp_path / "alerts" / "watch.jsonl").read_text().splitlines()
    assert [json.loads(line)["check"] for line in lines] == ["input_drift"] * 2


def test_the_loop_evaluates_again_exports_and_ends_on_sigterm(tmp_path, known):
    import signal
    import subprocess
    import sys
    import urllib.request

    from tests.runtime.serve_process import until
    from tests.runtime.watched import FEATURES, PACKAGE

    end = datetime.now(UTC)
    write_log(tmp_path, 400, end=end)
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "reference.json").write_text(
        json.dumps(
            {
                "format": 1, "package": PACKAGE, "part": "holdout", "rows": known.rows, "min_cell": 10, "threshold": 0.5, "metrics": {},
                "features": {name: known.features[name].to_json() for name in FEATURES}, "label": LABEL,
                "score": {"score": known.score["score"].to_json()}, "decisions": dict(known.decisions),
            }
        )
    )  # fmt: skip
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom mlspec.runtime.monitor import main\n"
        "sys.exit(main(json.loads(sys.argv[1]), Path('reference'), Path('.'), once=False, listen=0))\n"
    )
    given = json.dumps(config(DRIFT, every=0.3))
    process = subprocess.Popen(
        [sys.executable, "-c", code, given], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stderr.readline()
        address = line.split(" at ")[1].strip()
        state = tmp_path / ".mlspec" / "monitor" / "watch" / "state.jsonl"
        assert until(lambda: state.exists() and len(state.read_bytes().splitlines()) >= 3, 15)
        with urllib.request.urlopen(address) as answer:
            assert b'mlspec_monitor_check_status{check="input_drift"' in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert "input_drift" in process.stdout.read()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
        process.stdout.close()
