"""A spec whose models read different blocks of features, run as a user would run it; its scores are held in `tests/runtime`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.two_blocks import written

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def project(folder: Path) -> Project:
    made = object.__new__(Project)
    made.folder, made.spec = folder, written(folder)
    return made


def test_an_edit_of_one_block_fits_and_scores_its_own_model_again(tmp_path: Path) -> None:
    made = project(tmp_path / "project")
    said = made.run()
    assert said.code == 0, said.text
    made.edit("age := log1p(people.age)", "age := people.age / 2")
    plan = made.mlspec("plan", made.spec).out
    again = {line.split()[1] for line in plan.splitlines() if line.split()[:1] == ["run"]}
    assert {"words-features", "few-fit", "release-evaluate", "alone-evaluate"} <= again, plan
    assert not {"inputs-features", "many-fit", "parts-split", "itself-evaluate"} & again, plan


def test_other_targets_make_the_same(tmp_path: Path) -> None:
    made = project(tmp_path / "project")
    said = made.mlspec("parity", made.spec, "--targets", "local,dvc,kfp")
    assert said.code == 0 and "equal on 3 targets" in said.text, said.text
