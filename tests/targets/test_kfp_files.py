"""The files of the KFP target: goldens, kfp's own loader and messages, the verifier, findings at their places."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlspec_kfp.emit import pipeline
from mlspec_kfp.image import requirements
from mlspec_kfp.kubernetes import platforms
from mlspec_kfp.names import pipeline_name
from mlspec_kfp.settings import Settings
from mlspec_kfp.strict import problems
from mlspec_kfp.verify import check_pipeline

from mlspec.backend import Emitted
from mlspec.graph import (
    Graph,
    Resources,
    Schedule,
    Stage,
    cacheable,
    graph_keys,
    installed_versions,
    packages_needed,
    pinned,
    plan_digest,
    read_plan,
)
from mlspec.registry import load_backend
from tests.support.golden import compare
from tests.targets.kfp_graphs import DIGEST, IMAGE, deep, everything, options, wide

GOLDEN = Path(__file__).parent / "kfp" / "everything"
GIVEN = {"image": IMAGE, "base": f"python@sha256:{DIGEST}", "volume": "shop-data", "pipeline_root": "s3://shop/kfp"}


def emit(graph: Graph, **given: str) -> Emitted:
    return load_backend("kfp").emit(graph, options(**given))


def codes(emitted: Emitted) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in emitted.findings]


def test_golden_files() -> None:
    emitted = emit(everything(), **GIVEN)
    assert not emitted.findings
    for name in ("pipeline.yaml", "pipeline-hourly.yaml", "Dockerfile", "recurring-nightly-news.json", "recurring-hourly.json"):
        compare(GOLDEN / name, emitted.files[name])
    assert set(emitted.files) == {path.name for path in GOLDEN.iterdir()} | {"plan.json", "requirements.txt"}


def test_the_plan_is_addressed_by_its_digest() -> None:
    graph = everything()
    files = emit(graph, **GIVEN).files
    digest = plan_digest(graph)
    assert plan_digest(read_plan(files["plan.json"])) == digest
    assert f"COPY --chmod=0444 plan.json /plan/{digest}.json\n" in files["Dockerfile"]
    assert f'"/plan/{digest}.json"' in files["pipeline.yaml"]


def test_kfp_and_its_messages_take_it(tmp_path: Path) -> None:
    from kfp import components

    files = emit(everything(), **GIVEN).files
    for name in ("pipeline.yaml", "pipeline-hourly.yaml"):
        (tmp_path / name).write_text(files[name])
        loaded = components.load_component_from_file(str(tmp_path / name))
        assert problems(files[name]) == []
        assert loaded.pipeline_spec.schema_version == "2.1.0"


def test_what_a_lock_pins_is_cached_by_its_key(tmp_path: Path) -> None:
    """KFP's own loader and messages see the keys that a run here works out from the same data."""
    from kfp import components

    graph, read = everything(), {"plain words": {"plain words": "c" * 64}}
    versions = installed_versions(packages_needed(graph))
    text = emit(pinned(graph, read), **GIVEN).files["pipeline.yaml"]
    (tmp_path / "pipeline.yaml").write_text(text)
    tasks = components.load_component_from_file(str(tmp_path / "pipeline.yaml")).pipeline_spec.root.dag.tasks
    keys = graph_keys(graph, {"visits-extract": {"plain words": "c" * 64}}, versions)
    cached = {name: task.caching_options.cache_key for name, task in tasks.items() if task.caching_options.enable_cache}
    assert cached == {name: key for name, key in keys.items() if name not in ("release-measure", "run-register")}
    assert problems(text) == [] and not any(
        task.caching_options.cache_key for name, task in tasks.items() if name not in cached
    )


def test_without_all_pins_nothing_behind_the_gap_is_cached() -> None:
    graph = everything()
    assert "cacheKey" not in emit(graph, **GIVEN).files["pipeline.yaml"]
    assert pinned(graph, {"another.csv": {"another.csv": "c" * 64}}).pins == {}
    extra = Stage("other-extract", "extract", "other", {"paths": ["b.csv"]}, outputs={"rows": "table"})
    joined = Stage("join-write", "write", "join", {}, {"a": "visits-extract/rows", "b": "other-extract/rows"}, {"file": "json"})
    half = pinned(Graph.of([*graph, extra, joined]), {"plain words": {"plain words": "c" * 64}})
    found = cacheable(half, installed_versions(packages_needed(half)))
    assert "visits-extract" in found and "tune-search" in found and not {"other-extract", "join-write"} & {*found}
    assert cacheable(half, {}) == {}, "a library without a version is in no key"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("executorLabel:", "executorLabels:", "PipelineSpec"),
        ("maxRetryCount: 2", 'maxRetryCount: "two"', "PipelineSpec"),
        ("      container:\n", "      containers:\n", "PipelineDeploymentConfig"),
        ("secretAsEnv:", "secretsAsEnv:", "KubernetesExecutorConfig"),
        ("platforms:", "platform:", "PlatformSpec"),
    ],
)
def test_its_messages_refuse_what_they_do_not_know(old: str, new: str, words: str) -> None:
    emitted = emit(everything(), **GIVEN)
    text = emitted.files["pipeline.yaml"]
    assert old in text
    broken = Emitted({"pipeline.yaml": text.replace(old, new)})
    findings = load_backend("kfp").verify(broken)  # type: ignore[misc]
    assert findings and findings[0].code == "MLS701" and words in findings[0].data["what"]


def test_resources_retry_secret_volume_are_what_the_sdk_writes(tmp_path: Path) -> None:
    from tests.targets.kfp_by_sdk import compiled

    own = [*yaml.safe_load_all(compiled(tmp_path))]
    graph = Graph.of([Stage(
        "one", "features", "one", {"secrets": {"a": {"kind": "env", "variable": "SALT"}}}, {"rows": "src/rows"}, {"values": "table"},
        resources=Resources(
            cpu=2, memory=512 * 2**20, gpu="nvidia-a100-80gb", gpus=4, shared_memory=256 * 2**20, retry=2, time_limit=3600
        ),
    ), Stage("src", "extract", "src", {}, {}, {"rows": "table"})])  # fmt: skip
    ours = [*yaml.safe_load_all(emit(graph, volume="claim", image=IMAGE, secret="shop").files["pipeline.yaml"])]
    for place in (
        ["components", "comp-one"],
        ["root", "dag", "tasks", "one"],
        ["deploymentSpec", "executors", "exec-one", "container", "resources"],
    ):
        mine, theirs = ours[0], own[0]
        for step in place:
            mine, theirs = mine[step], theirs[step]
        if place[-1] == "resources":
            # Bytes instead of Mi: the same quantity, and the number that older servers read is the same.
            for side in ("resourceMemoryLimit", "resourceMemoryRequest"):
                assert mine.pop(side) == "536870912" and theirs.pop(side) == "512Mi"
        if place[-1] == "one" and "retryPolicy" in mine:
            assert (
                mine["retryPolicy"].pop("backoffMaxDuration") == "300s"
                and theirs["retryPolicy"].pop("backoffMaxDuration") == "300s"
            )
        assert mine == theirs, place
    kubernetes = [
        document["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-one"] for document in (ours[1], own[1])
    ]
    assert kubernetes[0] == kubernetes[1]


def asking(**asked: Any) -> Graph:
    stage = Stage("net-train", "write", "net", {}, {}, {"file": "json"}, resources=Resources(**asked))
    return Graph.of([stage], spec="shop")


def test_a_kind_of_gpu_is_a_label_of_nodes() -> None:
    def affinity(kind: str | None, **given: str) -> Any:
        text = emit(asking(gpu=kind, gpus=1), **given).files["pipeline.yaml"]
        executor = [*yaml.safe_load_all(text)][1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-net-train"]
        assert executor["tolerations"] == [
            {"effect": "NoSchedule", "key": given.get("accelerator", "nvidia.com/gpu"), "operator": "Exists"}
        ]
        return [
            (found["key"], found["values"]) for term in executor.get("nodeAffinity", ()) for found in term["matchExpressions"]
        ]

    assert affinity(None) == [] and affinity(None, accelerator="amd.com/gpu") == []
    assert affinity("nvidia-l40s") == [("nvidia.com/gpu.product", ["NVIDIA-L40S"])]
    word = ["Quadro-RTX-6000"]
    assert affinity(*word) == [("nvidia.com/gpu.product", word), ("cloud.google.com/gke-accelerator", word)]
    assert affinity(*word, gpu_label="example.org/card") == [("example.org/card", word)]


def test_a_kind_that_is_no_label_is_refused() -> None:
    emitted = emit(asking(gpu="a 100: {x}"))
    assert not emitted.files and [(found.code, found.where) for found in emitted.findings] == [("MLS706", "net.gpu")]


def test_report_and_card_are_made_before_a_gate_can_fail() -> None:
    tasks = yaml.safe_load(emit(everything(), **GIVEN).files["pipeline.yaml"].partition("\n---\n")[0])["root"]["dag"]["tasks"]
    assert tasks["release-enforce"]["dependentTasks"] == ["release-measure", "release-verdict", "run-card", "run-report"]
    assert "release-enforce" in tasks["run-register"]["dependentTasks"]


def test_nothing_is_cached_by_kfp() -> None:
    tasks = yaml.safe_load(emit(everything(), **GIVEN).files["pipeline.yaml"].partition("\n---\n")[0])["root"]["dag"]["tasks"]
    assert {json.dumps(task["cachingOptions"]) for task in tasks.values()} == {"{}"}


def test_every_line_comes_from_its_block() -> None:
    emitted = emit(everything(), **GIVEN)
    lines = emitted.files["pipeline.yaml"].splitlines()
    named = {stage.id: "shop_news" if stage.block == "spec" else stage.block for stage in everything()}
    seen = set()
    for origin in emitted.origins["pipeline.yaml"]:
        name = lines[origin.first - 1].strip().rstrip(":").removeprefix("comp-").removeprefix("exec-")
        assert named[name] == origin.where
        seen.add(name)
    assert seen == set(named)


def test_without_an_image_nobody_can_pull_another_one() -> None:
    text = emit(everything()).files["pipeline.yaml"]
    assert "mlspec.invalid/python/shop-news@sha256:" in text
    dockerfile = emit(everything()).files["Dockerfile"]
    assert "ARG BASE\nFROM ${BASE}\n" in dockerfile and "COPY --chown=10001:10001 project/ /project/" in dockerfile
    assert "\nUSER 10001:10001\n" in dockerfile and dockerfile.endswith('ENTRYPOINT ["python3", "-m", "mlspec.runtime"]\n')


def test_versions_are_pinned() -> None:
    lines = emit(everything()).files["requirements.txt"].splitlines()
    assert lines[0].startswith("mlspec-lang[local,track]==")
    assert all("==" in line for line in lines) and any(line.startswith("duckdb==") for line in lines)


def test_an_image_that_trains_has_torch_in_a_version_of_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlspec_kfp.image.installed_versions", lambda names: {"torch": "2.13.0+cpu", "safetensors": "0.8.0"})
    training = replace(deep(1), stages={"net-train": Stage("net-train", "train", "net")})
    found = requirements(training).splitlines()
    assert found[0].startswith("mlspec-lang[local,torch]==")
    assert {"torch==2.13.0", "safetensors==0.8.0"} <= set(found)


def test_what_is_not_installed_is_said_to_be_unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlspec_kfp.image.installed_versions", lambda names: {})
    lines = emit(everything()).files["requirements.txt"].splitlines()
    assert "# duckdb is not installed where this was compiled, so nothing pins it" in lines


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"image": "registry.example/shop:latest"}, "MLS705"),
        ({"base": "python:3.12-slim"}, "MLS705"),
        ({"image": f"x y@sha256:{DIGEST}"}, "MLS705"),
        ({"volume": "My Claim"}, "MLS706"),
        ({"volume": "my/claim"}, "MLS706"),
        ({"account": "default/editor"}, "MLS706"),
        ({"secret": "a/b/c"}, "MLS706"),
        ({"project": "relative"}, "MLS706"),
        ({"project": "/a/../b"}, "MLS706"),
        ({"project": "/a\nRUN id"}, "MLS706"),
        ({"pipeline_root": "s3://a b"}, "MLS706"),
        ({"accelerator": "a: b"}, "MLS706"),
    ],
)
def test_options_that_cannot_stand_in_a_file(given: dict[str, str], code: str) -> None:
    emitted = emit(everything(), **given)
    assert codes(emitted) == [(code, "shop_news")] and not emitted.files


def test_names_that_cannot_stand_in_a_file_are_found_at_their_block() -> None:
    def stage(**changed: Any) -> Graph:
        given: dict[str, Any] = {"inputs": {}, "config": {}, **changed}
        first = Stage("a", "write", "one", {}, {}, {"file": "json"})
        return Graph.of([first, Stage("b", "write", "two", given["config"], given["inputs"], {"file": "json"})])

    hostile = {"${x}": "a/file"}
    assert codes(emit(stage(inputs=hostile))) == [("MLS706", "two")]
    assert codes(emit(stage(config={"secrets": {"s": {"kind": "env", "variable": "A B"}}}))) == [("MLS706", "two")]
    assert codes(emit(stage(config={"secrets": {"s": {"kind": "vault", "path": "x"}}}))) == [("MLS707", "two")]
    assert codes(emit(everything(spec="ünfug"))) == [("MLS706", "ünfug")]


def test_schedules_say_what_the_server_decides() -> None:
    graph = everything()
    odd = Schedule(
        "odd", "release", ("visits-extract",), cron="0 2 * * *", zone="Europe/Berlin", deadline=60.0, on_failure={"kind": "log"}
    )
    changed = Graph.of(list(graph), spec=graph.spec, schedules=[odd])
    assert codes(emit(changed)) == [("MLS702", "odd.at"), ("MLS702", "odd.deadline"), ("MLS702", "odd.on_failure")]
    score = Schedule("weekly", "survey", (), every=60.0, command="score")
    assert not emit(Graph.of(list(graph), spec=graph.spec, schedules=[score])).findings


def test_too_large_for_etcd() -> None:
    emitted = emit(wide(100))
    assert codes(emitted) == [("MLS709", "graph")] and "pipeline.yaml" in emitted.files
    assert "MiB" in emitted.findings[0].data["got"]
    assert not emit(wide(100), allow_oversize="true").findings
    assert not emit(wide(30)).findings


def test_a_thousand_deep_is_no_recursion() -> None:
    assert not emit(deep(3000), allow_oversize="true").findings


def _settings(graph: Graph) -> Settings:
    return Settings.of(options(**GIVEN), pipeline_name(graph), plan_digest(graph))


Break = Callable[[dict[str, Any]], Any]
BROKEN: dict[str, tuple[Break, str]] = {
    "dangling component": (lambda t: t["root"]["dag"]["tasks"]["parts-split"]["componentRef"].update(name="comp-none"), "no component comp-none"),
    "dangling executor": (lambda t: t["components"]["comp-parts-split"].update(executorLabel="exec-none"), "no executor exec-none"),
    "dangling producer": (lambda t: _source(t).update(producerTask="none"), "no task none"),
    "dangling output": (lambda t: _source(t).update(outputArtifactKey="none"), "writes no none"),
    "dangling dependence": (lambda t: t["root"]["dag"]["tasks"]["parts-split"]["dependentTasks"].append("none"), "no task none"),
    "cycle": (lambda t: t["root"]["dag"]["tasks"]["visits-extract"].update(dependentTasks=["run-register"]), "wait for each other"),
    "self": (lambda t: t["root"]["dag"]["tasks"]["visits-extract"].update(dependentTasks=["visits-extract"]), "wait for each other"),
    "not ordered": (lambda t: t["root"]["dag"]["tasks"]["parts-split"].update(dependentTasks=[]), "not among dependentTasks"),
    "undeclared input": (lambda t: t["components"]["comp-parts-split"].pop("inputDefinitions"), "not declared"),
    "missing input": (lambda t: t["root"]["dag"]["tasks"]["parts-split"].pop("inputs"), "rows is missing"),
    "type": (lambda t: _input(t)["artifactType"].update(schemaTitle="system.Model"), "another type"),
    "no such type": (lambda t: _input(t)["artifactType"].update(schemaTitle="system.Table"), "no type system.Table"),
    "unused component": (lambda t: t["components"].update({"comp-x": copy.deepcopy(t["components"]["comp-parts-split"])}), "comp-x: no task"),
    "unused executor": (lambda t: t["deploymentSpec"]["executors"].update({"exec-x": {}}), "exec-x: no component"),
    "task name": (lambda t: t["root"]["dag"]["tasks"].update({"X y": t["root"]["dag"]["tasks"].pop("run-register")}), "no name for a task"),
    "pipeline name": (lambda t: t["pipelineInfo"].update(name="Shop News"), "pipelineInfo.name"),
    "argument": (lambda t: t["deploymentSpec"]["executors"]["exec-parts-split"]["container"].update(args=[]), "in no argument"),
}  # fmt: skip


def _source(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["root"]["dag"]["tasks"]["parts-split"]["inputs"]["artifacts"]["rows"]["taskOutputArtifact"]
    return found


def _input(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["components"]["comp-parts-split"]["inputDefinitions"]["artifacts"]["rows"]
    return found


@pytest.mark.parametrize("name", BROKEN)
def test_the_verifier_finds(name: str) -> None:
    graph = everything()
    tree, extension = pipeline(graph, _settings(graph)), platforms(graph, _settings(graph))
    assert check_pipeline(tree, extension) == []
    tree = copy.deepcopy(tree)
    change, words = BROKEN[name]
    change(tree)
    assert any(words in problem for problem in check_pipeline(tree, extension)), check_pipeline(tree, extension)


def test_the_verifier_finds_a_platform_executor_of_nobody() -> None:
    graph = everything()
    extension = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"exec-none": {}}}}}}
    assert check_pipeline(pipeline(graph, _settings(graph)), extension) == ["platforms: no executor exec-none"]


def test_equal_bytes_whatever_the_hash_seed() -> None:
    program = (
        "import hashlib, json\nfrom mlspec.registry import load_backend\nfrom tests.targets.kfp_graphs import everything, options\n"
        "files = load_backend('kfp').emit(everything(), options()).files\n"
        "print(hashlib.sha256(json.dumps([[name, files[name]] for name in files]).encode()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    said = {
        subprocess.run([sys.executable, "-c", program], cwd=root, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=True).stdout
        for seed in ("0", "1", "2", "17")
    }  # fmt: skip
    assert len(said) == 1


def test_compiling_imports_nothing_of_kfp() -> None:
    program = (
        "import sys\nfrom mlspec.registry import load_backend\nfrom tests.targets.kfp_graphs import everything, options\n"
        "load_backend('kfp').emit(everything(), options())\n"
        "print(*sorted({'kfp', 'google', 'yaml', 'kubernetes', 'requests', 'jinja2', 'mlspec.runtime'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_benchmarks_peer_is_the_same_pipeline(tmp_path: Path) -> None:
    """Ten tasks with the same dependences, ours from the spec and theirs by hand."""
    import shutil

    from kfp import compiler

    import mlspec
    from benchmarks.peers import sdk_ten

    root = Path(__file__).parents[2] / "benchmarks" / "peers"
    compiler.Compiler().compile(sdk_ten.ten, str(tmp_path / "ten.yaml"))
    theirs = yaml.safe_load((tmp_path / "ten.yaml").read_text())
    (tmp_path / "mlspec.toml").touch()
    graph = mlspec.load(shutil.copy(root / "ten.mlspec", tmp_path)).graph
    ours = yaml.safe_load(emit(graph).files["pipeline.yaml"])
    assert len(ours["root"]["dag"]["tasks"]) == 10
    assert _dependences(ours) == _dependences(theirs)


def _dependences(tree: dict[str, Any]) -> dict[str, set[str]]:
    """What each stage waits for, by the first argument of its command."""
    tasks, executors = tree["root"]["dag"]["tasks"], tree["deploymentSpec"]["executors"]
    stage = {
        name: executors[tree["components"][task["componentRef"]["name"]]["executorLabel"]]["container"]["args"][0]
        for name, task in tasks.items()
    }
    return {stage[name]: {stage[other] for other in task.get("dependentTasks", [])} for name, task in tasks.items()}


@pytest.mark.parametrize(
    ("uri", "codes"), [(None, ["MLS701"]), ("sqlite:///tracking.db", ["MLS701"]), ("https://tracking.example", [])]
)
def test_a_registry_that_tasks_cannot_reach_is_refused(uri: str | None, codes: list[str]) -> None:
    """A task in a cluster would find no alias, and its gates would be skipped."""
    stage = Stage("live-fetch", "fetch", "live", {"name": "shop", "alias": "champion", "uri": uri}, {}, {"package": "model"})
    graph = Graph.of([stage], spec="tiny")
    backend = load_backend("kfp")
    assert [found.code for found in backend.emit(graph, options()).findings] == codes
    assert cacheable(graph, {"mlflow": "3.17.2"}) == {}, "what an alias stands for is never taken from a cache"
