"""What a policy says of changes, and what a change says of the policy: the policy of the old side decides, whatever the new one says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mlspec.diagnostics import Diagnostic, Waived, code
from mlspec.diff.change import EFFECTS, Change, Comparison
from mlspec.diff.fields import directed
from mlspec.policy.rows import EFFECT_LEVELS, row_of
from mlspec.policy.settings import Policy
from mlspec.policy.waivers import Vouched, Waiver, approvers_of, faults_of, waivers_of
from mlspec.source import Span
from mlspec.spec.model import Spec

_UNLIMITED = 10**9
_NOBODY = "the policy names nobody: the spec's own approvers sign"


class Signing(NamedTuple):
    """Who counts as having signed: `approved` are those whose approval is known from elsewhere; with `outside` nobody else counts.

    Whoever writes a spec can write any name under a waiver. On one's own machine that is a note to oneself; of a change by strangers
    a waiver counts where its owner is known to have approved it, or where the old side had it already.
    """

    today: str
    approved: tuple[str, ...] = ()
    outside: bool = False


def judge(comparison: Comparison, base: Policy, old: Spec | None, new: Spec | None, signing: Signing) -> None:
    """Gives every change the level of its effect, and marks those that an approver of the old side waived."""
    approvers = () if old is None else approvers_of(old)
    vouched = vouched_for(old, signing)
    waivers = [
        waiver
        for waiver in (() if new is None else waivers_of(new))
        if next(faults_of(waiver, base, approvers, signing.today), None) is None and (vouched is None or vouched.stands(waiver))
    ]
    for change in comparison.changes:
        change.level = base.effect_level("loosening" if _gone(change) and base.tighten_only else change.effect)
        if _gone(change):
            change.waived = _approved(change, base, approvers, signing)
            continue
        change.waived = next((waiver.waived(change.level) for waiver in waivers if _covers(waiver, change)), None)


def _gone(change: Change) -> bool:
    """Whether a whole spec is gone: all that it forbade is permitted, and it may come again under another name."""
    return change.rule == "spec-removed"


def _approved(change: Change, base: Policy, approvers: tuple[str, ...], signing: Signing) -> Waived | None:
    """Who approved what no waiver can stand beside: a change of the policy, a spec that is gone."""
    span = change.new_span or change.old_span
    owner = next((name for name in signing.approved if name in base.signers(change.effect, approvers)), None)
    return (
        None if owner is None or span is None else Waived("", owner, "the change as a whole", signing.today, change.level, span)
    )


def vouched_for(old: Spec | None, signing: Signing, found: Sequence[Diagnostic] = ()) -> Vouched | None:
    """Who stands behind waivers of the new side: the review system, or the old side, which had them already for what was `found` in it.

    None where whoever writes a waiver may.
    """
    return Vouched(signing.approved, () if old is None else waivers_of(old), found) if signing.outside else None


def _covers(waiver: Waiver, change: Change) -> bool:
    """A waiver covers the one change that it names, and its own coming: who signs it signs that too."""
    if change.where == f"waive.{waiver.name}" or change.where.startswith(f"waive.{waiver.name}."):
        return True
    return (waiver.what, waiver.at, waiver.change) == (change.effect, change.place, change.fingerprint)


def fails(change: Change, base: Policy, fail_on: str | None) -> bool:
    """Whether a change makes the comparison fail: by its level, or by `--fail-on`; what a policy never permits fails in any case."""
    if change.waived is not None or fail_on == "never":
        return False
    if base.tighten_only and (change.effect == "loosening" or _gone(change)):
        return True
    if fail_on is None:
        return change.level == "error"
    return EFFECTS.index(change.effect) <= EFFECTS.index(fail_on)


def compare_policies(old: Policy, new: Policy, signing: Signing, held: Policy | None = None) -> Comparison:
    """The changes of `mlspec.toml`, those that loosen first and security-relevant; an approver may have approved them.

    What they are judged by is `held`, the old policy where none is given.
    """
    held = held or old
    found = [change for path in dict.fromkeys((*old.values, *new.values)) if (change := _changed(path, old, new)) is not None]
    for change in found:
        change.level = held.effect_level(change.effect)
        owner = next((name for name in signing.approved if name in held.signers(change.effect)), None)
        if owner is not None and change.new_span is not None:
            change.waived = Waived("", owner, "the change of the policy", signing.today, change.level, change.new_span)
    return Comparison(tuple(sorted(found, key=lambda change: change.rank)), {})


def _changed(path: str, old: Policy, new: Policy) -> Change | None:
    row = row_of(path)
    assert row is not None
    one, other = _in_force(path, old), _in_force(path, new)
    if one == other:
        return None
    effect = _effect(path, row, one, other)
    spans = _span(old, path), _span(new, path)
    why = _NOBODY if other is None and path.startswith(("policy.approve.", "policy.approvers")) else ""
    return Change(effect, "policy-changed", path, path, _text(one), _text(other), why, effect == "loosening", False, "", *spans)


def _in_force(path: str, policy: Policy) -> Any:
    """What holds, whether it is written down or not."""
    _, section, name = (*path.split(".", 2), "")[:3]
    if section == "codes":
        return policy.level(name) or code(name).severity
    if section == "effects":
        return policy.values.get(path, EFFECT_LEVELS[name])
    if section in ("approve", "approvers"):
        # An empty list is nobody; None is whom the spec names: the one permits least, the other most.
        return policy.values.get(path, policy.values.get("policy.approvers"))
    return policy.get(path) or None


def _effect(path: str, row: tuple[str, object, object, str, str], old: Any, new: Any) -> str:
    """The effect of a setting's change, by the direction in its row."""
    direction = row[3]
    if direction == "add_loosens" and old is None:
        return "tightening"  # until now every spec named its own approvers
    if direction == "add_loosens" and new is None:
        return "loosening"
    if direction == "up_loosens":
        old, new = (_UNLIMITED if value is None else value for value in (old, new))
    return directed(direction, old, new, row[1], old, new)[0]


def _span(policy: Policy, path: str) -> Span | None:
    """Where a setting is written; of one that is not, the start of the file, where there is one."""
    found = policy.spans.get(path)
    return found if found is not None or policy.source is None else Span(policy.source, 0, 0)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nobody"
    return {True: "true", None: ""}.get(value, str(value)) if not isinstance(value, int) or value is True else str(value)


def way_out(changes: Sequence[Change], base: Policy, old: Spec | None, today: str) -> str:
    """The `waive` block that an approver may sign for the gravest of some changes, "" where nobody may."""
    change = next(
        (item for item in changes if item.effect in EFFECTS[:3] and item.rule not in ("spec-removed", "policy-changed")), None
    )
    signers = () if change is None else base.signers(change.effect, () if old is None else approvers_of(old))
    if change is None or not signers:
        return ""
    from datetime import date, timedelta

    days = min(30, base.get("policy.waiver_days") or 30)
    last = (date.fromisoformat(today) + timedelta(days=days)).isoformat()
    lines = [
        'waive NAME {', f'  finding = "{change.effect}"', f"  at = {change.place}", f'  change = "{change.fingerprint}"',
        '  reason = "…"', f'  owner = "{signers[0]}"', f"  expires = {last}", "}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
