"""The design's example specs check to nothing, or to "not built yet" that names the block."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.spec.values import Made, Reference
from tests.support.specs import check_path, render

OK = Path(__file__).parents[1] / "cases" / "ok"
EXAMPLES = sorted(OK.rglob("*.mlspec"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_check_to_nothing_or_not_built(path: Path) -> None:
    spec, found = check_path(path)
    assert spec is not None, render(found)
    assert {finding.code.id for finding in found} <= {"MLS901"}, render(found)


def test_census_income_is_clean() -> None:
    spec, found = check_path(OK / "census_income.mlspec")
    assert render(found) == ""
    assert spec is not None
    assert spec.name == "census_income"
    assert spec.seed == 7
    assert spec.releasable


@pytest.mark.parametrize("name", ["card_default", "billing_assistant", "xray_triage"])
def test_what_is_not_built_names_its_block(name: str) -> None:
    _, found = check_path(OK / f"{name}.mlspec")
    assert found
    kinds = ("secret", "channel", "source", "frame", "features", "model", "train", "compress", "prompt", "extern", "gates", "serve",
             "monitor", "test", "limit", "canary", "ab", "env")  # fmt: skip
    for finding in found:
        assert any(f"`{kind} " in finding.message for kind in kinds), finding.message


def test_defaults_say_where_they_come_from() -> None:
    spec, _ = check_path(OK / "census_income.mlspec")
    assert spec is not None
    tune = spec.blocks["tune"]
    assert (tune.get("parallel"), tune.fields["parallel"].origin) == (4, "default")
    assert (tune.get("trials"), tune.fields["trials"].origin) == (20, "given")
    threshold = tune.make("threshold")
    assert isinstance(threshold, Made)
    assert (threshold.name, threshold.get("value")) == ("fixed", 0.5)
    assert not tune.given("threshold")
    cv = tune.make("cv")
    assert cv is not None
    assert cv.get("count") == 5
    assert isinstance(cv.get("stratify"), Reference)
    assert cv.get("stratify").path == "census.income"


def test_forms_of_the_gates() -> None:
    spec, _ = check_path(OK / "census_income.mlspec")
    assert spec is not None
    gates = {name: gate.value.form for name, gate in spec.blocks["release"].definitions.items()}
    assert gates["useful"] == [
        "call",
        ">=",
        [["call", "lower", [["metric", "auc", "tune", {}]], {}], ["lit", 0.88, "float"]],
        {},
    ]
    difference = ["call", "-", [["metric", "accuracy", "tune", {}], ["metric", "accuracy", "majority", {}]], {}]
    assert gates["beats_majority"] == ["call", ">=", [["call", "lower", [difference], {}], ["lit", 0.05, "points"]], {}]
    rate = ["metric", "false_pos_rate", "tune", {}]
    assert gates["fair_errors"][2][0] == ["call", "gap", [rate], {"by": ["feature", "sex"]}]
    latency = ["metric", "latency", "tune", {"load": 50.0, "cpu": 1}]
    assert gates["fast"] == ["call", "<=", [["call", "p95", [latency], {}], ["lit", 0.02, "duration"]], {}]


def test_places_of_paths() -> None:
    spec, _ = check_path(OK / "census_income.mlspec")
    assert spec is not None
    for path, text in (
        ("census.age", "age: int @range(17..90) @pii(quasi)"),
        ("census", "source census"),
        ("release.useful", "useful := lower(auc(candidate)) >= 0.88"),
        ("tune.boost.learning_rate", "learning_rate = loguniform(0.02, 0.3)"),
        ("by_chance.train", "train := 70%"),
        ("income_api.decisions.keep", "keep = 30d"),
        ("watch.input_drift", "input_drift := worst(psi(inputs)) <= 0.20 @for(2h) @notify(console)"),
        ("census.no_such", "source census"),
    ):
        span = spec.span_of(path)
        assert span is not None
        assert span.text == text
    assert spec.span_of("nothing.at_all") is None


def test_env_puts_its_values_in_force() -> None:
    spec, found = check_path(OK / "census_income.mlspec", env="dev")
    assert spec is not None
    assert render(found) == ""
    assert (spec.blocks["census"].get("sample"), spec.blocks["census"].fields["sample"].origin) == (0.1, "env dev")
    assert spec.blocks["tune"].get("trials") == 4
    assert [(change.path, change.override) for change in spec.overrides] == [
        ("census.sample", "guarded"),
        ("tune.trials", "guarded"),
    ]
    assert spec.overrides[1].old is not None
    assert spec.overrides[1].old.item == 20
    assert not spec.releasable


def test_an_env_that_does_not_exist() -> None:
    spec, found = check_path(OK / "census_income.mlspec", env="deb")
    assert spec is None
    assert [finding.code.id for finding in found] == ["MLS101"]
    assert "`dev`" in found[0].help


def test_imported_names_are_used_by_alias() -> None:
    spec, _ = check_path(OK / "billing_assistant.mlspec")
    assert spec is not None
    block = spec.blocks["privacy.patterns"]
    assert (block.kind, block.alias) == ("param", "privacy")
    logged = spec.blocks["assistant"].nested("log")[0].definitions["question"].value
    assert logged.form[1] == "redact"
    assert logged.form[3] == {"patterns": ["email", "phone", "iban", "card_number"]}
