"""Every code of names and types has specs that show it, with golden findings, and a spec beside them that is clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.diagnostics import all_codes
from tests.support.golden import compare
from tests.support.specs import check_path, render

CASES = Path(__file__).parents[1] / "cases" / "errors"
OURS = [code.id for code in all_codes() if code.id.startswith(("MLS1", "MLS2"))]
ELSEWHERE = {
    "MLS111",  # needs the lock file, which the driver reads: test_lock.py
    "MLS116",  # of mlspec.toml: test_policy.py
    "MLS118",  # needs an option of `mlspec check`: test_spec_externs.py
    "MLS115",  # needs 65 files: test_spec_imports.py
}
OURS.remove("MLS117")  # a check over the whole spec: test_checks.py
BAD = sorted(path for code in OURS for path in (CASES / code).glob("bad*.mlspec"))
GOOD = sorted(path for code in OURS for path in (CASES / code).glob("good*.mlspec"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", BAD, ids=_name)
def test_a_bad_spec_gives_its_golden_findings(path: Path) -> None:
    spec, found = check_path(path)
    compare(path.with_suffix(".found"), render(found))
    assert path.parent.name in {finding.code.id for finding in found}
    assert all(finding.span is not None for finding in found)
    assert (spec is None) == any(finding.severity == "error" for finding in found)


@pytest.mark.parametrize("path", GOOD, ids=_name)
def test_a_good_spec_has_no_findings(path: Path) -> None:
    spec, found = check_path(path)
    assert render(found) == ""
    assert spec is not None


@pytest.mark.parametrize("code", [code for code in OURS if code not in ELSEWHERE])
def test_every_code_has_a_bad_and_a_good_spec(code: str) -> None:
    assert any(path.parent.name == code for path in BAD)
    assert any(path.parent.name == code for path in GOOD)


def test_no_golden_is_left_over() -> None:
    goldens = {path for code in OURS for path in (CASES / code).glob("*.found")}
    assert goldens == {path.with_suffix(".found") for path in BAD}
