"""One run of the census spec in its dev env, shared by the tests that start from it."""

from __future__ import annotations

import pytest

from tests.support.project import Project


@pytest.fixture(scope="session")
def census(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The census project after one run in env dev. Tests that change it work on a copy."""
    project = Project(tmp_path_factory.mktemp("census") / "project", "census_income")
    said = project.run("--env", "dev")
    assert said.code in (0, 1), said.text
    assert "failed" not in {state for name, state in project.states().items() if "enforce" not in name}, said.text
    return project
