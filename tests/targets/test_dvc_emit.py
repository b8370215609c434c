"""What the DVC target writes, and what it says of a spec that DVC cannot express; DVC itself is not needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlspec
from mlspec.backend import Emitted
from mlspec.graph import KINDS, Graph, Resources, Stage
from mlspec.registry import load_backend
from tests.targets.kfp_world import shop


def emitted(graph: Graph, root: str = "../../..", **options: str) -> Emitted:
    backend = load_backend("dvc")
    return backend.emit(graph, backend.read_options(options, root))


def pipeline(graph: Graph, root: str = "../../..", **options: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(emitted(graph, root, **options).files["dvc.yaml"])
    return loaded


def extract(path: str, kind: str = "csv") -> Graph:
    stage = Stage("a-extract", "extract", "a", {"format": kind, "paths": [path]}, {}, {"rows": "table"})
    return Graph.of([stage], spec="tiny")


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return mlspec.load(shop(tmp_path_factory.mktemp("shop"))).graph


def test_a_command_names_its_stage_and_nothing_else(graph: Graph) -> None:
    stages = pipeline(graph)["stages"]
    shapes = {stage["cmd"].replace(name, "STAGE") for name, stage in stages.items()}
    start = "python -m mlspec.runtime STAGE --plan plan.json --root ../../.. --artifacts artifacts --workers 0 --guard"
    assert all(shape.startswith(start) for shape in shapes)
    assert len(shapes) <= 6


def test_a_stage_tracks_its_part_of_the_plan_and_the_version_of_its_kind(graph: Graph) -> None:
    found = emitted(graph)
    stages, plan = yaml.safe_load(found.files["dvc.yaml"])["stages"], json.loads(found.files["plan.json"])
    for name, stage in stages.items():
        (tracked,), (kind,) = stage["params"][0].values(), stage["params"][1].values()
        assert tracked == [f"stages.{name}.config", f"stages.{name}.inputs"]
        assert kind == [plan["stages"][name]["kind"]]
    assert json.loads(found.files["kinds.json"])["search"] == KINDS["search"].version


def test_order_without_data_goes_over_markers(graph: Graph) -> None:
    stages = pipeline(graph)["stages"]
    for stage in graph:
        markers = {dep for dep in stages[stage.id].get("deps", ()) if dep.startswith("done/")}
        assert {f"done/{name}" for name in stage.after} <= markers
    assert "done/release-enforce" in stages["run-register"]["deps"]
    assert {"done/run-report", "done/run-card", "done/run-track"} <= set(stages["release-enforce"]["deps"])
    written = [out for stage in stages.values() for out in stage["outs"] if isinstance(out, str)]
    assert {dep for stage in stages.values() for dep in stage["deps"] if dep.startswith("done/")} <= set(written)


def test_a_gate_that_holds_the_track_up_is_not_waited_for_by_itself() -> None:
    """What a gate holds up comes after it: the order that DVC is given has no cycle."""
    stages = [
        Stage("m-write", "write", "m", {}, {}, {"file": "json"}),
        Stage("g-verdict", "verdict", "g", {"gates": []}, {"metrics": "e-evaluate/metrics"}, {"verdict": "json"}),
        Stage("g-enforce", "enforce", "g", {}, {"verdict": "g-verdict/verdict"}, {"release": "json"}),
        Stage("e-evaluate", "evaluate", "g", {"plots": []}, {"rows": "x-extract/rows", "values": "x-extract/rows", "parts": "x-extract/rows"},
              {"predictions": "table", "metrics": "metrics"}),
        Stage("x-extract", "extract", "x", {"paths": ["a.csv"]}, {}, {"rows": "table"}),
        Stage("late-write", "write", "late", {}, {"a": "g-enforce/release"}, {"file": "json"}),
    ]  # fmt: skip
    found = pipeline(Graph.of(stages))["stages"]
    assert set(found["g-enforce"]["deps"]) == {"artifacts/g-verdict/verdict", "done/m-write"}
    assert found["late-write"]["deps"] == ["artifacts/g-enforce/release"]


def test_only_a_search_keeps_what_a_killed_attempt_left(graph: Graph) -> None:
    kept = {
        name: [
            path for out in stage["outs"] if isinstance(out, dict) for path, options in out.items() if options.get("persist")
        ]
        for name, stage in pipeline(graph)["stages"].items()
    }
    assert {name: paths for name, paths in kept.items() if paths} == {"tune-search": ["resume/tune-search"]}


def test_options_reach_the_file(graph: Graph) -> None:
    found = pipeline(graph, remote="shelf", push_rows="false", lock="uv.lock", python="python3")["stages"]
    rows = found["visits-extract"]
    assert rows["outs"] == [{"artifacts/visits-extract/rows": {"remote": "shelf", "push": False}}]
    assert rows["cmd"].startswith("python3 -m mlspec.runtime visits-extract ")
    assert all("../../../uv.lock" in stage["deps"] for stage in found.values())
    assert found["tune-search"]["outs"][0] == {"artifacts/tune-search/package": {"remote": "shelf"}}


def test_files_at_the_root_of_the_project(graph: Graph) -> None:
    stage = pipeline(graph, root=".")["stages"]["visits-extract"]
    assert stage["deps"] == ["visits.csv"] and " --root . " in stage["cmd"]


@pytest.mark.parametrize(
    ("path", "kind", "deps", "always"),
    [
        ("data/a.csv", "csv", ["../../../data/a.csv"], False),
        ("données/été 2024.csv", "csv", ["../../../données/été 2024.csv"], False),
        ("data/part-*.parquet", "parquet", ["../../../data"], False),
        ("data/**/x.csv", "csv", ["../../../data"], False),
        ("data/a.db", "sqlite", ["../../../data"], False),
        ("a.duckdb", "duckdb", ["../../../a.duckdb"], True),
    ],
)
def test_data_is_a_dependency(path: str, kind: str, deps: list[str], always: bool) -> None:
    stage = pipeline(extract(path, kind))["stages"]["a-extract"]
    assert stage["deps"] == deps
    assert stage.get("always_changed", False) is always


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("*.csv", "MLS701", "writes to itself"),
        ("build/*.csv", "MLS701", "writes to itself"),
        ("build/dvc/tiny/artifacts/x/rows.csv", "MLS706", "writes there"),
        ("a${HOME}.csv", "MLS706", "fill in"),
        ("a\u2028b.csv", "MLS706", "separator"),
        ("a\x85b.csv", "MLS706", "control"),
        ("../a.csv", "MLS706", "inside the project"),
        ("/etc/passwd", "MLS706", "inside the project"),
        ("s3://bucket/a.csv", "MLS706", "protocol"),
        ("data/a.csv.dvc", "MLS706", "use this name"),
        ("data/ a.csv", "MLS706", "space"),
        ("a\\b.csv", "MLS706", "escape"),
    ],
)
def test_a_path_that_dvc_would_misread_is_refused_at_its_block(path: str, code: str, words: str) -> None:
    finding = emitted(extract(path)).findings[0]
    assert (finding.code, finding.where) == (code, "a.from")
    assert words in finding.data.get("why", "") + finding.data.get("what", "")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(pair for pair in product(("python", "remote"), ("x; touch pwned", "$(x)", "${x}", "a\x85b"))),
        ("lock", "${x}"),
        ("lock", "a\x85b"),
        ("lock", "../x"),
    ],
)
def test_options_are_plain_names(option: str, value: str) -> None:
    (finding,) = emitted(extract("a.csv"), **{option: value}).findings
    assert finding.code == "MLS706" and option in finding.data["why"]


def test_files_outside_the_project_are_refused() -> None:
    (finding,) = emitted(extract("a.csv"), root="../elsewhere").findings
    assert finding.code == "MLS701"


def test_text_that_dvc_reads_back_as_another_is_said() -> None:
    stage = Stage("a-write", "write", "a", {"text": "a\x85b"}, {}, {"file": "json"})
    (finding,) = emitted(Graph.of([stage])).findings
    assert (finding.code, finding.where) == ("MLS702", "a")


def test_many_stages_are_said() -> None:
    stages = [Stage(f"s{number}-write", "write", f"s{number}", {}, {}, {"file": "json"}) for number in range(101)]
    (finding,) = emitted(Graph.of(stages)).findings
    assert finding.code == "MLS702" and "101" in finding.data["how"]
    assert emitted(Graph.of(stages[:100])).findings == ()


def test_resources_are_said_at_their_field() -> None:
    from mlspec.backend import check_capabilities

    asked = Resources(gpu="h100", time_limit=5.0, retry=2, memory=10**9, exclusive=True, cpu=2)
    found = check_capabilities(
        load_backend("dvc"), Graph.of([Stage("a-write", "write", "net", {}, {}, {"file": "json"}, resources=asked)])
    )
    assert {(item.code, item.where) for item in found} == {
        ("MLS702", f"net.{need}") for need in ("gpu", "time_limit", "retry", "memory")
    }


def test_lines_say_where_they_come_from(graph: Graph) -> None:
    found = emitted(graph)
    text = found.files["dvc.yaml"].splitlines()
    line = next(number for number, words in enumerate(text, 1) if words.startswith("  tune-search:"))
    (origin,) = [item for item in found.origins["dvc.yaml"] if item.first <= line <= item.last]
    assert origin.where == "tune"


def test_two_blocks_of_one_name_stay_apart_in_the_registry() -> None:
    data = {"rows": "x-extract/rows", "values": "x-extract/rows", "parts": "x-extract/rows"}
    stages = [
        Stage("x-extract", "extract", "x", {"paths": ["a.csv"]}, {}, {"rows": "table"}),
        Stage("m-fit", "fit", "m", {}, data, {"package": "model"}),
        Stage("m-search", "search", "m", {}, data, {"package": "model", "study": "json"}),
    ]
    assert set(pipeline(Graph.of(stages))["artifacts"]) == {"m-fit", "m-search"}


def test_the_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    spec = shop(tmp_path)
    program = (
        "import sys, mlspec\nfrom mlspec.registry import load_backend\nbackend = load_backend('dvc')\n"
        "print(dict(backend.emit(mlspec.load(sys.argv[1]).graph, backend.read_options({})).files))"
    )
    outs = {
        subprocess.run(
            [sys.executable, "-c", program, str(spec)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outs) == 1


def test_an_alias_is_looked_up_on_every_repro() -> None:
    stage = Stage("live-fetch", "fetch", "live", {"name": "shop", "alias": "champion", "uri": None}, {}, {"package": "model"})
    graph = Graph.of([stage], spec="tiny")
    assert pipeline(graph)["stages"]["live-fetch"]["always_changed"] is True
    assert "artifacts" not in pipeline(graph), "what was fetched is no model of this project"
    (found,) = emitted(graph).findings
    assert (found.code, found.where) == ("MLS702", "live")
