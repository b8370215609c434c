"""Every spec of the repository runs on its real data and releases a model."""

from __future__ import annotations

import json

import pytest

from tests.support.project import SPECS, Project

pytestmark = pytest.mark.e2e

NAMES = sorted(path.stem for path in SPECS.glob("*.mlspec"))


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_is_canonical_and_checks_clean(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Project(tmp_path_factory.mktemp(name) / "project", name)
    assert project.mlspec("fmt", "--check", project.spec).code == 0
    said = project.mlspec("check", project.spec, "--format", "json")
    assert said.code == 0, said.text
    assert json.loads(said.out)["diagnostics"] == []


# The census runs in full in `make demo` and `make test-slow`; here in its dev env.
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("penguins", []),
        pytest.param("flight_delay", ["--env", "dev"], marks=pytest.mark.slow),
        pytest.param("late_departures", [], marks=pytest.mark.slow),
        pytest.param("digits", [], marks=pytest.mark.slow),
    ],
)
def test_a_spec_runs_to_its_verdict(name: str, arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    project = Project(tmp_path_factory.mktemp(name) / "project", name)
    said = project.run(*arguments)
    assert said.code == 0, said.text
    summary = project.summary
    assert summary["passed"]
    assert set(project.states().values()) == {"ran"}
    for gates in summary["verdicts"].values():
        assert gates["passed"] and all(gate["status"] == "passed" for gate in gates["gates"])
