"""What lowering makes of a spec: stages, configs and what an edit touches."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

import mlspec
from mlspec.graph import Graph, Stage
from mlspec.graph.expression import validate, walk
from mlspec.graph.keys import graph_keys
from mlspec.lower.monitoring import monitor_config
from mlspec.lower.serving import serve_config

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "tests" / "cases" / "errors" / "MLS501" / "good.mlspec"


def lowered(tmp_path: Path, *edits: tuple[str, str], env: str | None = None, folder: str = "") -> Graph:
    """The graph of the demo spec after some edits, in a project of its own."""
    text = DEMO.read_text()
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    path = tmp_path / folder / "demo.mlspec"
    path.write_text(text)
    return mlspec.load(path, env).graph


def changed(before: Graph, after: Graph) -> set[str]:
    """The stages whose own config or inputs differ."""
    names = {*before.stages, *after.stages}
    return {name for name in names if _facts(before.stages.get(name)) != _facts(after.stages.get(name))}


def _facts(stage: Stage | None) -> Any:
    return None if stage is None else (dict(stage.config), dict(stage.inputs), dict(stage.outputs))


def test_the_stages_of_the_lifecycle(tmp_path: Path) -> None:
    assert list(lowered(tmp_path).stages) == [
        "people-extract", "people-verify", "parts-split", "inputs-features", "eda-explore", "base-fit", "tune-search",
        "release-evaluate", "release-measure", "release-verdict", "release-enforce", "watch-reference", "run-report",
        "run-card", "run-track", "run-register",
    ]  # fmt: skip


def test_a_threshold_touches_the_verdict_alone(tmp_path: Path) -> None:
    before = lowered(tmp_path)
    assert changed(before, lowered(tmp_path, (">= 0.7\n", ">= 0.75\n"))) == {"release-verdict"}
    assert changed(before, lowered(tmp_path, ("<= 50ms", "<= 40ms"))) == {"release-verdict"}


def test_a_gate_on_another_number_touches_evaluate_and_verdict(tmp_path: Path) -> None:
    after = lowered(tmp_path, ("useful := lower(auc(candidate))", "useful := lower(f1(candidate))"))
    assert changed(lowered(tmp_path), after) == {"release-evaluate"}


def test_robustness_brings_the_part_that_each_model_was_fitted_on(tmp_path: Path) -> None:
    before = lowered(tmp_path)
    after = lowered(tmp_path, ("  useful :=", "  firm := robustness(candidate, noise: 5%) >= 50%\n  useful :="))
    assert changed(before, after) == {"release-evaluate", "release-verdict"}
    assert set(after["release-evaluate"].config["fitted"].values()) == {"train"}
    assert "fitted" not in before["release-evaluate"].config


def test_a_correction_and_a_mitigation_are_in_configs_where_they_are_set(tmp_path: Path) -> None:
    before = lowered(tmp_path)
    corrected = lowered(tmp_path, ("  useful :=", "  correction = holm\n  useful :="))
    assert changed(before, corrected) == {"release-evaluate"}
    assert corrected["release-evaluate"].config["correction"] == "holm"
    assert changed(before, lowered(tmp_path, ("  useful :=", "  correction = none\n  useful :="))) == set()
    fair = lowered(tmp_path, ("  objective =", "  mitigate = reweigh(by: people.sex)\n  objective ="))
    assert changed(before, fair) == {"tune-search"}
    assert fair["tune-search"].config["mitigate"] == {"method": "reweigh", "by": "sex"}


def test_what_reads_a_clock_is_measured_alone(tmp_path: Path) -> None:
    graph = lowered(tmp_path)
    assert [item["id"] for item in graph["release-measure"].config["quantities"]] == ["fast"]
    assert graph["release-measure"].resources.exclusive
    assert "fast" not in [item["id"] for item in graph["release-evaluate"].config["quantities"]]
    without = lowered(tmp_path, ("  fast := p95(latency(candidate, load: 20rps)) <= 50ms\n", ""))
    assert "release-measure" not in without.stages


def test_a_fitted_step_is_no_part_of_the_values(tmp_path: Path) -> None:
    after = lowered(tmp_path, ("visits := log1p(people.visits)", "visits := scale(log1p(people.visits))"))
    assert "inputs-features" not in changed(lowered(tmp_path), after)
    feature = after["base-fit"].config["features"][1]
    assert feature["value"][:2] == ["call", "log1p"]
    assert feature["type"] == "float"
    assert feature["fitted"] == [{"op": "scale", "method": "standard"}]


def test_missing_values_are_filled_first_and_only_where_they_may_be(tmp_path: Path) -> None:
    graph = lowered(
        tmp_path,
        ('  job: category("clerk", "smith")\n', '  job: category("clerk", "smith")?\n'),
        (
            "  frame = people\n  age :=",
            '  frame = people\n  missing = fill(number: mean, category: "none", flag: true)\n  age :=',
        ),
    )
    steps = {feature["name"]: feature["fitted"] for feature in graph["base-fit"].config["features"]}
    assert steps["job"] == [{"op": "fill", "with": {"value": "none"}, "flag": True}, {"op": "onehot", "max": None}]
    assert steps["age"] == [{"op": "scale", "method": "standard"}]


def test_audit_features_are_values_and_no_inputs(tmp_path: Path) -> None:
    graph = lowered(tmp_path)
    audits = {item["name"]: item["audit"] for item in graph["inputs-features"].config["features"]}
    assert audits == {"age": False, "visits": False, "job": False, "sex": True}
    assert [item["name"] for item in graph["tune-search"].config["features"]] == ["age", "visits", "job"]


def test_a_group_of_the_split_stays_whole_in_folds(tmp_path: Path) -> None:
    graph = lowered(tmp_path, ("split parts {\n  frame = people\n", "split parts {\n  frame = people\n  group = job\n"))
    assert graph["tune-search"].config["cv"] == {"method": "group_folds", "folds": 5, "group": "job"}
    assert graph["release-evaluate"].config["group"] == "job"


SAMPLED = "\nenv dev {\n  set people.sample = 10%\n}\n"


def test_a_sample_is_what_all_but_the_checks_read(tmp_path: Path) -> None:
    edit = ("monitor watch {", f"{SAMPLED.lstrip()}\nmonitor watch {{")
    graph = lowered(tmp_path, edit, env="dev")
    assert graph["people-verify"].inputs == {"rows": "people-extract/rows"}
    assert graph["base-fit"].inputs["rows"] == "people-extract/sampled"
    assert graph["people-extract"].config["sample"] == 0.1
    assert "run-register" not in graph.stages, "an env with a guarded override releases nothing"
    assert "run-register" in lowered(tmp_path, edit).stages


def test_paths_are_relative_to_the_project(tmp_path: Path) -> None:
    graph = lowered(tmp_path, ('csv("people.csv")', 'csv("../data/people.csv")'), folder="specs")
    assert graph["people-extract"].config["paths"] == ["data/people.csv"]


def test_order_follows_the_checks_of_the_source(tmp_path: Path) -> None:
    graph = lowered(tmp_path)
    assert graph["base-fit"].after == ("people-verify",)
    assert "people-verify" not in {source for _, source, _ in graph["base-fit"].upstream()}


@pytest.mark.parametrize("path", [*sorted((ROOT / "specs").glob("*.mlspec")), DEMO], ids=lambda path: path.stem)
def test_every_expression_of_a_config_has_the_form_of_the_contract(path: Path) -> None:
    for stage in mlspec.load(path).graph:
        for name in ("features", "quantities", "checks", "gates"):
            for item in stage.config.get(name, ()):
                form = item.get("value") or item.get("expression")
                validate(form, f"{stage.id}.{item}")
                assert all(node[0] != "metric" for node in walk(form)) or name == "quantities"


def test_the_configs_of_serving_and_monitoring(tmp_path: Path) -> None:
    (tmp_path / "demo.mlspec").write_text(DEMO.read_text())
    found = mlspec.load(tmp_path / "demo.mlspec")
    assert found.spec is not None
    serve = serve_config(found.spec, found.spec.blocks["api"], found.spec_digest)
    assert serve["log"]["fields"][0]["expression"] == [
        "call", "hmac", [["col", "code", "string"]], {"key": ["secret", "salt"]},
    ]  # fmt: skip
    assert serve["log"]["fields"][1]["expression"][2] == [["ambient", "score", "float"]]
    assert serve["log"]["fields"][2]["expression"] == ["features", ["age", "visits", "job"]]
    assert serve["secrets"] == {"salt": {"kind": "env", "variable": "LOG_SALT"}}
    monitor = monitor_config(found.spec, found.spec.blocks["watch"])
    forms = {check["name"]: check["expression"] for check in monitor["checks"]}
    assert forms["drift"][2][0][2][0] == ["call", "psi", [["features", ["age", "visits", "job"]]], {}]
    assert forms["score_drift"][2][0] == ["call", "psi", [["ambient", "score", "float"]], {}]
    assert forms["true_auc"][2][0] == ["metric", "auc", "live", {}]
    assert (monitor["label"]["key"], monitor["label"]["field"], monitor["label"]["secret"]) == ("code", "code", "salt")
    assert monitor["secrets"] == {"salt": {"kind": "env", "variable": "LOG_SALT"}}


def test_a_keyed_feature_brings_the_handle_of_its_secret_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_SALT", "grain-of-salt")
    keyed = lowered(
        tmp_path, ("  sex := people.sex @audit\n", "  sex := people.sex @audit\n  who := hmac(people.job, key: salt) @audit\n")
    )
    config = keyed["inputs-features"].config
    assert config["secrets"] == {"salt": {"kind": "env", "variable": "LOG_SALT"}}
    assert config["features"][4]["value"] == ["call", "hmac", [["col", "job", "category"]], {"key": ["secret", "salt"]}]
    assert all("grain-of-salt" not in str(stage) for stage in keyed)
    assert "secrets" not in lowered(tmp_path)["inputs-features"].config


TIMED = ("  visits: int @range(0..99)\n", "  visits: int @range(0..99)\n  seen: date @event_time\n  paid: date\n")
MONTHLY = ("useful := lower(auc(candidate)) >= 0.7", "useful := worst(auc(candidate), by: month) >= 0.7")


def test_periods_come_from_the_time_of_the_split_or_of_the_source(tmp_path: Path) -> None:
    assert lowered(tmp_path, TIMED, MONTHLY)["release-evaluate"].config["at"] == "seen"
    split = "  train := 60%\n  tune := 20%\n  holdout := 20%\n"
    spans = "  on = people.paid\n" + "".join(
        f"  {name} := 2020-0{n}-01..2020-0{n}-28\n" for n, name in enumerate(("train", "tune", "holdout"), 1)
    )
    assert lowered(tmp_path, TIMED, MONTHLY, (split, spans))["release-evaluate"].config["at"] == "paid"
    assert "at" not in lowered(tmp_path, TIMED)["release-evaluate"].config, "no gate looks at months"


def test_a_comment_is_no_part_of_the_digest_and_a_value_is(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        path = tmp_path / "demo.mlspec"
        path.write_text(text)
        return mlspec.load(path).spec_digest

    text = DEMO.read_text()
    assert digest(text) == digest(text.replace("split parts {", "# sixty, twenty, twenty\nsplit parts {"))
    assert digest(text) != digest(text.replace("min_group = 200", "min_group = 201"))


def test_lowering_twice_gives_equal_stages(tmp_path: Path) -> None:
    first, second = lowered(tmp_path), lowered(tmp_path)
    assert [dataclasses.asdict(stage) for stage in first] == [dataclasses.asdict(stage) for stage in second]


def test_a_channel_keeps_its_secret_as_a_handle(tmp_path: Path) -> None:
    hook = ("channel console = log()\n", 'secret hook = env("TEAM_HOOK")\n\nchannel console = webhook(hook)\n')
    graph_of = tmp_path / "demo.mlspec"
    (tmp_path / "mlspec.toml").touch()
    graph_of.write_text(DEMO.read_text().replace(*hook))
    spec = mlspec.load(graph_of).spec
    assert spec is not None
    channels = monitor_config(spec, next(spec.of_kind("monitor")))["channels"]
    assert channels == {"console": {"kind": "webhook", "url": {"kind": "env", "variable": "TEAM_HOOK"}}}


TWO_SOURCES = (
    "source people {",
    """source shops {
  from = csv("shops.csv")
  name: string
  phone: string @pii(direct)
}

source people {""",
)


REFERS = ("  refunded: bool", "  from_a_shop := references(job, shops.name)\n  refunded: bool")


def test_a_source_that_refers_to_another_reads_its_rows(tmp_path: Path) -> None:
    """`verify` reads both extracts; nothing is extracted later for it, and sources without `references` are as they were."""
    plain = lowered(tmp_path, TWO_SOURCES)
    graph = lowered(tmp_path, TWO_SOURCES, REFERS)
    assert changed(plain, graph) == {"people-verify"}
    stage = graph["people-verify"]
    assert stage.inputs == {"rows": "people-extract/rows", "references.shops": "shops-extract/rows"}
    assert stage.config["partners"] == {"shops.name": {"name": "name", "type": "string", "optional": False}}
    assert "partners" not in graph["shops-verify"].config
    assert list(graph["people-extract"].waits_for()) == []
    assert set(graph.needed_for(["people-verify"])) == {"people-extract", "shops-extract", "people-verify"}


def test_the_key_of_a_reference_follows_the_other_source(tmp_path: Path) -> None:
    keys = [
        graph_keys(lowered(tmp_path, TWO_SOURCES, *edits), leaves, {})
        for edits, leaves in (((REFERS,), {}), ((REFERS,), {"shops-extract": {"shops.csv": "0" * 64}}), ((), {}))
    ]
    assert {name for name in keys[0] if keys[0][name] != keys[1][name]} >= {"shops-extract", "shops-verify", "people-verify"}
    assert {"people-extract", "parts-split", "base-fit"} <= {name for name in keys[0] if keys[0][name] == keys[1][name]}
    assert keys[0]["people-verify"] != keys[2]["people-verify"]
