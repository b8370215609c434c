"""The same spec gives the same digests, whatever the hash seed, time zone, locale, folder or number of workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project, census_project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("census")]


def test_another_environment_gives_equal_digests(census: Project, tmp_path: Path) -> None:
    other = census_project(tmp_path / "elsewhere" / "deeper")
    other.run("--env", "dev", "-j", "1", env={"PYTHONHASHSEED": "12345", "TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "C"})
    ours = census.digests()
    # what names the MLflow run of this very folder is a receipt, not a result
    receipts = {name for name in ours if name.startswith(("run-track", "run-register"))}
    different = {name for name, digest in other.digests().items() if name not in receipts and ours.get(name) != digest}
    assert not different
    assert set(other.digests()) == set(ours)
