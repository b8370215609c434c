"""What a plan says: reuse or run, and which field, file, package or stage is the reason."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mlspec.graph import Graph, Stage, graph_keys, graph_leaves, write_plan
from mlspec.plan import make_plan
from mlspec.plan.explain import to_text
from mlspec.plan.steps import Reason, to_json

MAJORITY = {
    "name": "majority",
    "estimator": "sklearn.DummyClassifier",
    "seed": 7,
    "features": [],
    "label": {"column": "income"},
}
QUANTITIES = [{"id": "useful", "expression": ["metric", "auc", "majority", {}]}]


def gate(threshold: float) -> dict[str, Any]:
    expression = ["call", ">=", [["quantity", "useful"], ["lit", threshold, "float"]], {}]
    return {"gates": [{"name": "useful", "expression": expression, "doc": ""}], "confidence": 0.95, "min_group": 30}


def graph(threshold: float = 0.8, features: tuple[str, ...] = ("age",), seed: int = 7) -> Graph:
    values = [{"name": name, "value": ["col", name, "int"], "type": "int", "audit": False, "tags": []} for name in features]
    fit = {**MAJORITY, "seed": seed, "features": [{**value, "fitted": []} for value in values]}
    data = {"rows": "census-extract/rows", "values": "all-inputs-features/values", "parts": "chance-split/parts"}
    package = {"package.majority": "majority-fit/package"}
    return Graph.of(
        [
            Stage("census-extract", "extract", "census", {"paths": ["census.csv"], "format": "csv"}, {}, {"rows": "table"}),
            Stage("chance-split", "split", "chance", {"parts": []}, {"rows": "census-extract/rows"}, {"parts": "table"}),
            Stage("all-inputs-features", "features", "all_inputs", {"features": values}, {"rows": "census-extract/rows"},
                  {"values": "table"}),
            Stage("majority-fit", "fit", "majority", fit, data, {"package": "model"}),
            Stage("release-evaluate", "evaluate", "release", {"quantities": QUANTITIES}, data | package,
                  {"predictions": "table", "metrics": "metrics"}),
            Stage("release-verdict", "verdict", "release", gate(threshold), {"metrics": "release-evaluate/metrics"} | package,
                  {"verdict": "json"}),
        ],
        spec="census",
        spec_digest="0" * 64,
    )  # fmt: skip


def complete(root: Path, graph: Graph, *, skip: tuple[str, ...] = (), versions: dict[str, str] | None = None) -> None:
    """Leave what a run of `graph` leaves behind: manifests, artifacts, and the run's plan and first journal record."""
    from mlspec.graph import installed_versions, packages_needed

    leaves = graph_leaves(graph, root)
    found = versions if versions is not None else installed_versions(packages_needed(graph))
    keys = graph_keys(graph, leaves, found)
    store, runs = root / ".mlspec" / "store", root / ".mlspec" / "runs"
    (store / "stages").mkdir(parents=True, exist_ok=True)
    for stage in graph:
        if stage.id in skip:
            continue
        digest = hashlib.sha256(stage.id.encode()).hexdigest()
        (store / "artifacts" / digest).mkdir(parents=True, exist_ok=True)
        (store / "stages" / f"{keys[stage.id]}.json").write_text(json.dumps({"outputs": {"x": {"digest": digest}}}))
    folder = runs / f"{len(list(runs.glob('*'))) + 1:06d}"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(write_plan(graph))
    record = {"event": "run", "env": None, "keys": keys, "leaves": leaves, "versions": found}
    (folder / "journal.jsonl").write_bytes(b"0" * 16 + b" " + json.dumps(record).encode() + b"\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "census.csv").write_text("age\n1\n")
    return tmp_path


def actions(root: Path, graph: Graph) -> dict[str, tuple[Reason, ...]]:
    return {step.stage.id: step.reasons for step in make_plan(graph, root).to_run()}


def test_the_first_run_runs_everything(root: Path) -> None:
    plan = make_plan(graph(), root)
    assert len(plan.to_run()) == len(plan.steps) == 6
    assert {step.reasons for step in plan.steps} == {(Reason("first"),)}
    assert "all 6 stages to run" in to_text(plan)


def test_nothing_changed(root: Path) -> None:
    complete(root, graph())
    assert actions(root, graph()) == {}
    assert "nothing to run" in to_text(make_plan(graph(), root))


def test_a_threshold_runs_the_verdict_alone(root: Path) -> None:
    complete(root, graph())
    assert actions(root, graph(threshold=0.75)) == {"release-verdict": (Reason("field", "release.useful", "0.8", "0.75"),)}


def test_a_feature_names_its_block_and_what_follows(root: Path) -> None:
    complete(root, graph())
    found = actions(root, graph(features=("age", "hours")))
    assert set(found) == {"all-inputs-features", "majority-fit", "release-evaluate", "release-verdict"}
    assert found["all-inputs-features"][0].where == "all_inputs.hours"
    assert found["majority-fit"][0].where == "all_inputs.hours"
    assert Reason("upstream", "all-inputs-features") in found["majority-fit"]
    assert found["release-verdict"] == (Reason("upstream", "release-evaluate"), Reason("upstream", "majority-fit"))


def test_the_order_of_features_is_a_change(root: Path) -> None:
    complete(root, graph(features=("age", "hours")))
    found = actions(root, graph(features=("hours", "age")))
    assert found["majority-fit"][0].where == "majority.features"


def test_a_file_is_named(root: Path) -> None:
    complete(root, graph())
    (root / "census.csv").write_text("age\n2\n")
    found = actions(root, graph())
    assert [(reason.kind, reason.where) for reason in found["census-extract"]] == [("file", "census.csv")]
    assert len(found) == 6


def test_the_seed_is_a_field_of_the_spec(root: Path) -> None:
    complete(root, graph())
    assert actions(root, graph(seed=8))["majority-fit"] == (Reason("field", "census.seed", "7", "8"),)


def test_a_package_version_is_named(root: Path) -> None:
    from mlspec.graph import installed_versions, packages_needed

    complete(root, graph(), versions={**installed_versions(packages_needed(graph())), "scikit-learn": "0.1"})
    found = actions(root, graph())
    assert [(reason.kind, reason.where, reason.old) for reason in found["majority-fit"]] == [("package", "scikit-learn", "0.1")]


def test_a_stage_that_did_not_complete(root: Path) -> None:
    complete(root, graph(), skip=("release-verdict",))
    assert actions(root, graph()) == {"release-verdict": (Reason("incomplete", "000001"),)}


def test_a_lost_artifact_runs_its_stage_again(root: Path) -> None:
    complete(root, graph())
    (root / ".mlspec" / "store" / "artifacts" / hashlib.sha256(b"majority-fit").hexdigest()).rmdir()
    assert set(actions(root, graph())) == {"majority-fit"}


def test_a_damaged_record_is_no_last_run(root: Path) -> None:
    complete(root, graph())
    (root / ".mlspec" / "runs" / "000001" / "journal.jsonl").write_bytes(b"torn")
    assert actions(root, graph(threshold=0.1)) == {"release-verdict": (Reason("first"),)}


def test_json_and_text_name_the_same_reasons(root: Path) -> None:
    complete(root, graph())
    plan = make_plan(graph(threshold=0.75), root)
    step = next(step for step in to_json(plan)["steps"] if step["action"] == "run")
    assert step["stage"] == "release-verdict"
    assert step["reasons"] == [{"kind": "field", "where": "release.useful", "old": "0.8", "new": "0.75"}]
    text = to_text(plan, locate=lambda where: "census.mlspec:9")
    assert "run    release-verdict" in text
    assert "release.useful 0.8 → 0.75  census.mlspec:9" in text
