"""The task of a training on two machines against a double of the Trainer: the very commands of its pods, as processes of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlspec
from mlspec.graph import Graph, write_plan
from mlspec.registry import load_backend
from mlspec.runtime.__main__ import main
from tests.targets.kfp_graphs import options
from tests.targets.kfp_world import shop
from tests.targets.trainer_double import Trainer, wait_for

pytest.importorskip("torch")
pytest.importorskip("kubernetes", reason="pip install 'mlspec-lang[trainer]'")
pytestmark = pytest.mark.slow

SPEC = Path(__file__).parent / "kfp" / "machines" / "visits.mlspec"
STORE = ".mlspec/kfp/store"


class World:
    """A project on a volume, what was compiled for it, and the double that the tasks talk to."""

    def __init__(self, root: Path, epochs: int) -> None:
        shop(root)
        text = SPEC.read_text().replace("epochs = 3", f"epochs = {epochs}")
        (root / "visits.mlspec").write_text(text)
        self.root = root
        emitted = load_backend("kfp").emit(self.graph(), options(volume="shop-data", project=str(root)))
        assert not emitted.findings
        self.tasks = yaml.safe_load(emitted.files["pipeline.yaml"].partition("\n---\n")[0])["deploymentSpec"]["executors"]
        runtimes = [*yaml.safe_load_all(emitted.files["trainer.yaml"])]
        (root / "double").mkdir()
        self.trainer = Trainer(root / "double", {each["metadata"]["name"]: each for each in runtimes})

    def graph(self, env: str | None = None) -> Graph:
        return mlspec.load(self.root / "visits.mlspec", env=env).graph

    def before(self) -> None:
        """The stages that the training reads."""
        plan = self._plan(None)
        for stage in ("visits-extract", "parts-split", "inputs-features"):
            assert main(self._words(stage, plan, None)) == 0

    def train(self, env: str | None) -> subprocess.Popen[str]:
        """The task's command: on the machines that the double starts, or in processes of this one."""
        said = [] if env else self.tasks["exec-net-train"]["container"]["env"]
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.trainer.kubeconfig()),
            **{each["name"]: each["value"] for each in said},
        }
        command = [sys.executable, "-m", "mlspec.runtime", *self._words("net-train", self._plan(env), env)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def package(self, env: str | None) -> Path:
        return self.root / f"out{env or ''}" / "net-train" / "package"

    def _plan(self, env: str | None) -> Path:
        path = self.root / f"plan{env or ''}.json"
        path.write_bytes(write_plan(self.graph(env)))
        return path

    def _words(self, name: str, plan: Path, env: str | None) -> list[str]:
        stage = self.graph(env)[name]
        folder = self.root / f"out{env or ''}"
        words = [name, "--plan", str(plan), "--root", str(self.root), "--store", str(self.root / STORE)]
        for port, source, output in stage.upstream():
            words += ["--in", f"{port}={self.root / 'out' / source / output}"]
        for output in stage.outputs:
            words += ["--out", f"{output}={folder / name / output}"]
        return words


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(tmp_path / "volume", getattr(request, "param", 3))
    yield world
    world.trainer.close()


def done(task: subprocess.Popen[str], world: World) -> str:
    said, _ = task.communicate(timeout=300)
    assert task.returncode == 0, said + world.trainer.logs()
    return said


def network(package: Path) -> Any:
    """The files of the network itself, and what its training went through."""
    history = json.loads((package.parent / "history" / "history.json").read_text())
    return {path.name: path.read_bytes() for path in package.rglob("*.onnx")}, history["epochs"]


@pytest.mark.parametrize("made", [80], indirect=True)
def test_two_machines_learn_what_two_processes_learn_even_where_one_is_lost(made: World) -> None:
    made.before()
    task = made.train(None)
    states = made.root / STORE / "resume" / "net-train"
    wait_for(lambda: len([*states.glob("*/state-*.json")]) > 0 or task.poll() is not None, 120)
    (name,) = made.trainer.jobs
    made.trainer.pods[name][1].lose()
    said = done(task, made)
    assert f"TrainJob {name}: 2 machines at work" in said
    assert made.trainer.pods[name][1].starts > 1, "the machine was lost while it trained"
    done(made.train("here"), made)
    files, epochs = network(made.package(None))
    assert files and (files, epochs) == network(made.package("here"))


def test_a_runtime_that_was_not_applied_and_a_training_that_cannot_go_on(made: World) -> None:
    made.before()
    runtimes, made.trainer.runtimes = made.trainer.runtimes, {}
    task = made.train(None)
    said, _ = task.communicate(timeout=120)
    assert task.returncode == 74 and "error[MLS809] at net.strategy" in said and "kubectl apply" in said
    made.trainer.runtimes = runtimes
    for path in (made.root / STORE / "artifacts").iterdir():
        shutil.rmtree(path)  # so that the inputs are copied for the machines
    done(made.train(None), made)
