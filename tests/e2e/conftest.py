"""One run of the census spec in its dev env, shared by the tests that start from it."""

from __future__ import annotations

import pytest

from tests.support.project import Project, census_project


@pytest.fixture(scope="session")
def census(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The census project after one run in env dev. Tests that change it work on a copy."""
    project = census_project(tmp_path_factory.mktemp("census") / "project")
    said = project.run("--env", "dev")
    assert said.code == 0, said.text
    return project
