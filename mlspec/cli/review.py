"""The policy that a diff is held to: that of the old side, or of the branch it goes into, so that no change loosens its own judge."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlspec.cli.options import add_day, day_of

if TYPE_CHECKING:
    from mlspec.cli.sides import Pair, Policies
    from mlspec.diagnostics import Diagnostic
    from mlspec.diff import Change
    from mlspec.diff.page import FileDiff
    from mlspec.policy import Policy


def arguments(parser: argparse.ArgumentParser) -> None:
    """`--approved-by` and `--today`."""
    parser.add_argument(
        "--approved-by", action="append", default=[], metavar="NAME",
        help="an approver who approved this change, as the review system knows; waivers that come with it then need this",
    )  # fmt: skip
    add_day(parser)


class Review:
    """One comparison of all specs: which policy holds, who signed, what failed."""

    def __init__(self, options: argparse.Namespace) -> None:
        from mlspec.diff.policy import Signing

        self.fail_on: str | None = None if options.fail_on == "policy" else options.fail_on
        approved = tuple(options.approved_by)
        self.signing = Signing(day_of(options), approved, options.untrusted or bool(approved))
        self.settings: dict[tuple[str, ...], tuple[Policy, FileDiff]] = {}
        self.failing: list[tuple[Change, Pair]] = []

    def begin(self, pair: Pair) -> Policy:
        """The policy that both sides of a pair are held to; what changed in it is kept once."""
        from mlspec.diff.policy import vouched_for

        held = pair.policies.held[0]
        for side in (pair.old, pair.held):
            if side is not None:
                side.hold_to(held, self.signing.today)
        if pair.new is not None:
            before = pair.held if pair.held is not None and self.signing.outside and pair.held.waives else None
            had = () if before is None else before.diagnostics
            pair.new.hold_to(held, self.signing.today, vouched_for(None if before is None else before.rough, self.signing, had))
        self.compare(pair.policies)
        return held

    def compare(self, policies: Policies) -> None:
        """What changed in the settings of one place, kept once."""
        held, old, new = (policy for policy, _ in policies)
        key = tuple(
            "" if policy.source is None else policy.source.name + "\0" + policy.source.text for policy in (held, old, new)
        )
        if key not in self.settings:
            faults = {id(fault): fault for _, found in policies for fault in found}
            self.settings[key] = held, self._settings(held, old, new, [*faults.values()])

    def _settings(self, held: Policy, old: Policy, new: Policy, faults: list[Diagnostic]) -> FileDiff:
        from mlspec.diff import Comparison
        from mlspec.diff.page import FileDiff
        from mlspec.diff.policy import compare_policies
        from mlspec.policy.settings import FILE

        source = new.source or old.source
        path = FILE if source is None else source.name
        if faults:
            return FileDiff(path, "failed", Comparison(()), tuple(faults))
        comparison = compare_policies(old, new, self.signing, held)
        return FileDiff(path, "changed" if comparison.changes else "same", comparison, sources=(old.source, new.source))

    def end(self, pair: Pair, base: Policy, found: FileDiff) -> FileDiff:
        """Judges the changes of a spec."""
        from mlspec.diff.policy import fails, judge

        old, new = (None if side is None else side.rough for side in (pair.held, pair.new))
        judge(found.comparison, base, old, new, self.signing)
        self.failing += [(change, pair) for change in found.comparison.changes if fails(change, base, self.fail_on)]
        return found

    def changed_settings(self) -> list[FileDiff]:
        """The policies that changed, or cannot be read."""
        return [found for _, found in self.settings.values() if found.status != "same"]

    @property
    def strict(self) -> bool:
        """Whether a policy asks for signatures: then it is said how to give one."""
        return any(held.tighten_only for held, _ in self.settings.values())

    def fails(self) -> bool:
        """Whether any change fails: of a spec, or of a policy by the level that the old one gives it."""
        from mlspec.diff.policy import fails

        settings = [(change, held) for held, found in self.settings.values() for change in found.comparison.changes]
        return bool(self.failing) or any(fails(change, held, self.fail_on) for change, held in settings)

    def way_out(self) -> str:
        """For whoever may sign: the block that waives the first change that failed, "" where nobody may."""
        from mlspec.diff.policy import way_out

        for change, pair in self.failing:
            text = way_out([change], pair.policies.held[0], None if pair.held is None else pair.held.rough, self.signing.today)
            if text:
                return text
        return ""
