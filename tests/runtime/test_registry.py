"""Models of the registry: found by alias, fetched and verified, scored from rows by their own features; aliases moved and moved back."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from package_tables import INCOME, SCALE, census, census_features, feature, fit_config, stage_inputs

from mlspec.graph.canonical import digest_of
from mlspec.graph.code import code_digest
from mlspec.graph.model import Graph, Stage
from mlspec.runtime import evaluate, files
from mlspec.runtime.audit import log
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate import analyses
from mlspec.runtime.measure.stage import measure
from mlspec.runtime.monitor import reference
from mlspec.runtime.package import load_package
from mlspec.runtime.package.absent import is_absent
from mlspec.runtime.stage import Around, Record, make_in_store
from mlspec.runtime.store import Store
from mlspec.runtime.track import fetching, lookup
from mlspec.runtime.track.mlflow_store import mlflow_at
from mlspec.runtime.track.promotion import HISTORY, Move, promote, rollback
from mlspec.runtime.track.registration import Released
from mlspec.runtime.train import run as fit
from mlspec.runtime.validate import verdict
from tests.support.stages import run_stage_function

# MLflow and what it imports warn of their own use of older interfaces.
pytestmark = pytest.mark.filterwarnings("ignore")

CONFIG = {
    "name": "income",
    "aliases": ["candidate"],
    "uri": None,
    "experiment": "income",
    "model": "plain",
    "judged_by": "release",
}
FETCH = {"name": "income", "alias": "champion", "uri": None}
BODY = {"actor": "ann", "reason": "", "spec": "income", "spec_digest": "5" * 64}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two packages of the same label over different features, and the tables that they are judged on."""
    folder = tmp_path_factory.mktemp("registry")
    inputs, features = census(folder, limit=400)
    packages = {
        name: run_stage_function(fit, folder, "fit", fit_config(chosen, INCOME, "sklearn.LogisticRegression"), inputs, block=name) / "package"
        for name, chosen in (("many", features), ("few", features[:2]))
    }  # fmt: skip
    return {"inputs": inputs, "packages": packages, "features": features, "folder": folder}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests: a new one takes seconds to make."""
    return tmp_path_factory.mktemp("project")


def released(world: dict[str, Any], project: Path, name: str, registered: str = "income") -> Released:
    package = world["packages"][name]
    digest = digest_of(files.sha256_files(package))
    return Released(package, digest, {**CONFIG, "name": registered}, project, "5" * 64)


def fetched(project: Path, tmp_path: Path, config: dict[str, Any] = FETCH) -> Path:
    out = run_stage_function(fetching.run, tmp_path, "fetch", config, block="live", project_root=project)
    return out / "package"


def test_an_alias_that_does_not_exist_is_absent_and_makes_no_store(tmp_path: Path) -> None:
    stage = Stage("live-fetch", "fetch", "live", FETCH, {}, {"package": "model"})
    assert lookup.leaf_of(tmp_path)(stage) == {"income@champion": "absent"}
    assert not (tmp_path / ".mlspec").exists()
    assert is_absent(fetched(tmp_path, tmp_path))
    assert json.loads((tmp_path / "out-live-fetch/package/absent.json").read_text()) == {"name": "income", "alias": "champion"}


def test_moves_and_what_is_read_after_each(world: dict[str, Any], project: Path, tmp_path: Path) -> None:
    many, few = (released(world, project, name) for name in ("many", "few"))
    first = promote(many, "champion", BODY)
    assert (first.before, first.after, first.package) == (None, "1", many.digest)
    assert promote(many, "champion", BODY) == Move("income", "champion", "1", "1", many.digest)
    second = promote(few, "champion", BODY)
    assert (second.before, second.after, second.record) == ("1", "2", first.record + 1)
    stage = Stage("live-fetch", "fetch", "live", FETCH, {}, {"package": "model"})
    assert lookup.leaf_of(project)(stage) == {"income@champion": few.digest}
    assert digest_of(files.sha256_files(fetched(project, tmp_path))) == few.digest
    assert load_package(tmp_path / "out-live-fetch/package").name == "plain"
    back = rollback(project, CONFIG, "champion", None, BODY)
    assert (back.before, back.after, back.package) == ("2", "1", many.digest)
    assert lookup.package_behind(project, None, "income", "champion", "live") == ("1", many.digest)
    with pytest.raises(StageError) as caught:
        rollback(project, CONFIG, "champion", None, BODY)
    assert (caught.value.code, caught.value.message) == (
        "MLS836",
        "the alias `champion` of `income` cannot be moved: there is no version before",
    )
    events = [(record["event"], record["before"], record["after"]) for record in log.read_sound(project).records]
    assert events == [("promote", None, "1"), ("promote", "1", "2"), ("rollback", "2", "1")]


def test_the_database_says_what_the_client_says(world: dict[str, Any], project: Path) -> None:
    promote(released(world, project, "few"), "challenger", BODY)
    with mlflow_at(project, None, "") as (_, client):
        for name, alias in (("income", "challenger"), ("income", "nobody"), ("nothing", "challenger")):
            assert lookup.package_behind(project, None, name, alias, "live") == lookup.behind(client, name, alias)


def test_a_rollback_goes_to_what_the_alias_stood_for_and_nowhere_else(world: dict[str, Any], project: Path) -> None:
    many, few = (released(world, project, name, "named") for name in ("many", "few"))
    for package in (many, few, many):
        promote(package, "champion", BODY)
    with mlflow_at(project, None, "") as (_, client):
        assert client.get_registered_model("named").tags[HISTORY + "champion"] == "1,2,1"
    with pytest.raises(StageError) as caught:
        rollback(project, many.config, "champion", "7", BODY)
    assert caught.value.found == "version 1 of `named`"
    assert rollback(project, many.config, "champion", "2", BODY).after == "2"
    assert rollback(project, many.config, "champion", None, BODY).after == "1"
    with pytest.raises(StageError):
        rollback(project, many.config, "champion", None, BODY)
    with pytest.raises(StageError) as caught:
        rollback(project, many.config, "nobody", None, BODY)
    assert "stands for nothing" in caught.value.message


def test_an_alias_that_others_moved_is_caught_up_with(world: dict[str, Any], project: Path) -> None:
    many, few = (released(world, project, name, "elsewhere") for name in ("many", "few"))
    promote(many, "champion", BODY)
    promote(few, "staging", BODY)
    with mlflow_at(project, None, "") as (_, client):
        client.set_registered_model_alias("elsewhere", "champion", "2")  # as MLflow's page does
    assert rollback(project, many.config, "champion", None, BODY).after == "1"


@pytest.mark.parametrize("alias", ["latest", "v3", "V12", "", "a b", "a,b", "x" * 256])
def test_names_that_no_alias_may_have(world: dict[str, Any], project: Path, alias: str) -> None:
    before = log.read_sound(project).head
    with pytest.raises(StageError) as caught:
        promote(released(world, project, "few"), alias, BODY)
    assert caught.value.code == "MLS836"
    assert log.read_sound(project).head == before


def test_a_move_that_the_registry_refuses_is_on_record_as_well(
    world: dict[str, Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    def refuse(*_: Any) -> None:
        raise MlflowException("the registry is read-only today")

    many = released(world, project, "many", "refused")
    promote(many, "champion", BODY)
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "set_registered_model_alias", refuse)
        with pytest.raises(StageError) as caught:
            promote(released(world, project, "few", "refused"), "champion", BODY)
    assert (caught.value.code, caught.value.found) == ("MLS809", "the registry is read-only today")
    promised, undone = log.read_sound(project).records[-2:]
    assert (promised["event"], undone["event"], undone["of"]) == ("promote", "not_moved", promised["n"])
    assert lookup.package_behind(project, None, "refused", "champion", "live") == ("1", many.digest)
    assert promote(released(world, project, "few", "refused"), "champion", BODY).before == "1"


def test_what_is_not_what_was_registered_is_refused(world: dict[str, Any], project: Path, tmp_path: Path) -> None:
    many = released(world, project, "many", "changed")
    promote(many, "champion", BODY)
    with mlflow_at(project, None, "") as (mlflow, client):
        version = client.get_model_version("changed", "1")
        stored = Path(mlflow.artifacts.download_artifacts(version.source))
    (example,) = stored.rglob("package.json")
    example.with_name("example.json").write_text("{}")
    with pytest.raises(StageError) as caught:
        fetched(project, tmp_path, {**FETCH, "name": "changed"})
    assert caught.value.code == "MLS808"
    with pytest.raises(StageError) as caught:
        promote(many, "other", BODY)
    assert caught.value.code == "MLS808"


def test_a_version_of_others_is_no_package(project: Path) -> None:
    with mlflow_at(project, None, "") as (_, client):
        client.create_registered_model("foreign")
        client.create_model_version("foreign", source="file:///nowhere")
        client.set_registered_model_alias("foreign", "champion", "1")
    with pytest.raises(StageError) as caught:
        lookup.package_behind(project, None, "foreign", "champion", "live")
    assert (caught.value.code, caught.value.where) == ("MLS835", "live")


def test_what_lies_beside_a_package_outside_the_store_is_not_registered(
    world: dict[str, Any], project: Path, tmp_path: Path
) -> None:
    """Targets that move artifacts themselves keep a manifest in each folder, which is no part of the package."""
    import shutil

    few = released(world, project, "few", "beside")
    folder = Path(shutil.copytree(few.folder, tmp_path / "package"))
    (folder / "manifest.json").write_text("{}")
    promote(Released(folder, few.digest, few.config, project), "champion", BODY)
    found = fetched(project, tmp_path, {**FETCH, "name": "beside"})
    assert digest_of(files.sha256_files(found)) == few.digest
    with mlflow_at(project, None, "") as (mlflow, _):
        assert not list(Path(mlflow.artifacts.download_artifacts("models:/beside/1")).rglob("manifest.json"))


def test_an_alias_that_moves_while_the_run_is_on_its_way_is_told(world: dict[str, Any], project: Path) -> None:
    """The key was made of one package, and another is there when it is fetched."""
    promote(released(world, project, "many", "moving"), "champion", BODY)
    stage = Stage("live-fetch", "fetch", "live", {**FETCH, "name": "moving"}, {}, {"package": "model"})
    graph = Graph.of([stage])
    from mlspec.graph.keys import graph_keys

    store = Store(project)
    store.prepare()
    key = graph_keys(graph, {"live-fetch": lookup.leaf_of(project)(stage)}, {})["live-fetch"]
    promote(released(world, project, "few", "moving"), "champion", BODY)
    around = Around(project, project / "resume")
    with pytest.raises(StageError) as caught:
        make_in_store(graph, "live-fetch", store, {}, Record(key, {}, {}, {}), around)
    assert (caught.value.code, caught.value.where) == ("MLS801", "live")
    key = graph_keys(graph, {"live-fetch": lookup.leaf_of(project)(stage)}, {})["live-fetch"]
    made = make_in_store(graph, "live-fetch", store, {}, Record(key, {}, {}, {}), around)
    assert made.outputs["package"].digest == released(world, project, "few").digest


def judged(world: dict[str, Any], tmp_path: Path, inputs: dict[str, Path], live: Path, if_absent: str = "fail") -> Path:
    """The `evaluate` stage of a project over a candidate and a model of the registry."""
    config = {
        "part": "holdout", "candidate": "few", "models": ["few", "live"], "label": INCOME, "confidence": 0.95, "min_group": 1,
        "quantities": [
            {"id": "no_worse", "expression": ["call", "-", [["metric", "auc", "few", {}], ["metric", "auc", "live", {}]], {}]},
            {"id": "useful", "expression": ["metric", "auc", "few", {}]},
        ],
        "group": None, "plots": [], "seed": 7, "if_absent": {"live": if_absent},
    }  # fmt: skip
    given = {**inputs, "package.few": world["packages"]["few"], "package.live": live}
    return run_stage_function(evaluate.run, tmp_path, "evaluate", config, given, block="release", project_root=tmp_path)


def values_of(
    world: dict[str, Any], tmp_path: Path, features: list[dict[str, Any]], drop: str = "", **change: Any
) -> dict[str, Path]:
    """The tables of the world with the values of other features, without a column, or with a descriptor changed."""
    rows = pq.read_table(world["inputs"]["rows"] / "rows.parquet").drop_columns(["__row"])
    head = files.read_json(world["inputs"]["rows"] / "table.json")["columns"]
    columns = [{**item, **change.get(item["name"], {})} for item in head if item["name"] != drop]
    parts = pq.read_table(world["inputs"]["parts"] / "rows.parquet").to_pylist()
    held = {part: [row["__row"] for row in parts if row["part"] == part] for part in ("train", "holdout")}
    return stage_inputs(
        tmp_path, {item["name"]: rows[item["name"]].combine_chunks() for item in columns}, columns, features, held
    )


def test_a_package_of_other_features_is_scored_by_its_own(world: dict[str, Any], tmp_path: Path) -> None:
    """The features block of today has two features, one of them under a name that the registered package gives to something else."""
    today = [*census_features()[:2], feature("gain", "int", SCALE, value=["col", "capital_gain", "int"])]
    inputs = values_of(world, tmp_path, today)
    out = judged(world, tmp_path, inputs, world["packages"]["many"])
    table = pq.read_table(out / "predictions/rows.parquet").to_pydict()
    rows = pq.read_table(inputs["rows"] / "rows.parquet").to_pylist()
    package = load_package(world["packages"]["many"])
    asked = [{column["name"]: rows[row][column["name"]] for column in package.columns} for row in table["__row"]]
    assert np.array_equal(np.array(table["live.score"]), package.score(asked).score)
    metrics = files.read_json(out / "metrics/metrics.json")
    entry = metrics["quantities"]["no_worse"]
    assert entry["method"] == "DeLong paired"
    assert entry["value"] == pytest.approx(metrics["models"]["few"]["auc"]["value"] - metrics["models"]["live"]["auc"]["value"])


def test_a_package_that_the_rows_cannot_feed_is_refused(world: dict[str, Any], tmp_path: Path) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("capital_gain", {}, "no column `capital_gain`"),
        ("", {"capital_gain": {"type": "float"}}, "`capital_gain` is float, it was int"),
        ("", {"capital_gain": {"tags": ["outcome"]}}, "`capital_gain` is an outcome, which nobody knows at a prediction"),
    ]
    for number, (drop, change, found) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        inputs = values_of(world, folder, census_features()[:2], drop, **change)
        with pytest.raises(StageError) as caught:
            judged(world, folder, inputs, world["packages"]["many"])
        assert (caught.value.code, caught.value.where, caught.value.found) == ("MLS835", "live", found)
        for watched in (measured, kept_for_a_monitor):
            with pytest.raises(StageError) as caught:
                watched(folder, inputs, world["packages"]["many"])
            assert (caught.value.code, caught.value.found) == ("MLS835", found)


def measured(tmp_path: Path, inputs: dict[str, Path], live: Path) -> Path:
    """The `measure` stage over a model of the registry."""
    config = {
        "part": "holdout", "label": INCOME, "seed": 7, "if_absent": {"live": "fail"},
        "quantities": [{"id": "small", "expression": ["metric", "size", "live", {}]}],
    }  # fmt: skip
    return run_stage_function(
        measure, tmp_path, "measure", config, inputs | {"package.live": live}, block="release", project_root=tmp_path
    )


def kept_for_a_monitor(tmp_path: Path, inputs: dict[str, Path], live: Path) -> Path:
    """The `reference` stage of a monitor whose server answers with a model of the registry."""
    config = {"part": "holdout", "features": None, "label": INCOME, "min_cell": 1}
    given = {name: inputs[name] for name in ("rows", "parts")} | {"package": live}
    return run_stage_function(reference.run, tmp_path, "reference", config, given, block="drift", project_root=tmp_path)


def test_a_package_is_judged_and_looked_into_without_any_feature_of_today(world: dict[str, Any], tmp_path: Path) -> None:
    """As the candidate, with rows and parts alone: the numbers are those of the same package beside the values of today."""
    ask = ["metric", "robustness", "few", {"of": "auc", "noise": ["lit", 0.5, "float"]}]
    config = {
        "part": "holdout", "candidate": "few", "models": ["few"], "label": INCOME, "confidence": 0.95, "min_group": 1, "min_cell": 1,
        "quantities": [{"id": "useful", "expression": ["metric", "auc", "few", {}]}, {"id": "firm", "expression": ask}],
        "group": None, "plots": [], "seed": 7,
    }  # fmt: skip
    alone = {name: world["inputs"][name] for name in ("rows", "parts")} | {"package.few": world["packages"]["few"]}
    found = []
    for number, (more, given) in enumerate(
        [({}, alone | {"values": world["inputs"]["values"]}), ({"if_absent": {"few": "fail"}}, alone)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        out = run_stage_function(evaluate.run, folder, "evaluate", config | more, given, block="release", project_root=folder)
        looked = {**config, **more, "analyses": ["importance"], "metric": None, "repeats": 2, "rows": 100, "columns": []}
        again = run_stage_function(
            analyses.run,
            folder,
            "analyse",
            looked,
            given | {"predictions": out / "predictions"},
            block="deeper",
            project_root=folder,
        )
        found.append((files.read_json(out / "metrics/metrics.json"), files.read_json(again / "analysis/analysis.json")))
    assert found[0] == found[1]
    assert found[0][0]["quantities"]["firm"]["value"] is not None and found[0][1]["importance"]["features"]


@pytest.mark.parametrize("if_absent", ["skip", "fail"])
def test_gates_on_a_model_that_does_not_exist_yet(world: dict[str, Any], tmp_path: Path, if_absent: str) -> None:
    live = fetched(tmp_path, tmp_path)
    out = judged(world, tmp_path, world["inputs"], live, if_absent)
    gates = [
        {"name": "no_worse", "expression": ["call", ">=", [["quantity", "no_worse"], ["lit", -0.01, "points"]], {}], "doc": ""},
        {"name": "useful", "expression": ["call", ">=", [["quantity", "useful"], ["lit", 0.1, "float"]], {}], "doc": ""},
    ]
    given = {"metrics": out / "metrics", "package.few": world["packages"]["few"], "package.live": live}
    decided = run_stage_function(
        verdict.run, tmp_path, "verdict", {"gates": gates, "confidence": 0.95, "min_group": 1}, given, block="release"
    )
    found = files.read_json(decided / "verdict/verdict.json")
    assert [gate["status"] for gate in found["gates"]] == ["skipped" if if_absent == "skip" else "failed", "passed"]
    assert found["passed"] is (if_absent == "skip")
    assert [*found["packages"]] == ["few"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers everything with a page and one code."""

    code = 200

    def do_GET(self) -> None:
        self.send_response(self.code)
        self.end_headers()
        self.wfile.write(b"<html>sign in</html>")

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(params=["silent", "down", "a page", "forbidden", "broken"])
def bad_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that does not do what a tracking server does."""
    if request.param in ("silent", "down"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            if request.param == "silent":
                yield f"http://ann:hunter2@127.0.0.1:{port}"
                return
        yield f"http://ann:hunter2@127.0.0.1:{port}"
        return
    handler = type("Handler", (Answers,), {"code": {"a page": 200, "forbidden": 403, "broken": 500}[request.param]})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://ann:hunter2@127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_none_ends_in_seconds_with_a_way_out(bad_server: str, tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(StageError) as caught:
        lookup.package_behind(tmp_path, bad_server, "income", "champion", "live")
    assert time.monotonic() - begin < 20
    assert caught.value.code == "MLS809"
    assert "run again" in str(caught.value.help)
    assert "hunter2" not in json.dumps(caught.value.to_json())


def test_a_registered_package_runs_only_code_that_the_project_allows(world: dict[str, Any], tmp_path: Path) -> None:
    """Whoever compiled this spec has read its code, and not that of a package that an earlier text of it made."""
    code = b"def same(gain):\n    return gain\n"
    digest = code_digest(code)
    (tmp_path / "own.py").write_bytes(code)
    extern = {
        "role": "feature", "code": "own.py", "function": "same", "files": {"own.py": digest}, "parameters": [["gain", "int"]],
        "result": "int", "values": None, "network": False, "deterministic": True, "limits": {"memory": 2**32, "time_limit": 20.0, "gpu": False},
    }  # fmt: skip
    column = ["col", "capital_gain", "int"]
    plain = [*census_features()[:2], feature("gain", "int", SCALE, value=column)]
    inputs = values_of(world, tmp_path, plain)
    own = {**feature("gain", "int", SCALE, value=["extern", "same", [column], "int"]), "externs": {"same": extern}}
    config = fit_config([*plain[:2], own], INCOME, "sklearn.LogisticRegression")
    live = run_stage_function(fit, tmp_path, "fit", config, inputs, block="live", project_root=tmp_path) / "package"
    for text in (None, "[extern]\nallow = []\n"):
        if text is not None:
            (tmp_path / "mlspec.toml").write_text(text)
        with pytest.raises(StageError) as caught:
            judged(world, tmp_path, inputs, live)
        assert (caught.value.code, caught.value.found) == ("MLS824", f"sha256:{digest}")
        for watched in (measured, kept_for_a_monitor):
            with pytest.raises(StageError) as caught:
                watched(tmp_path, inputs, live)
            assert caught.value.code == "MLS824"
    (tmp_path / "mlspec.toml").write_text(f'[extern]\nallow = ["sha256:{digest}"]\n')
    table = pq.read_table(judged(world, tmp_path, inputs, live) / "predictions/rows.parquet").to_pydict()
    rows = pq.read_table(inputs["rows"] / "rows.parquet").to_pylist()
    package = load_package(live)
    asked = [{column["name"]: rows[row][column["name"]] for column in package.columns} for row in table["__row"]]
    assert np.array_equal(np.array(table["live.score"]), package.score(asked).score)
    package.close()
