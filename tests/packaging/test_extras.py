"""Each extra alone in an empty environment: what it promises works, and what it lacks says the install command before anything runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
import venv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.packaging.smoke import ROOT, build
from tests.support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("extras")]

SERVED = """  output = decision
  log seen {
    keep = 7d
    inputs := inputs
  }
}

monitor watch {
  of = species_api
  reference = by_chance.holdout
  every = 1h
  window = 1d
  missing := worst(null_rate(inputs)) <= 10% @notify(console)
}
"""


class Environment:
    """An empty environment with the wheel and one extra, and `mlspec` in it."""

    def __init__(self, folder: Path, wheel: Path, extra: str) -> None:
        venv.create(folder, with_pip=True)
        self.python = folder / "bin" / "python"
        pip = [self.python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-c", ROOT / "constraints.txt"]
        subprocess.run([*pip, f"{wheel}[{extra}]"], check=True, capture_output=True)

    def mlspec(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.python.with_name("mlspec"), *words], cwd=cwd, capture_output=True, text=True, timeout=600, env=alone()
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done


def alone() -> dict[str, str]:
    """The environment without what would show our own code to another interpreter."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project whose run was done here, where everything is installed."""
    project = Project(tmp_path_factory.mktemp("made") / "project", "penguins")
    project.edit("source penguins_seen", "channel console = log()\n\nsource penguins_seen")
    project.edit("  output = decision\n}\n", SERVED)
    assert project.run("-q").code == 0
    return project


@pytest.fixture
def fresh(made, tmp_path):
    """A copy of that project, with its store and its run."""
    return Path(shutil.copytree(made.folder, tmp_path / "project"))


def without_runs(folder: Path) -> Path:
    shutil.rmtree(folder / ".mlspec")
    return folder


def refused(environment: Environment, folder: Path, *extras: str) -> None:
    """A run names, in one command, all that it needs, and has begun nothing."""
    done = environment.mlspec("run", "penguins.mlspec", cwd=without_runs(folder))
    assert done.returncode == 1 and "MLS812" in done.stderr
    assert f"pip install 'mlspec-lang[{','.join(extras)}]'" in done.stderr, done.stderr
    assert not list(folder.glob(".mlspec/store/artifacts/*")) and not list(folder.glob(".mlspec/store/stages/*"))
    assert environment.mlspec("check", "penguins.mlspec", cwd=folder).returncode == 0


def test_serve_alone_serves_a_package_made_elsewhere(wheel, fresh, tmp_path):
    environment = Environment(tmp_path / "venv", wheel, "serve")
    example = next(fresh.rglob("example.json")).read_bytes()
    command = [environment.python.with_name("mlspec"), "serve", "penguins.mlspec", "--port", "0"]
    server = subprocess.Popen(command, cwd=fresh, stderr=subprocess.PIPE, text=True, env=alone())
    try:
        line = server.stderr.readline()
        address = line.split(" at ")[1].split()[0]
        request = urllib.request.Request(address, example, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert set(json.load(answer)) == {"decision", "model"}
        with urllib.request.urlopen(address.replace("/predict", "/metrics")) as answer:
            assert b"mlspec_records_total 1.0" in answer.read()
        server.terminate()
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.wait()
        server.stderr.close()
    assert list(fresh.glob(".mlspec/logs/species_api/*.jsonl"))
    refused(environment, fresh, "local", "track")


def test_monitor_alone_watches_a_log_made_elsewhere(wheel, fresh, tmp_path):
    environment = Environment(tmp_path / "venv", wheel, "monitor")
    verdicts = json.loads(next(fresh.glob(".mlspec/runs/*/summary.json")).read_text())["verdicts"]
    digest = verdicts["release"]["packages"]["tune"]
    folder = fresh / ".mlspec" / "logs" / "species_api"
    folder.mkdir(parents=True)
    spec = (fresh / "penguins.mlspec").read_text()
    names = [line.split(":=")[0].strip() for line in spec.split("features ")[1].split("}")[0].splitlines() if ":=" in line]
    (folder / "fields.json").write_text(
        json.dumps({"format": 1, "log": "seen", "fields": [{"name": "inputs", "expression": ["features", names]}]})
    )
    for number in range(60):
        at = datetime.now(UTC) - timedelta(minutes=number + 1)
        record = {"at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "request_id": f"{number:032x}", "model": digest, "arm": None,
                  "fields": {"inputs": dict.fromkeys(names)}}  # fmt: skip
        with (folder / f"{at:%Y-%m-%d}.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")
    done = environment.mlspec("monitor", "penguins.mlspec", "--once", cwd=fresh)
    assert done.returncode == 1 and "100% for" in done.stdout and "wanted <= 10%" in done.stdout, done.stdout + done.stderr
    assert (fresh / ".mlspec/monitor/watch/report.html").stat().st_size > 5_000
    done = environment.mlspec("serve", "penguins.mlspec", "--port", "0", cwd=fresh)
    assert done.returncode == 1 and "pip install 'mlspec-lang[serve]'" in done.stderr
    refused(environment, fresh, "local", "track")


def test_local_alone_runs_and_scores_a_spec_without_tracking(wheel, fresh, tmp_path):
    environment = Environment(tmp_path / "venv", wheel, "local")
    refused(environment, fresh, "track")
    spec = fresh / "penguins.mlspec"
    spec.write_text(spec.read_text().replace("  seed = 3\n", "  seed = 3\n  tracking = none\n  registry = none\n", 1))
    done = environment.mlspec("run", "penguins.mlspec", cwd=fresh)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(fresh.glob(".mlspec/runs/*/reports/run-report/index.html"))
    done = environment.mlspec("score", "penguins.mlspec", cwd=fresh)
    assert done.returncode == 0 and (fresh / "build" / "species.csv").exists(), done.stderr


IMPORTS = {
    "boost": "lightgbm, xgboost",
    "hpo": "hyperopt, optuna",
    "images": "PIL",
    "ray": "ray.tune",
    "tensorflow": "keras, tensorflow, safetensors, tensorboard",
    "text": "tokenizers",
    # It imports torchvision, whose wheels on the public index are built for the torch of that index, not for one of the CPU.
    "timm": "torch, PIL, importlib.metadata as found; found.version('timm')",
    "torch": "torch, safetensors, tensorboard, onnxscript",
    "track": "mlflow",
    "trainer": "kubernetes",
    "transformers": "transformers, tokenizers, torch",
}
"""By extra what it is there for; a run of the penguins needs more than any of them."""


@pytest.mark.parametrize("extra", IMPORTS)
def test_an_extra_alone_brings_its_libraries_and_a_run_names_the_others(wheel, fresh, tmp_path, extra):
    environment = Environment(tmp_path / "venv", wheel, extra)
    subprocess.run(
        [environment.python, "-W", "ignore", "-c", f"import {IMPORTS[extra]}"], check=True, env=alone(), cwd=tmp_path
    )
    refused(environment, fresh, "local", *([] if extra == "track" else ["track"]))


def test_keras_trains_in_an_environment_with_tensorflow(wheel, tmp_path):
    environment = Environment(tmp_path / "venv", wheel, "local,tensorflow,torch")
    pip = [environment.python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
    subprocess.run([*pip, "pytest", "pytest-asyncio", "hypothesis"], check=True, capture_output=True)
    tests = ("tests/runtime/test_keras_loop.py", "tests/runtime/test_keras_stage.py")
    command = [environment.python, "-m", "pytest", "-m", "slow", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=alone())
    assert done.returncode == 0 and "skipped" not in done.stdout and " passed" in done.stdout, done.stdout[-4000:]


def test_the_language_server_alone(wheel, tmp_path):
    from tests.lsp.test_session import BEGIN, message

    environment = Environment(tmp_path / "venv", wheel, "lsp")
    said = b"".join((BEGIN, message(id=2, method="shutdown"), message(method="exit")))
    command = [environment.python.with_name("mlspec"), "lsp"]
    done = subprocess.run(command, input=said, capture_output=True, timeout=120, check=False, env=alone(), cwd=tmp_path)
    assert done.returncode == 0 and b"completionProvider" in done.stdout, done.stderr
    subprocess.run([environment.python, "-m", "pip", "uninstall", "-q", "-y", "pygls"], check=True, capture_output=True)
    lacking = environment.mlspec("lsp", cwd=tmp_path)
    assert lacking.returncode == 1 and "MLS812" in lacking.stderr and 'pip install "mlspec-lang[lsp]"' in lacking.stderr


def test_every_extra_of_the_project_is_tried_here():
    import tomllib

    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    tried = {"serve", "monitor", "local", "lsp", *IMPORTS}
    targets = {path.name for path in (ROOT / "backends").iterdir()} - {"local"}  # each is tried beside its own backend
    assert extras - {"all", "dev"} - targets - tried == set(), "an extra without a test"
