"""What enters a key and what does not."""

from __future__ import annotations

import dataclasses

import pytest

from mlspec.graph import Graph, Resources, Stage, graph_keys, installed_versions, packages_of, stage_key
from mlspec.graph.versions import _listing

NO_RESOURCES = Resources()


def chain(text: str = "x", after: tuple[str, ...] = (), resources: Resources = NO_RESOURCES) -> Graph:
    first = Stage("a", "write", "one", {"text": text}, {}, {"file": "json"})
    second = Stage("b", "write", "two", {}, {"x": "a/file"}, {"file": "json"}, after, resources)
    other = Stage("c", "write", "three", {}, {}, {"file": "json"})
    return Graph.of([first, second, other])


def test_an_edit_changes_its_stage_and_what_reads_it() -> None:
    before, after = graph_keys(chain("x"), {}, {}), graph_keys(chain("y"), {}, {})
    assert before["a"] != after["a"]
    assert before["b"] != after["b"]
    assert before["c"] == after["c"]


def test_order_and_resources_are_no_part() -> None:
    assert graph_keys(chain(), {}, {}) == graph_keys(chain(after=("c",), resources=Resources(cpu=8, retry=3)), {}, {})


def test_leaves_versions_and_kind_version_are_part() -> None:
    graph = chain()
    plain = graph_keys(graph, {}, {})
    leaf = graph_keys(graph, {"a": {"f.csv": "1" * 64}}, {})
    assert leaf["a"] != plain["a"]
    assert leaf["c"] == plain["c"]
    stage = graph["c"]
    keys = {stage_key(stage, 1, {}, {}, {}), stage_key(stage, 2, {}, {}, {}), stage_key(stage, 1, {}, {}, {"duckdb": "2"})}
    assert len(keys) == 3


def test_the_name_of_a_stage_and_its_block_are_no_part() -> None:
    stage = chain()["c"]
    renamed = dataclasses.replace(stage, id="other", block="else")
    assert stage_key(stage, 1, {}, {}, {}) == stage_key(renamed, 1, {}, {}, {})


def test_the_block_is_part_where_numbers_are_drawn() -> None:
    stage = dataclasses.replace(chain()["c"], config={"seed": 7})
    renamed = dataclasses.replace(stage, block="else")
    assert stage_key(stage, 1, {}, {}, {}) != stage_key(renamed, 1, {}, {}, {})


def test_a_pinned_key() -> None:
    """A key that changes by accident would retrain everybody's models."""
    stage = Stage("a", "write", "b", {"text": "é", "n": 0.1}, {"x": "u/file"}, {"file": "json"})
    key = stage_key(stage, 1, {"x": ("0" * 64, "file")}, {"f": "1" * 64}, {"duckdb": "2.0.0"})
    assert key == "349b1dfa55fc521f2b495e2334117aacd89a509c61daab2cee3cf84bfd4dc4a9"


def test_estimators_name_their_packages() -> None:
    assert "lightgbm" in packages_of("fit", {"estimator": "lightgbm.LGBMClassifier"})
    assert "lightgbm" not in packages_of("fit", {"estimator": "sklearn.DummyClassifier"})
    families = [{"estimator": "sklearn.LogisticRegression"}, {"estimator": "xgboost.XGBClassifier"}]
    student = {"distil": {"name": "student", "network": {"name": "timm.resnet10t"}}, "features": [{"type": "image"}]}
    assert {"timm", "torch", "pillow"} <= {*packages_of("compress", student)}
    assert {"timm", "torch"}.isdisjoint(packages_of("compress", {"quantise": {"name": "dynamic_int8"}}))
    found = packages_of("search", {"families": families, "engine": {"name": "optuna"}})
    assert {"scikit-learn", "xgboost", "optuna"} <= set(found)


def test_versions_come_from_the_folders_of_dist_info() -> None:
    from importlib.metadata import version

    found = installed_versions(["pytest", "scikit-learn", "no-such-package"])
    assert found == {"pytest": version("pytest"), "scikit-learn": version("scikit-learn")}
    assert _listing()["pytest"] == version("pytest")


def learning(features: dict[str, str], reads: tuple[str, ...], kind: str = "fit") -> Graph:
    """A source, its features, what learns from some of them, and what reads them all."""
    made = [{"name": name, "value": ["col", column, "float"], "type": "float"} for name, column in features.items()]
    inputs = {"rows": "s-extract/rows", "values": "f-features/values", "parts": "p-split/parts"}
    made_by = {"fit": {"package": "model"}, "search": {"package": "model", "study": "json"}}
    return Graph.of([
        Stage("s-extract", "extract", "s", {}, {}, {"rows": "table"}),
        Stage("p-split", "split", "p", {}, {"rows": "s-extract/rows"}, {"parts": "table"}),
        Stage("f-features", "features", "f", {"features": made, "unknown": "encode"}, {"rows": "s-extract/rows"}, {"values": "table"}),
        Stage("m-fit", kind, "m", {"features": [{"name": name} for name in reads]}, inputs, made_by[kind]),
        Stage("e", "evaluate", "e", {}, inputs, {"predictions": "table", "metrics": "metrics"}),
    ])  # fmt: skip


@pytest.mark.parametrize("kind", ["fit", "search"])
def test_what_learns_depends_on_the_features_it_reads_and_on_the_rows(kind: str) -> None:
    features = {"a": "x", "b": "y", "c": "z"}
    plain = graph_keys(learning(features, ("a", "b"), kind), {}, {})
    other = graph_keys(learning({**features, "c": "w"}, ("a", "b"), kind), {}, {})
    assert other["m-fit"] == plain["m-fit"]
    assert other["f-features"] != plain["f-features"] and other["e"] != plain["e"]
    assert graph_keys(learning({**features, "d": "w"}, ("a", "b"), kind), {}, {})["m-fit"] == plain["m-fit"], "one more feature"
    read = graph_keys(learning({**features, "b": "w"}, ("a", "b"), kind), {}, {})
    assert read["m-fit"] != plain["m-fit"]
    rows = graph_keys(learning(features, ("a", "b"), kind), {"s-extract": {"f.csv": "1" * 64}}, {})
    assert rows["m-fit"] != plain["m-fit"]
    assert graph_keys(learning(features, ("a", "b"), kind), {}, {"duckdb": "9"})["m-fit"] != plain["m-fit"]
    unknown = learning(features, ("a", "b"), kind)
    features_stage = dataclasses.replace(unknown["f-features"], config={**unknown["f-features"].config, "unknown": "reject"})
    refused = Graph.of([features_stage if stage.id == "f-features" else stage for stage in unknown])
    assert graph_keys(refused, {}, {})["m-fit"] != plain["m-fit"]
