"""What an edit re-runs, and that `plan` said so before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Ran
from tests.support.project import IN_GATE, SPECS, Project

pytestmark = pytest.mark.e2e
of_census = pytest.mark.xdist_group("census")


def planned(project: Project, *arguments: str) -> set[str]:
    """The stages that `mlspec plan` says will run."""
    said = project.mlspec("plan", project.spec, "--env", "dev", "--format", "json", *arguments)
    assert said.code == 0, said.text
    return {step["stage"] for step in json.loads(said.out)["steps"] if step["action"] == "run"}


def executed(project: Project) -> set[str]:
    """The stages that the newest run executed."""
    return {name for name, state in project.states().items() if state in ("ran", "failed")}


@of_census
def test_a_rerun_with_nothing_changed_executes_nothing(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    before = project.digests()
    assert planned(project) == set()
    said = project.run("--env", "dev")
    assert "0 stages" in said.text or "nothing to run" in said.text.lower(), said.text
    assert project.digests() == before


RESCORED = {"release-verdict", "release-enforce", "run-report", "run-card", "run-track"}
THRESHOLDS = {
    "census_income": ("calibration_error(candidate) <= 3%", "calibration_error(candidate) <= 4%"),
    "flight_delay": ("upper(mae(candidate)) <= 15", "upper(mae(candidate)) <= 16"),
    "penguins": ("by: inputs.year) >= 0.90", "by: inputs.year) >= 0.89"),
}
# An edit of one feature, and what is upstream of it or reads other features.
FEATURES = {
    "census_income": ("gain := log1p(census.capital_gain)", "gain := sqrt(census.capital_gain)",
                      {"census-extract", "census-verify", "by-chance-split", "eda-explore"}),
    "flight_delay": ("seats := scale(flights.seats)", "seats := scale(log1p(flights.seats))",
                     {"flights-extract", "flights-verify", "by-time-split", "eda-explore", "line-fit"}),
    "penguins": ("mass := scale(penguins_seen.body_mass_g)", "mass := scale(log1p(penguins_seen.body_mass_g))",
                 {"penguins-seen-extract", "penguins-seen-verify", "by-chance-split", "eda-explore"}),
}  # fmt: skip


def named(edits: dict[str, Any]) -> Any:
    """One case a spec, each in the group that shares the spec's run; the gate takes the spec with a search."""
    assert set(edits) >= IN_GATE and set(edits) <= {path.stem for path in SPECS.glob("*.mlspec")}
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(
                name,
                marks=[pytest.mark.xdist_group(name.split("_")[0]), *([] if name == "census_income" else [pytest.mark.slow])],
            )
            for name in edits
        ],
    )


@named(THRESHOLDS)
def test_a_threshold_edit_rescores_and_retrains_nothing(name: str, ran: Ran, tmp_path: Path) -> None:
    project = ran(name).copy(tmp_path / "project")
    before = project.digests()
    project.edit(*THRESHOLDS[name])
    foretold = planned(project)
    assert project.run("--env", "dev").code == 0
    assert executed(project) == foretold == RESCORED & set(project.states())
    kept = {key: digest for key, digest in project.digests().items() if key.partition("/")[0] not in RESCORED}
    assert kept == {key: before[key] for key in kept} and any(key.endswith("/package") for key in kept)


@named(FEATURES)
def test_a_feature_edit_rebuilds_exactly_what_depends_on_it(name: str, ran: Ran, tmp_path: Path) -> None:
    project = ran(name).copy(tmp_path / "project")
    old, new, untouched = FEATURES[name]
    project.edit(old, new)
    foretold = planned(project)
    project.run("--env", "dev")
    # whether the model is registered is the verdict's to say
    assert executed(project) - {"run-register"} == foretold - {"run-register"}
    assert foretold - {"run-register"} == set(project.states()) - untouched - {"run-register"}
    assert {"inputs-features", "tune-search", "release-evaluate", "release-verdict"} <= foretold


@of_census
def test_an_edit_of_a_check_runs_the_check_alone(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit("volume := rows() >= 30_000", "volume := rows() >= 20_000")
    assert {name for name in planned(project) if not name.startswith("run-")} == {"census-verify"}


@of_census
def test_a_comment_changes_nothing(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit("split by_chance {", "# seventy, thirty\nsplit by_chance {")
    assert planned(project) == set()


@of_census
def test_the_plan_names_the_field_that_changed(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit(
        "fair_errors := gap(false_pos_rate(candidate), by: inputs.sex) <= 12pp",
        "fair_errors := gap(false_pos_rate(candidate), by: inputs.sex) <= 10pp",
    )
    said = project.mlspec("plan", project.spec, "--env", "dev")
    assert "fair_errors" in said.out
