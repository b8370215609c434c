"""What an edit re-runs, and that `plan` said so before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("census")]


def planned(project: Project, *arguments: str) -> set[str]:
    """The stages that `mlspec plan` says will run."""
    said = project.mlspec("plan", project.spec, "--env", "dev", "--format", "json", *arguments)
    assert said.code == 0, said.text
    return {step["stage"] for step in json.loads(said.out)["steps"] if step["action"] == "run"}


def ran(project: Project) -> set[str]:
    """The stages that the newest run executed."""
    return {name for name, state in project.states().items() if state in ("ran", "failed")}


def test_a_rerun_with_nothing_changed_executes_nothing(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    before = project.digests()
    assert planned(project) == set()
    said = project.run("--env", "dev")
    assert "0 stages" in said.text or "nothing to run" in said.text.lower(), said.text
    assert project.digests() == before


def test_a_threshold_edit_rescores_and_retrains_nothing(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit("calibrated := calibration_error(candidate) <= 3%", "calibrated := calibration_error(candidate) <= 4%")
    foretold = planned(project)
    project.run("--env", "dev")
    assert ran(project) == foretold
    assert "release-verdict" in foretold
    assert not {
        name
        for name in foretold
        if name.split("-")[-1] in {"fit", "search", "features", "split", "extract", "evaluate", "measure"}
    }


def test_a_feature_edit_rebuilds_exactly_what_depends_on_it(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit("gain := log1p(census.capital_gain)", "gain := scale(log1p(census.capital_gain))")
    foretold = planned(project)
    project.run("--env", "dev")
    assert ran(project) - {"run-register"} == foretold - {"run-register"}
    assert not foretold & {"census-extract", "census-verify", "by-chance-split", "eda-explore"}
    assert {"tune-search", "release-evaluate", "release-verdict"} <= foretold


def test_an_edit_of_a_check_runs_the_check_alone(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit("volume := rows() >= 30_000", "volume := rows() >= 20_000")
    assert {name for name in planned(project) if not name.startswith("run-")} == {"census-verify"}


def test_a_comment_changes_nothing(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit("split by_chance {", "# seventy, thirty\nsplit by_chance {")
    assert planned(project) == set()


def test_the_plan_names_the_field_that_changed(census: Project, tmp_path: Path) -> None:
    project = census.copy(tmp_path / "project")
    project.edit(
        "fair_errors := gap(false_pos_rate(candidate), by: inputs.sex) <= 12pp",
        "fair_errors := gap(false_pos_rate(candidate), by: inputs.sex) <= 10pp",
    )
    said = project.mlspec("plan", project.spec, "--env", "dev")
    assert "fair_errors" in said.out
