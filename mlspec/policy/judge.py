"""Findings as the project sees them: at the levels of its policy, and waived where an approver accepted them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlspec.diagnostics import Diagnostic
from mlspec.policy.settings import Policy
from mlspec.spec.model import Spec

if TYPE_CHECKING:
    from mlspec.policy.waivers import Vouched


def utc_day() -> str:
    """Today in UTC, as waivers are held against."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def at_levels(found: Sequence[Diagnostic], policy: Policy) -> list[Diagnostic]:
    """The findings at the levels that a policy gives their codes; those that it has off are gone."""
    kept = []
    for item in found:
        level = policy.level(item.code.id)
        if level is None or item.severity == "waived":
            kept.append(item)
        elif level != "off":
            kept.append(item.at_level(level))
    return kept


def judge(
    spec: Spec | None,
    found: Sequence[Diagnostic],
    policy: Policy,
    today: str = "",
    vouched: Vouched | None = None,
) -> list[Diagnostic]:
    """All findings of a spec under a policy; without a spec no waiver counts, nor one that nobody of `vouched` stands behind."""
    judged = at_levels(found, policy)
    if spec is None or next(spec.of_kind("waive"), None) is None:
        return judged
    from mlspec.policy.waivers import apply_waivers

    return at_levels(apply_waivers(spec, judged, policy, today or utc_day(), vouched), policy)
