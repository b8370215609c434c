"""The same spec gives the same digests, whatever the hash seed, time zone, locale, folder or number of workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Ran, dev_project
from tests.support.project import SPECS

pytestmark = pytest.mark.e2e

IN_GATE = "census_income"
NAMES = [
    pytest.param(
        path.stem,
        marks=[pytest.mark.xdist_group(path.stem.split("_")[0]), *([] if path.stem == IN_GATE else [pytest.mark.slow])],
    )
    for path in sorted(SPECS.glob("*.mlspec"))
    if path.stem != "income_compressed"  # its gates need most of the rows, which takes minutes twice; parity runs it
]
OTHER = {"PYTHONHASHSEED": "12345", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "C"}


@pytest.mark.parametrize("name", NAMES)
def test_another_environment_gives_equal_digests(name: str, ran: Ran, tmp_path: Path) -> None:
    other = dev_project(name, tmp_path / "elsewhere" / "deeper")
    said = other.run("--env", "dev", "-j", "1", env=OTHER)
    assert said.code == 0, said.text
    ours, theirs = ran(name).digests(), other.digests()
    assert set(other.states().values()) == {"ran"}, "nothing was reused: the two are two"
    assert set(theirs) == set(ours)
    # what names the MLflow run of this very folder is a receipt, not a result
    receipts = {key for key in ours if key.startswith(("run-track", "run-register"))}
    assert {key for key in theirs if key not in receipts and ours[key] != theirs[key]} == set()
    compared = {key.rpartition("/")[2] for key in set(ours) - receipts}
    assert {"parts", "values", "package", "predictions", "metrics", "verdict"} <= compared
    assert compared & {"study", "history"}
