"""Submission by kfp's own client to a double of the server: a real HTTP server that speaks the few endpoints that a run takes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlspec.backend import RunRequest, RunResult
from mlspec.registry import load_backend
from tests.targets.kfp_graphs import IMAGE, everything, options
from tests.targets.kfp_world import shop

MLSPEC = Path(sys.executable).with_name("mlspec")


class Double(ThreadingHTTPServer):
    """No KFP server can be had here: this one keeps experiments and runs in memory, and what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.experiments: dict[str, dict[str, Any]] = {}
        self.refuses = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Double

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append(("GET", path, None))
        if path == "/apis/v2beta1/healthz":
            self._say(200, {"multi_user": False})
        elif path == "/apis/v2beta1/experiments":
            self._say(200, {"experiments": list(self.server.experiments.values()), "total_size": len(self.server.experiments)})
        else:
            self._say(404, {"error": f"no {path}"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        self.server.asked.append(("POST", path, body))
        if self.server.refuses:
            self._say(403, {"error": "you may not"})
        elif path == "/apis/v2beta1/experiments":
            made = {"experiment_id": f"e{len(self.server.experiments)}", "display_name": body["display_name"]}
            self.server.experiments[body["display_name"]] = made
            self._say(200, made)
        elif path == "/apis/v2beta1/runs":
            self._say(200, {"run_id": "r-17", "display_name": body["display_name"], "experiment_id": body["experiment_id"]})
        elif path == "/apis/v2beta1/recurringruns":
            self._say(200, {"recurring_run_id": "rr-1", "display_name": body["display_name"]})
        else:
            self._say(404, {"error": f"no {path}"})

    def _say(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def double() -> Iterator[Double]:
    server = Double()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def submit(folder: Path, **given: str) -> RunResult:
    backend = load_backend("kfp")
    assert backend.run is not None
    return backend.run(RunRequest(everything(), folder, options=options(**given)))


def test_a_run_is_created_with_the_whole_pipeline(double: Double, tmp_path: Path) -> None:
    result = submit(tmp_path, endpoint=double.address, image=IMAGE, volume="shop-data")
    assert result.passed and result.run_id == "r-17" and not result.errors
    assert result.summary["url"] == f"{double.address}/#/runs/details/r-17"
    posts = [(path, body) for method, path, body in double.asked if method == "POST"]
    assert [path for path, _ in posts] == ["/apis/v2beta1/experiments", "/apis/v2beta1/runs"]
    run = posts[1][1]
    assert run["display_name"] == "shop-news" and run["experiment_id"] == "e0"
    assert run["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "shop-news"
    kubernetes = run["pipeline_spec"]["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert kubernetes["exec-inputs-features"]["secretAsEnv"][0]["secretName"] == "shop-news"
    tasks = run["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert set(tasks) == {stage.id for stage in everything()} and all(not task["cachingOptions"] for task in tasks.values())


def test_an_experiment_that_is_there_is_used(double: Double, tmp_path: Path) -> None:
    double.experiments["autumn"] = {"experiment_id": "e9", "display_name": "autumn"}
    assert submit(tmp_path, endpoint=double.address, image=IMAGE, experiment="autumn").passed
    ((_, _, run),) = [asked for asked in double.asked if asked[0] == "POST"]
    assert run["experiment_id"] == "e9"


def test_no_image_no_run(double: Double, tmp_path: Path) -> None:
    result = submit(tmp_path, endpoint=double.address)
    assert not result.passed and result.errors[0]["code"] == "MLS705" and not double.asked


def test_a_server_that_refuses_or_is_not_there(double: Double, tmp_path: Path) -> None:
    double.refuses = True
    refused = submit(tmp_path, endpoint=double.address, image=IMAGE)
    assert not refused.passed and refused.errors[0]["code"] == "MLS809"
    absent = submit(tmp_path, endpoint="http://127.0.0.1:9", image=IMAGE)
    assert absent.errors[0]["code"] == "MLS809" and "127.0.0.1:9" in absent.errors[0]["message"]


@pytest.mark.filterwarnings("ignore:This client only works:FutureWarning")
@pytest.mark.parametrize(
    ("name", "given"), [("nightly-news", {"cron_expression": "0 30 2 * * 1-5"}), ("hourly", {"interval_second": 3600})]
)
def test_a_recurring_run_is_what_the_client_sends(double: Double, tmp_path: Path, name: str, given: dict[str, Any]) -> None:
    from kfp.client import Client

    files = load_backend("kfp").emit(everything(), options(image=IMAGE)).files
    (tmp_path / "pipeline.yaml").write_text(files["pipeline.yaml"])
    client = Client(host=double.address)
    client.create_recurring_run(
        "e0",
        f"shop-news-{name}",
        max_concurrency=1,
        no_catchup=True,
        pipeline_package_path=str(tmp_path / "pipeline.yaml"),
        **given,
    )
    ((_, _, sent),) = [asked for asked in double.asked if asked[1] == "/apis/v2beta1/recurringruns"]
    ours = json.loads(files[f"recurring-{name}.json"])
    theirs = {field: sent[field] for field in ours}
    # Numbers of 64 bits are strings in the API's JSON; the client sends them as numbers, and both are read.
    theirs["max_concurrency"] = str(theirs["max_concurrency"])
    if "periodic_schedule" in theirs["trigger"]:
        theirs["trigger"] = {
            "periodic_schedule": {"interval_second": str(theirs["trigger"]["periodic_schedule"]["interval_second"])}
        }
    assert ours == theirs


@pytest.mark.e2e
def test_from_the_command_line(double: Double, tmp_path: Path) -> None:
    spec = shop(tmp_path)
    command = [
        str(MLSPEC),
        "run",
        spec.name,
        "--target",
        "kfp",
        "--option",
        f"endpoint={double.address}",
        "--option",
        f"image={IMAGE}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout == f"submitted shop: {double.address}/#/runs/details/r-17\n", (
        done.stdout + done.stderr
    )
    part = subprocess.run([*command, "--only", "parts-split"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert part.returncode == 1 and "MLS901" in part.stderr
