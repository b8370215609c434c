"""One run of each spec in its dev env, shared by the tests that start from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project, census_project

Ran = Callable[[str], Project]


def dev_project(name: str, folder: Path) -> Project:
    """The project of a spec, before any run."""
    return census_project(folder) if name == "census_income" else Project(folder, name)


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The project of a spec after one run in env dev. Tests that change it work on a copy."""
    made: dict[str, Project] = {}

    def of(name: str) -> Project:
        if name not in made:
            made[name] = dev_project(name, tmp_path_factory.mktemp(name) / "project")
            said = made[name].run("--env", "dev")
            assert said.code == 0, said.text
        return made[name]

    return of


@pytest.fixture(scope="session")
def census(ran: Ran) -> Project:
    """The census project after one run in env dev."""
    return ran("census_income")
