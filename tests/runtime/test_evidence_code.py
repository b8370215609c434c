"""What an evidence pack claims of code of the project that a run ran."""

from __future__ import annotations

from typing import Any

import pytest

from mlspec.runtime.evidence.claims import claims_of
from mlspec.runtime.evidence.collect import Pack

EXTERN = {"files": {"steps/f.py": "ab" * 32}, "network": False}


@pytest.mark.parametrize(
    ("state", "warnings", "network", "holds"),
    [
        ("ran", [], False, True), ("ran", ["[MLS829] this machine cannot keep extern `f` from the network"], False, False),
        ("ran", ["[MLS829] this machine cannot keep extern `g` from the network"], False, True), ("reused", [], False, None),
        ("ran", [], True, True),
    ],
)  # fmt: skip
def test_code_is_claimed_by_digest_with_what_it_was_kept_from(
    state: str, warnings: list[str], network: bool, holds: Any
) -> None:
    summary = {
        "run": "000001",
        "spec": "demo",
        "spec_digest": "cd" * 32,
        "stages": {"people-step": {"state": state}},
        "warnings": warnings,
    }
    plan = {"stages": {"people-step": {"config": {"externs": {"f": {**EXTERN, "network": network}}}}, "other": {"config": {}}}}
    content = {name: name.encode() for name in ("spec.mlspec", "plan.json", "summary.json")}
    (claim,) = [one for one in claims_of(Pack(summary, plan, content=content)) if one["kind"] == "code"]
    assert (claim["id"], claim["holds"], claim["code"]) == ("code.people-step.f", holds, EXTERN["files"])
    assert ("and the network" in claim["statement"]) is not network
