"""`python -m mlspec.runtime --store`: keys worked out from manifests, complete stages reused, corrupt ones made again, KFP's answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlspec.graph import Graph, Stage, write_plan
from mlspec.graph.keys import graph_keys, graph_recipes, packages_needed
from mlspec.graph.leaves import graph_leaves, pinned
from mlspec.graph.versions import installed_versions
from mlspec.runtime.__main__ import main
from tests.crash.toy import toy_graph


def stage(folder: Path, name: str, graph: Graph, *more: str, store: str = "store", out: str = "o") -> int:
    """Run one stage of a graph, its inputs and outputs below `out`."""
    plan = folder / "plan.json"
    plan.write_bytes(write_plan(graph))
    found = graph[name]
    inputs = [f"{key}={folder / out / source / output}" for key, source, output in found.upstream()]
    outputs = [f"{key}={folder / out / name / key}" for key in found.outputs]
    pairs = [word for text in inputs for word in ("--in", text)] + [word for text in outputs for word in ("--out", text)]
    return main([name, "--plan", str(plan), "--root", str(folder), "--store", str(folder / store), *pairs, *more])


def manifest(folder: Path, name: str, output: str = "file", out: str = "o") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / out / name / output / "manifest.json").read_text())
    return found


def test_keys_are_those_of_the_graph(tmp_path: Path) -> None:
    graph = toy_graph()
    for one in graph:
        assert stage(tmp_path, one.id, graph) == 0
    keys = graph_keys(graph, {}, installed_versions(packages_needed(graph)))
    assert {one.id: manifest(tmp_path, one.id)["key"] for one in graph} == keys
    assert {path.stem for path in (tmp_path / "store" / "stages").iterdir()} == set(keys.values())
    assert not any((tmp_path / "store" / "tmp").iterdir())
    assert {one.id: manifest(tmp_path, one.id)["recipe"] for one in graph} == graph_recipes(graph)


def test_what_was_made_otherwise_than_the_plan_says_has_no_recipe(tmp_path: Path) -> None:
    """An input of an older plan: its reader has a key, for that is what it was made of, and no recipe."""
    before, now = toy_graph(), toy_graph()
    changed = Graph.of([replace(one, config={"text": "other"}) if one.id == "a-write" else one for one in now])
    assert stage(tmp_path, "a-write", before) == 0
    assert stage(tmp_path, "b-write", changed) == 0
    found = manifest(tmp_path, "b-write")
    assert "key" in found and "recipe" not in found


def test_without_a_store_artifacts_say_what_made_them_too(tmp_path: Path) -> None:
    graph = toy_graph()
    (tmp_path / "plan.json").write_bytes(write_plan(graph))
    for name in ("a-write", "b-write"):
        assert (
            main([name, "--plan", str(tmp_path / "plan.json"), "--root", str(tmp_path), "--artifacts", str(tmp_path / "o")])
            == 0
        )
    keys, recipes = graph_keys(graph, {}, installed_versions(packages_needed(graph))), graph_recipes(graph)
    found = manifest(tmp_path, "b-write")
    assert (found["key"], found["output"], found["recipe"]) == (keys["b-write"], "file", recipes["b-write"])


def test_the_key_of_a_source_holds_its_data(tmp_path: Path) -> None:
    column = {"name": "age", "type": "int", "optional": False}
    config = {"source": "people", "format": "csv", "paths": ["people.csv"], "options": {}, "columns": [column]}
    graph = Graph.of([Stage("people-extract", "extract", "people", config, {}, {"rows": "table"})])
    seen = []
    for content in ("age\n1\n2\n", "age\n1\n3\n"):
        (tmp_path / "people.csv").write_text(content)
        assert stage(tmp_path, "people-extract", graph) == 0
        keys = graph_keys(graph, graph_leaves(graph, tmp_path), installed_versions(packages_needed(graph)))
        assert manifest(tmp_path, "people-extract", "rows")["key"] == keys["people-extract"]
        seen.append(keys["people-extract"])
    assert len(set(seen)) == 2


def test_other_data_than_the_plan_pins_is_refused_under_every_target(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a store or without, the task that reads the source compares."""
    column = {"name": "age", "type": "int", "optional": False}
    config = {"source": "people", "format": "csv", "paths": ["people.csv"], "options": {}, "columns": [column]}
    plain = Graph.of([Stage("people-extract", "extract", "people", config, {}, {"rows": "table"})])
    (tmp_path / "people.csv").write_text("age\n1\n2\n")
    graph = pinned(plain, {"people.csv": graph_leaves(plain, tmp_path)["people-extract"]})
    out = ["--plan", str(tmp_path / "plan.json"), "--root", str(tmp_path), "--artifacts", str(tmp_path / "o")]
    assert stage(tmp_path, "people-extract", graph) == 0 and main(["people-extract", *out]) == 0
    (tmp_path / "people.csv").write_text("age\n1\n3\n")
    assert stage(tmp_path, "people-extract", graph) == 1 and main(["people-extract", *out]) == 1
    assert capsys.readouterr().err.count("error[MLS823] at people.from") == 2
    assert stage(tmp_path, "people-extract", plain) == 0


def test_what_is_complete_is_handed_out_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = toy_graph()
    assert stage(tmp_path, "a-write", graph) == 0
    monkeypatch.setattr("mlspec.runtime.stage.function_of", _never)
    assert stage(tmp_path, "a-write", graph, out="second") == 0
    assert manifest(tmp_path, "a-write", out="second") == manifest(tmp_path, "a-write")


def _never(kind: str) -> Any:
    raise AssertionError(f"a `{kind}` stage ran")


def test_what_is_corrupt_in_the_store_is_made_again(tmp_path: Path) -> None:
    graph = toy_graph()
    assert stage(tmp_path, "a-write", graph) == 0
    before = manifest(tmp_path, "a-write")
    victim = tmp_path / "store" / "artifacts" / before["digest"] / "file.json"
    victim.write_text("{}")
    assert stage(tmp_path, "a-write", graph) == 0
    assert manifest(tmp_path, "a-write") == before and victim.read_text() != "{}"


def test_what_tasks_hold_is_no_part_of_the_store(tmp_path: Path) -> None:
    graph = toy_graph()
    assert stage(tmp_path, "a-write", graph) == 0
    (tmp_path / "o" / "a-write" / "file" / "file.json").write_text("{}")
    assert stage(tmp_path, "a-write", graph, out="second") == 0


def test_without_a_key_before_it_a_stage_runs(tmp_path: Path) -> None:
    """An artifact that nobody's key stands for: the stage is run, and what it makes has no key either."""
    graph = toy_graph()
    assert stage(tmp_path, "a-write", graph) == 0
    path = tmp_path / "o" / "a-write" / "file" / "manifest.json"
    path.write_text(
        json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name not in ("key", "output")})
    )
    assert stage(tmp_path, "b-write", graph) == 0
    assert "key" not in manifest(tmp_path, "b-write")
    assert len(list((tmp_path / "store" / "stages").iterdir())) == 1


def test_kfp_learns_what_was_reused_and_what_failed(tmp_path: Path) -> None:
    graph = toy_graph()
    declared = {
        "name": "file",
        "type": {"schemaTitle": "system.Artifact"},
        "uri": "s3://x/file",
        "metadata": {},
        "customPath": "no",
    }
    given = {"outputs": {"artifacts": {"file": {"artifacts": [declared]}}, "outputFile": str(tmp_path / "answer.json")}}
    more = ("--executor-input", json.dumps(given))
    for reused in (False, True):
        assert stage(tmp_path, "a-write", graph, *more) == 0
        (artifact,) = json.loads((tmp_path / "answer.json").read_text())["artifacts"]["file"]["artifacts"]
        assert artifact["metadata"]["reused"] is reused and artifact["uri"] == "s3://x/file" and "customPath" not in artifact
    (tmp_path / "o" / "a-write" / "file" / "file.json").write_text("{}")
    assert stage(tmp_path, "b-write", graph, *more) == 1
    assert json.loads((tmp_path / "error.json").read_text())["code"] == "MLS808"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"outputs": 1}'])
def test_an_executor_input_that_is_none(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage(tmp_path, "a-write", toy_graph(), "--executor-input", text) == 1
    assert "error[MLS101]" in capsys.readouterr().err


def test_a_copy_with_other_bytes_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume that returns wrong bytes must not get a manifest that says they are right."""
    from mlspec.runtime import stored

    copy = stored.shutil.copytree

    def spoiled(source: Path, target: Path) -> None:
        copy(source, target)
        file = next(path for path in target.rglob("*") if path.is_file())
        file.write_bytes(file.read_bytes() + b" ")

    monkeypatch.setattr(stored.shutil, "copytree", spoiled)
    graph = toy_graph()
    assert stage(tmp_path, next(iter(graph.stages)), graph) == 1
    assert not (tmp_path / "o" / next(iter(graph.stages)) / "file").exists()


@pytest.mark.parametrize("files", [[1], "a", None])
def test_a_manifest_of_another_shape_is_told(tmp_path: Path, files: Any) -> None:
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.folder import read_folder

    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "digest": "0" * 64, "files": files}))
    with pytest.raises(StageError) as caught:
        read_folder(tmp_path)
    assert caught.value.code == "MLS808"
