"""What enters a key and what does not."""

from __future__ import annotations

import dataclasses

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
    found = packages_of("search", {"families": families, "engine": {"name": "optuna"}})
    assert {"scikit-learn", "xgboost", "optuna"} <= set(found)


def test_versions_come_from_the_folders_of_dist_info() -> None:
    from importlib.metadata import version

    found = installed_versions(["pytest", "scikit-learn", "no-such-package"])
    assert found == {"pytest": version("pytest"), "scikit-learn": version("scikit-learn")}
    assert _listing()["pytest"] == version("pytest")
