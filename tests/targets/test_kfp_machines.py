"""A training on several machines, on the KFP target: a TrainJob that a task creates, the runtime of its pods, and the right to it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlspec_kfp.run import _elsewhere
from mlspec_kfp.strict import problems

import mlspec
from mlspec.backend import Emitted, check_capabilities
from mlspec.graph import Graph
from mlspec.registry import load_backend
from mlspec.runtime.deep.spread.plan import spread_of
from mlspec.runtime.deep.spread.trainjob import RUNTIME, manifest
from mlspec.runtime.errors import StageError
from tests.support.golden import compare
from tests.targets.kfp_graphs import IMAGE, options
from tests.targets.kubernetes_schemas import refused

FOLDER = Path(__file__).parent / "kfp" / "machines"
GIVEN = {"image": IMAGE, "volume": "shop-data"}


def graph(env: str | None = None) -> Graph:
    return mlspec.load(FOLDER / "visits.mlspec", env=env).graph


def emit(env: str | None = None, **given: str) -> Emitted:
    return load_backend("kfp").emit(graph(env), options(**{**GIVEN, **given}))


def documents(env: str | None = None, **given: str) -> list[Any]:
    return [*yaml.safe_load_all(emit(env, **given).files["trainer.yaml"])]


def pod(runtime: Any) -> Any:
    return runtime["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("env", [None, "gpus"])
def test_what_is_applied(env: str | None) -> None:
    emitted = emit(env)
    assert emitted.findings == []
    compare(FOLDER / f"trainer{'' if env is None else f'-{env}'}.yaml", emitted.files["trainer.yaml"])
    lines = emitted.files["trainer.yaml"].splitlines()
    places = {
        lines[number - 1]: origin.where
        for origin in emitted.origins["trainer.yaml"]
        for number in range(origin.first, origin.last + 1)
    }
    assert places["kind: TrainingRuntime"] == "net" and places["kind: Role"] == "visits_net"


@pytest.mark.parametrize("env", [None, "gpus"])
def test_its_definition_takes_the_runtime(env: str | None) -> None:
    (runtime, *_) = documents(env)
    assert refused(runtime, "trainingruntimes") == []
    broken = copy.deepcopy(runtime)
    pod(broken)["containers"][0]["img"] = "x"
    assert refused(broken, "trainingruntimes") != []


@pytest.mark.parametrize("env", [None, "gpus"])
def test_its_definition_takes_the_trainjob(env: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = graph(env)["net-train"]
    spread = spread_of(stage.config)
    assert spread is not None
    with pytest.raises(StageError, match="TrainingRuntime"):
        manifest("net-train-0123", Path("/project/job.json"), spread, "net.strategy")
    monkeypatch.setenv(RUNTIME, "mlspec-net-train-01234567")
    monkeypatch.setenv("MLSPEC_POD_NAME", "net-train-pod")
    monkeypatch.setenv("MLSPEC_POD_UID", "0a1b")
    made = manifest("net-train-0123", Path("/project/job.json"), spread, "net.strategy")
    assert made["spec"]["trainer"]["numNodes"] == 2 and made["spec"]["trainer"]["numProcPerNode"] == (4 if env else 1)
    assert refused(made, "trainjobs") == []
    assert refused({**made, "spec": {**made["spec"], "nodes": 2}}, "trainjobs") != []


def test_the_task_waits_and_the_machines_have_the_devices() -> None:
    emitted = emit("gpus")
    assert problems(emitted.files["pipeline.yaml"]) == []
    pipeline, kubernetes = yaml.safe_load_all(emitted.files["pipeline.yaml"])
    container = pipeline["deploymentSpec"]["executors"]["exec-net-train"]["container"]
    (runtime, *_) = documents("gpus")
    assert container["env"] == [
        {"name": "MLSPEC_TRAINING_STARTER", "value": "trainjob"}, {"name": RUNTIME, "value": runtime["metadata"]["name"]},
    ]  # fmt: skip
    assert "accelerator" not in container["resources"] and container["resources"]["resourceMemoryLimit"] == str(2 * 2**30)
    asked = kubernetes["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-net-train"]
    assert {entry["name"] for entry in asked["fieldPathAsEnv"]} == {"MLSPEC_POD_NAME", "MLSPEC_POD_UID"}
    assert "tolerations" not in asked and "emptyDirMounts" not in asked
    assert pod(runtime)["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "4"
    machine = runtime["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]
    assert asked["activeDeadlineSeconds"] == str(machine["activeDeadlineSeconds"]) == "600"
    assert "kubernetes==" in emitted.files["requirements.txt"]


def test_another_compilation_has_another_runtime() -> None:
    names = {
        documents(**given)[0]["metadata"]["name"] for given in ({}, {"volume": "other"}, {"gpu_label": "example.org/card"})
    }
    assert len(names) == 2  # without a GPU the label is nowhere in it


def test_machines_without_a_common_volume_are_refused() -> None:
    emitted = emit(volume="")
    assert [(found.code, found.where) for found in emitted.findings] == [("MLS701", "net.strategy")]
    assert "ReadWriteMany" in emitted.findings[0].data["known"]
    assert "trainer.yaml" not in emit("here").files


def test_other_targets_have_one_machine() -> None:
    backends = {name: load_backend(name) for name in ("local", "dvc", "airflow", "kfp")}
    for name, backend in backends.items():
        found = [item for item in check_capabilities(backend, graph(), backends) if item.where == "net.strategy"]
        if name == "kfp":
            assert found == []
            continue
        assert [item.code for item in found] == ["MLS701"] and found[0].data["known"] == "`kfp`"
        assert "set net.strategy = single()" in found[0].data["hint"]
    assert [item.code for item in _elsewhere(graph())] == ["MLS701"] and _elsewhere(graph("here")) == []


def test_an_image_that_asks_a_ray_cluster_has_its_client(tmp_path: Path) -> None:
    text = (FOLDER / "visits.mlspec").read_text().replace("ddp(nodes: 2)", 'ray(workers: 2, address: "ray-head:6379")')
    spec = tmp_path / "visits.mlspec"
    spec.write_text(text.replace("  shared_memory = 64MiB\n", "").partition("env gpus")[0])
    made = mlspec.load(spec).graph
    assert made["net-train"].config["strategy"] == {"name": "ray", "workers": 2, "gpus": 0}
    assert made["net-train"].config["cluster"] == {"address": "ray-head:6379"}
    assert [found.code for found in load_backend("kfp").emit(made, options()).findings] == ["MLS701"]
    emitted = load_backend("kfp").emit(made, options(**GIVEN))
    assert emitted.findings == [] and "trainer.yaml" not in emitted.files
    lines = emitted.files["requirements.txt"].splitlines()
    assert "ray" in lines[0] and any(line.startswith(("ray==", "# ray is not installed")) for line in lines)
