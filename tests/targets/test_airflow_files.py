"""The files of the Airflow target: one constant Python file, identifiers as JSON, everything else in the plan."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlspec_airflow import backend
from mlspec_airflow.emit import DAG_FILE, dag_file
from mlspec_airflow.verify import problems

import mlspec
from mlspec.backend import check_capabilities
from mlspec.graph import Graph, Resources, Schedule, Stage, plan_from_json
from tests.targets.airflow_world import returns

ROOT = Path(__file__).parents[2]
SPECS = [*sorted((ROOT / "specs").glob("*.mlspec")), ROOT / "tests" / "targets" / "airflow" / "returns.mlspec"]


def emitted(graph: Graph, **options: str) -> dict[str, str]:
    return dict(backend.emit(graph, backend.read_options(options)).files)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return mlspec.load(returns(tmp_path_factory.mktemp("returns"))).graph


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_python_file_is_the_same_for_every_spec(path: Path) -> None:
    text = emitted(mlspec.load(path).graph)[DAG_FILE]
    assert text == dag_file()
    assert not [name for name in mlspec.load(path).graph.stages if name in text]


def test_the_python_file_evaluates_nothing() -> None:
    tree = ast.parse(dag_file())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not called & {"eval", "exec", "compile", "__import__"}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not imported & {"pickle", "marshal", "shelve", "importlib", "jinja2", "mlspec"}
    assert not [word for word in ("shell=True", "os.system", "bash_command") if word in dag_file()]


def test_a_task_is_a_stage_with_what_airflow_does_for_it(graph: Graph) -> None:
    document = json.loads(emitted(graph)["airflow.json"])
    tasks = document["tasks"]
    assert list(tasks) == list(graph.stages)
    assert tasks["tune-search"]["retry"] == 2
    assert tasks["release-enforce"]["retry"] is None
    assert tasks["release-evaluate"]["time_limit"] == 600
    assert tasks["inputs-features"]["secrets"] == ["RETURNS_SALT"]
    assert tasks["orders-extract"]["doc"] == "Orders of the last months, one a row."
    assert (document["owner"], document["doc"]) == ("team-returns", "Which orders of a mail-order shop come back.")
    assert document["tags"] == ["mlspec", "returns"]


def before(after: dict[str, list[str]]) -> dict[str, set[str]]:
    """All that each task waits for, directly or not."""
    found: dict[str, set[str]] = {}
    for name, direct in after.items():
        found[name] = {*direct, *(other for one in direct for other in found[one])}
    return found


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_tasks_wait_for_what_stages_wait_for_and_say_it_once(path: Path) -> None:
    graph = mlspec.load(path).graph
    tasks = json.loads(emitted(graph)["airflow.json"])["tasks"]
    after = {name: task["after"] for name, task in tasks.items()}
    assert before(after) == before({stage.id: stage.waits_for() for stage in graph})
    for waits in after.values():
        assert not [one for one in waits if any(one in before(after)[other] for other in waits)]


def test_a_schedule_is_a_dag_of_its_own(graph: Graph) -> None:
    dags = {dag["id"]: dag for dag in json.loads(emitted(graph)["airflow.json"])["dags"]}
    assert list(dags) == ["returns", "returns.nightly", "returns.orders"]
    nightly = dags["returns.nightly"]
    assert (nightly["cron"], nightly["zone"], nightly["retry"], nightly["deadline"]) == (
        "30 2 * * 1-5",
        "Europe/Berlin",
        1,
        7200,
    )
    assert nightly["on_failure"] == {"kind": "webhook", "variable": "RETURNS_HOOK"}
    assert dags["returns.orders"]["every"] == 21600
    assert dags["returns.orders"]["stages"] == ["orders-extract", "orders-verify"]
    assert dags["returns"]["cron"] is None and dags["returns"]["stages"] == list(graph.stages)


def test_register_waits_for_enforce_and_reports_do_not(graph: Graph) -> None:
    tasks = json.loads(emitted(graph)["airflow.json"])["tasks"]
    assert "release-enforce" in tasks["run-register"]["after"]
    assert "release-enforce" not in {*tasks["run-report"]["after"], *tasks["run-card"]["after"]}


def test_the_plan_is_named_by_its_digest_and_leaves_attempts_to_airflow(graph: Graph) -> None:
    files = emitted(graph)
    assert json.loads(files["airflow.json"])["plan"] == hashlib.sha256(files["plan.json"].encode()).hexdigest()
    plan = plan_from_json(json.loads(files["plan.json"]))
    assert {(stage.resources.retry, stage.resources.time_limit) for stage in plan} == {(0, None)}
    assert {name: replace(stage, resources=Resources()) for name, stage in plan.stages.items()} == {
        name: replace(stage, resources=Resources()) for name, stage in graph.stages.items()
    }


def test_an_exclusive_stage_takes_the_pool_and_others_a_slot_a_core() -> None:
    stages = [
        Stage("a", "write", "one", outputs={"file": "json"}, resources=Resources(exclusive=True)),
        Stage("b", "write", "two", outputs={"file": "json"}, resources=Resources(cpu=3)),
        Stage("c", "write", "three", outputs={"file": "json"}, resources=Resources(cpu=64)),
        Stage("d", "write", "four", outputs={"file": "json"}),
    ]
    files = emitted(Graph.of(stages), pool="ours", slots="6")
    assert [task["slots"] for task in json.loads(files["airflow.json"])["tasks"].values()] == [6, 3, 6, 1]
    assert json.loads(files["pools.json"])["ours"]["slots"] == 6


def test_no_secret_value_and_no_way_of_this_machine(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETURNS_SALT", "a-canary-of-the-salt")
    for text in emitted(graph).values():
        assert "a-canary-of-the-salt" not in text
        assert str(ROOT) not in text and sys.prefix not in text


@pytest.mark.parametrize(
    ("schedule", "code", "where"),
    [
        (Schedule("n" * 250, "one", ("a",), every=60.0), "MLS706", "n" * 250),
        (Schedule("n", "one", ("a",), every=60.0, on_failure={"kind": "webhook", "url": {"kind": "vault", "path": "x"}}), "MLS707", "n"),
        (Schedule("n", "one", ("a",), every=60.0, on_failure={"kind": "webhook", "url": "https://x"}), "MLS707", "n"),
        (Schedule("n", "one", ("a",), every=60.0, on_failure={"kind": "webhook", "url": {"kind": "env", "variable": "A B"}}), "MLS706", "n"),
    ],
)  # fmt: skip
def test_what_airflow_or_a_worker_would_refuse_is_found_first(schedule: Schedule, code: str, where: str) -> None:
    made = Graph.of([Stage("a", "write", "one", outputs={"file": "json"})], spec="demo", schedules=[schedule])
    found = backend.emit(made, backend.read_options({})).findings
    assert [(item.code, item.where) for item in found] == [(code, where)]


@pytest.mark.parametrize("option", ["slots=0", "pool=", "retry_delay=-1", "python=", "state="])
def test_an_option_that_nothing_can_be_done_with_is_refused(graph: Graph, option: str) -> None:
    name, _, value = option.partition("=")
    assert [item.code for item in backend.emit(graph, backend.read_options({name: value})).findings] == ["MLS706"]


def test_what_is_no_stage_is_said_with_its_cron_line() -> None:
    stage = Stage("a", "write", "one", outputs={"file": "json"})
    made = Graph.of([stage], spec="demo", schedules=[Schedule("n", "scored", every=3600.0, command="score")])
    [found] = check_capabilities(backend, made)
    assert (found.code, "mlspec score demo.mlspec#scored" in found.data["how"]) == ("MLS702", True)
    assert [dag["id"] for dag in json.loads(emitted(made)["airflow.json"])["dags"]] == ["demo"]


def test_lines_of_the_json_come_from_places_of_the_spec(graph: Graph) -> None:
    made = backend.emit(graph, backend.read_options({}))
    lines = made.files["airflow.json"].splitlines()
    places = {origin.where: lines[origin.first - 1 : origin.last] for origin in made.origins["airflow.json"]}
    assert '"owner": "team-returns",' in places["returns.owner"][0]
    assert any('"cron": "30 2 * * 1-5"' in line for line in places["nightly"])
    assert {"orders", "tune", "release", "run"} <= set(places)


def test_equal_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    spec = returns(tmp_path)
    digests = set()
    for seed in ("0", "1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "mlspec", "compile", str(spec), "--target", "airflow", "-o", str(folder), "-q"]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())))
    assert len(digests) == 1


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_verifier_finds_nothing_in_what_is_written(path: Path) -> None:
    assert problems(emitted(mlspec.load(path).graph)) == []


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("plan",), "0" * 64, "names another plan"),
        (("tasks", "parts-split", "after"), ["tune-search"], "does not stand before it"),
        (("tasks", "parts-split", "after"), ["nothing"], "does not stand before it"),
        (("tasks", "parts-split", "slots"), 0, "takes no slot"),
        (("dags", 0, "stages"), ["nothing"], "which is no task"),
        (("dags", 2, "stages"), ["orders-verify"], "does not stand before it"),
        (("tasks",), {}, "not both"),
    ],
)
def test_the_verifier_sees_what_is_wrong(graph: Graph, place: tuple[Any, ...], value: Any, said: str) -> None:
    files = emitted(graph)
    document = json.loads(files["airflow.json"])
    item = document
    for key in place[:-1]:
        item = item[key]
    item[place[-1]] = value
    assert said in " ".join(problems({**files, "airflow.json": json.dumps(document)}))
    assert problems({**files, DAG_FILE: files[DAG_FILE] + "print(1)\n"}) == [
        f"{DAG_FILE} is not the file that mlspec writes for every spec"
    ]


def test_emit_imports_no_airflow() -> None:
    code = "import sys, mlspec_airflow; print([name for name in sys.modules if name.partition('.')[0] in ('airflow', 'pandas', 'numpy')])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"
