"""A real package, trained on the real census data, served by the real command, scored in batch and watched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.monitor import monitor_once
from mlspec.runtime.monitor.once import read_reference
from mlspec.runtime.package import load_package
from mlspec.runtime.runs import write_summary
from mlspec.runtime.score import score_file
from mlspec.runtime.serve import find_release
from mlspec.runtime.store import Store
from tests.runtime.package_tables import INCOME, census, fit_config
from tests.runtime.serve_process import ServerProcess, until
from tests.runtime.watched import WORST_NULL, WORST_PSI, at_most, call, check
from tests.support.stages import run_stage_function

LOG = {
    "name": "decisions", "keep": 86400.0, "sample": None,
    "fields": [
        {"name": "score", "expression": ["call", "round", [["ambient", "score", "float"]], {"digits": 3}]},
        {"name": "inputs", "expression": ["features", ["age", "education", "workclass", "occupation", "relationship", "gain", "loss", "hours"]]},
        {"name": "who", "expression": ["call", "hmac", [["col", "occupation", "category?"]], {"key": ["secret", "salt"]}]},
    ],
}  # fmt: skip
CONFIG = {
    "name": "income_api", "model": "plain", "gates": "release", "log": LOG, "secrets": {"salt": {"kind": "env", "variable": "LOG_SALT"}},
    "limits": {"drain_delay": 0.1, "grace": 5},
}  # fmt: skip


class World:
    """A fitted package, its reference, and the rows of the holdout as requests."""

    def __init__(self, folder: Path) -> None:
        from mlspec.runtime.monitor import reference
        from mlspec.runtime.train import run as fit

        self.inputs, self.features = census(folder, 3_000)
        fitted = run_stage_function(
            fit, folder, "fit", fit_config(self.features, INCOME, "sklearn.LogisticRegression"), self.inputs
        )
        self.folder = fitted / "package"
        self.package = load_package(self.folder)
        config = {"part": "holdout", "features": self.features, "label": INCOME, "min_cell": 10}
        held = run_stage_function(
            reference.run, folder, "reference", config, {**self.inputs, "package": self.folder}, block="watch"
        )
        self.reference_folder = held / "reference"
        parts = pq.read_table(self.inputs["parts"] / "rows.parquet").to_pylist()
        wanted = {row["__row"] for row in parts if row["part"] == "holdout"}
        names = [column["name"] for column in self.package.columns]
        rows = pq.read_table(self.inputs["rows"] / "rows.parquet").to_pylist()
        self.requests = [{name: row[name] for name in names} for row in rows if row["__row"] in wanted]
        values = pq.read_table(self.inputs["values"] / "rows.parquet")
        held_rows = [place for place, row in enumerate(values.column("__row").to_pylist()) if row in wanted]
        taken = values.take(held_rows)
        self.values = {feature["name"]: taken.column(f"f.{feature['name']}").to_numpy() for feature in self.features}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def serve(folder: Path, package: Path, *arguments: str, **changes) -> ServerProcess:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "serve.json").write_text(json.dumps({**CONFIG, **changes}))
    command = [sys.executable, "-m", "mlspec.runtime.serve", "--package", str(package), "--config", "serve.json", "--port", "0"]
    return ServerProcess([*command, *arguments], folder, {"LOG_SALT": "salt"})


@pytest.fixture(scope="module")
def running(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with serve(folder, world.folder) as server:
        server.folder = folder
        yield server


def test_the_api_the_batch_and_the_evaluation_give_the_same_bits(world, running, tmp_path):
    """S10: every holdout row through HTTP, through a file, and through the values that gates were measured on."""
    api = []
    for start in range(0, len(world.requests), 300):
        status, reply = running.predict({"records": world.requests[start : start + 300]})
        assert status == 200 and reply["model"] == world.package.digest
        api += reply["records"]
    judged = world.package.score_values(world.values)
    assert [row["probability"] for row in api] == judged.score.tolist()
    assert [row["decision"] for row in api] == judged.decision
    one = running.predict(world.requests[5])[1]
    assert (one["probability"], one["decision"]) == (api[5]["probability"], api[5]["decision"])
    import pyarrow as pa

    (tmp_path / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(world.requests), tmp_path / "data" / "people.parquet")
    config = {
        "name": "nightly", "input": {"format": "parquet", "paths": ["data/people.parquet"], "options": {}},
        "output": {"path": "scores.parquet", "format": "parquet"}, "keys": ["age"],
    }  # fmt: skip
    written = pq.read_table(score_file(world.package, config, tmp_path).path)
    assert written.column("score").to_pylist() == judged.score.tolist()
    assert written.column("decision").to_pylist() == judged.decision
    assert written.column("age").to_pylist() == [row["age"] for row in world.requests]


def test_the_example_is_a_request_and_openapi_31_holds_the_schema(world, running):
    import jsonschema

    status, _, page = running.request("GET", "/openapi.json")
    document = json.loads(page)
    assert status == 200 and document["openapi"] == "3.1.0"
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    assert content["example"] == json.loads((world.folder / "example.json").read_text())
    status, reply = running.predict(content["example"])
    assert status == 200

    def valid(value, schema):
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)

    valid(content["example"], content["schema"])
    valid(reply, document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"])
    status, refused = running.predict({**content["example"], "age": 200})
    assert status == 422
    valid(refused, document["paths"]["/predict"]["post"]["responses"]["422"]["content"]["application/json"]["schema"])
    with pytest.raises(jsonschema.ValidationError):
        valid({**content["example"], "age": 200}, content["schema"])


def test_the_server_imports_neither_pandas_nor_sklearn(world, tmp_path):
    code = (
        "import json, sys\nfrom pathlib import Path\n"
        "from mlspec.runtime.serve.main import serve_package\n"
        "from mlspec.runtime.serve.app import Service, build_app\nfrom mlspec.runtime.serve.config import read_config\n"
        "from mlspec.runtime.package import load_package\n"
        "package = load_package(Path(sys.argv[1]))\n"
        "service = Service(package, read_config(json.loads(sys.argv[2])), Path('.'))\n"
        "build_app(service, True)\n"
        "service.predictor.answer([json.loads((package.folder / 'example.json').read_text())], False, 'x')\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(world.folder), json.dumps(CONFIG)], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "LOG_SALT": "salt"}, check=True,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout))
    assert "onnxruntime" in loaded
    assert not loaded & {
        "pandas",
        "sklearn",
        "scipy",
        "duckdb",
        "pyarrow",
        "torch",
        "mlflow",
        "lark",
        "jinja2",
        "rich",
        "sqlglot",
    }


def test_a_server_is_up_within_two_seconds_of_cpu(running):
    used = psutil.Process(running.process.pid).cpu_times()
    # CPU, not the wall clock, which on a busy machine measures the others; requests of earlier tests are in it.
    assert used.user + used.system < 6
    assert running.request("GET", "/readyz")[0] == 200


def test_the_log_holds_the_rounded_score_and_the_key_as_hmac(world, running):
    import hashlib
    import hmac

    request = {**world.requests[0], "occupation": "Sales"}
    _, reply = running.predict(request)
    folder = running.folder / ".mlspec" / "logs" / "income_api"

    def last():
        lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
        return json.loads(lines[-1]) if lines else {"fields": {}}

    expected = hmac.new(b"salt", b"Sales", hashlib.sha256).hexdigest()
    assert until(lambda: last()["fields"].get("who") == expected)
    fields = last()["fields"]
    assert fields["score"] == round(reply["probability"], 3)
    assert fields["inputs"]["education"] == request["education_num"]
    assert set(fields) == {"score", "inputs", "who"}
    assert set(fields["inputs"]) == {feature["name"] for feature in world.features}


def test_an_unknown_category_is_answered_and_counted(world, running):
    def count():
        page = running.request("GET", "/metrics")[2].decode()
        return float(page.split('mlspec_unknown_categories_total{column="occupation"} ')[1].split()[0])

    before = count()
    assert running.predict({**world.requests[0], "occupation": "Astronaut"})[0] == 200
    assert running.predict({**world.requests[0], "occupation": None})[0] == 200
    assert count() == before + 1


def test_fifty_requests_a_second_are_answered(world, running):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    due = time.perf_counter()
    for number in range(150):
        due += 0.02
        time.sleep(max(0.0, due - time.perf_counter()))
        body = json.dumps(world.requests[number])
        connection.request("POST", "/predict", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200 and json.loads(answer.read())["decision"]
    connection.close()


def test_drift_on_real_traffic_is_told_from_no_drift(world, tmp_path):
    config = {
        "name": "watch", "of": "income_api", "every": 3600.0, "window": 86400.0, "min_cell": 10, "task": "binary", "positive": ">50K",
        "favourable": ">50K", "label": None, "channels": {"console": {"kind": "log"}},
        "checks": [
            check("input_drift", at_most(_real(WORST_PSI), 0.20)), check("missing_inputs", at_most(_real(WORST_NULL), 0.10)),
            check("score_drift", at_most(call("psi", ["ambient", "score", "float"]), 0.10)),
        ],
    }  # fmt: skip
    reference = read_reference(world.reference_folder)
    assert reference.package == world.package.digest
    assert 0.8 < reference.metrics["auc"] < 1

    def watch(requests, name):
        root = tmp_path / name
        with serve(root, world.folder) as server:
            server.predict({"records": requests})
        return monitor_once(config, reference, root / ".mlspec" / "logs" / "income_api", root, datetime.now(UTC))

    steady = watch(world.requests, "steady")
    assert {found.name: found.status for found in steady.checks} == dict.fromkeys(
        ("input_drift", "missing_inputs", "score_drift"), "ok"
    )
    assert steady.window.seen.records == len(world.requests)
    older = [
        {**row, "age": min(90, row["age"] + 15), "workclass": None if place % 5 == 0 else row["workclass"]}
        for place, row in enumerate(world.requests)
    ]
    moved = watch(older, "moved")
    found = {item.name: item for item in moved.checks}
    assert found["input_drift"].status == "firing" and found["input_drift"].answer.worst == "age"
    assert found["missing_inputs"].status == "firing" and found["missing_inputs"].answer.worst == "workclass"


def _real(form):
    names = ["age", "education", "workclass", "occupation", "relationship", "gain", "loss", "hours"]
    return json.loads(json.dumps(form).replace('["age", "work", "gain"]', json.dumps(names)))


def a_run(root: Path, number: int, digest: str, **changes) -> None:
    folder = root / ".mlspec" / "runs" / f"{number:06d}"
    folder.mkdir(parents=True)
    verdict = {"passed": True, "gates": [{"name": "useful", "passed": True}], "packages": {"plain": digest}}
    stages = {"plain-fit": {"id": "plain-fit", "kind": "fit", "block": "plain", "outputs": {"package": {"digest": digest}}}}
    write_summary(folder, {
        "format": 1, "run": folder.name, "spec_digest": "spec-1", "env": None, "exit_code": 0, "stages": stages,
        "verdicts": {"release": verdict}, **changes,
    })  # fmt: skip


@pytest.fixture
def project(world, tmp_path):
    store = Store(tmp_path)
    store.prepare()
    work = store.temporary / "package"
    shutil.copytree(world.folder, work, dirs_exist_ok=True)
    digest = store.publish(work, "model").digest
    assert digest == world.package.digest
    return tmp_path, digest


def failing(digest):
    return {"release": {"passed": False, "gates": [{"name": "useful", "passed": False}], "packages": {"plain": digest}}}


def test_the_newest_passed_run_of_this_spec_is_served(project):
    root, digest = project
    a_run(root, 1, digest)
    a_run(root, 2, digest)
    a_run(root, 3, digest, verdicts=failing(digest))
    a_run(root, 4, digest, spec_digest="spec-2")
    a_run(root, 5, digest, env="dev")
    a_run(root, 6, digest, guarded=True)
    release = find_release(root, "spec-1", CONFIG)
    assert (release.run, release.digest) == ("000002", digest)
    a_run(root, 7, digest, env="small_machine", guarded=False)
    assert find_release(root, "spec-1", CONFIG).run == "000007", "an env that changes nothing guarded"
    assert load_package(release.package).digest == digest


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"verdicts": None}, "run 000001 failed useful"),
        ({"env": "dev"}, "run 000001 ran under env `dev`, which changes what models depend on"),
        ({"env": "dev", "guarded": True}, "run 000001 ran under env `dev`, which changes"),
        ({"guarded": True}, "run 000001 ran with overrides, which changes"),
        ({"verdicts": {}}, "run 000001 has no verdict of `release`"),
        ({"spec_digest": "spec-2"}, "run 000001 ran the spec as it was then"),
        ({"verdicts": {"release": {"passed": True, "gates": [], "packages": {"other": "0"}}}}, "is not about `plain`"),
        ({"verdicts": {"release": {"passed": None, "gates": [], "packages": {}}}}, "run 000001 failed its gates"),
    ],
)
def test_without_a_release_the_reason_is_told(project, changes, found):
    root, digest = project
    if changes.get("verdicts", 0) is None:
        changes = {"verdicts": failing(digest)}
    a_run(root, 1, digest, **changes)
    with pytest.raises(StageError) as error:
        find_release(root, "spec-1", CONFIG)
    assert error.value.code == "MLS813" and found in error.value.found


def test_a_package_changed_on_disk_is_refused(project):
    root, digest = project
    a_run(root, 1, digest)
    release = find_release(root, "spec-1", CONFIG)
    path = release.package / "transform.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(StageError) as error:
        find_release(root, "spec-1", CONFIG)
    assert error.value.code == "MLS808"


def test_unreleased_takes_the_newest_package_and_only_loopback(project):
    from mlspec.runtime.serve.config import read_config
    from mlspec.runtime.serve.listen import Listen
    from mlspec.runtime.serve.main import serve_package

    root, digest = project
    a_run(root, 1, digest, verdicts=failing(digest))
    assert find_release(root, "spec-1", CONFIG, unreleased=True).digest == digest
    with pytest.raises(StageError) as error:
        serve_package(lambda: None, read_config(CONFIG), Listen("0.0.0.0", 0), unreleased=True)
    assert error.value.code == "MLS813"


def test_a_package_that_is_deleted_while_it_serves_goes_on_answering(world, tmp_path):
    copied = shutil.copytree(world.folder, tmp_path / "copy")
    example = json.loads((copied / "example.json").read_text())
    with serve(tmp_path, copied) as server:
        status, before = server.predict(example)
        shutil.rmtree(copied)
        assert status == 200
        assert server.predict(example) == (200, before)
        assert server.predict({"records": [example] * 40})[0] == 200
        assert [server.request("GET", path)[0] for path in ("/openapi.json", "/model", "/metrics", "/readyz")] == [200] * 4
        assert "Traceback" not in server.stderr


def test_unreleased_says_so(world, tmp_path):
    with serve(tmp_path, world.folder, "--unreleased") as server:
        assert "UNRELEASED" in server.stderr
        assert json.loads(server.request("GET", "/model")[2])["released"] is False


def test_a_real_prometheus_scrapes_the_server(world, running, tmp_path):
    program = shutil.which("prometheus")
    if program is None:
        message = "no `prometheus` on this machine: apt-get install -y --no-install-recommends prometheus"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: mlspec\n    static_configs:\n"
        f"      - targets: ['127.0.0.1:{running.port}']\n"
    )
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out)
    try:
        running.predict(world.requests[0])

        def value(query):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={query}", timeout=2) as answer:
                    found = json.loads(answer.read())["data"]["result"]
            except OSError:
                return None
            return float(found[0]["value"][1]) if found else None

        assert until(lambda: value("up") == 1.0, 20), (tmp_path / "out").read_text()
        assert until(lambda: (value("sum(mlspec_requests_total)") or 0) >= 1, 10)
        assert value("mlspec_model_info") == 1.0
    finally:
        process.terminate()
        process.wait(10)
