"""Waivers: one finding, or one change, that an approver accepts for a time, with a reason. Each is checked before it counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from mlspec.diagnostics import Diagnostic, Note, Waived, code
from mlspec.diagnostics.levels import why_not_waived
from mlspec.policy.rows import EFFECT_LEVELS
from mlspec.policy.settings import Policy, near_code
from mlspec.source import Span
from mlspec.spec.findings import listing, nearest
from mlspec.spec.model import Block, Spec

LEAST_REASON = 15
"""Characters: "ok" and "see above" are no reasons."""
MOST_SUGGESTED = 50
MOST_COMPARED = 1000
"""Faults that come with a suggestion, and names that one is chosen from: a text that is all wrong is told so in time."""

_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


class Waiver:
    """A `waive` block: `what` is a code or an effect, `at` the place, `change` the fingerprint of a change, "" for a code."""

    __slots__ = ("at", "block", "change", "expires", "name", "owner", "reason", "what")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.name = block.name
        self.what = str(block.get("finding"))
        self.at = str(block.get("at"))
        self.change = str(block.get("change") or "")
        self.reason = " ".join(str(block.get("reason")).split())
        self.owner = str(block.get("owner"))
        self.expires = str(block.get("expires"))

    @property
    def identity(self) -> tuple[str, ...]:
        """What a waiver says: one that says something else is another waiver."""
        return self.what, self.at, self.change, self.owner, self.reason, self.expires

    @property
    def is_effect(self) -> bool:
        return self.what in EFFECT_LEVELS

    def waived(self, level: str) -> Waived:
        """What a finding that it covers carries."""
        return Waived(self.name, self.owner, self.reason, self.expires, level, self.block.head)


class Vouched:
    """Who stands behind the waivers of a change by others: `signed` are the owners who are known to have approved it.

    Behind a waiver that was there `before` (by identity) somebody stood for what it covered then: it covers no finding that came since.
    """

    __slots__ = ("before", "had", "signed")

    def __init__(self, signed: Sequence[str], before: Sequence[Waiver] = (), found: Sequence[Diagnostic] = ()) -> None:
        self.signed = frozenset(signed)
        self.before = frozenset(waiver.identity for waiver in before)
        self.had = frozenset(map(finding_key, found))

    def stands(self, waiver: Waiver) -> bool:
        return waiver.owner in self.signed or waiver.identity in self.before


def finding_key(found: Diagnostic) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """What is found where: its code, the text that it points at, and what is said of it, wherever its line stands."""
    return found.code.id, "" if found.span is None else found.span.text, tuple(sorted(found.data.items()))


def waivers_of(spec: Spec) -> list[Waiver]:
    """The waivers of a spec that say everything: what is missing or of a wrong type is reported where it is bound."""
    needed = ("finding", "at", "reason", "owner", "expires")
    return [Waiver(block) for block in spec.of_kind("waive") if all(block.get(name) is not None for name in needed)]


def approvers_of(spec: Spec) -> tuple[str, ...]:
    """Who the spec itself names as approvers."""
    for block in spec.of_kind("spec"):
        return tuple(str(name) for name in block.get("approvers") or ())
    return ()


def apply_waivers(
    spec: Spec, found: Sequence[Diagnostic], policy: Policy, today: str, vouched: Vouched | None = None
) -> list[Diagnostic]:
    """The findings of a spec, those that a sound waiver covers marked, and what is wrong with its waivers.

    Whether anybody stands behind a signature is for `vouched` to say: one with nobody behind it is no fault, and covers nothing.
    """
    more: list[Diagnostic] = []
    sound: list[tuple[Waiver, Span]] = []
    approvers = approvers_of(spec)
    for waiver in waivers_of(spec):
        suggest = len(more) < MOST_SUGGESTED
        faults = [*faults_of(waiver, policy, approvers, today, suggest=suggest)]
        place = None if waiver.is_effect else _place(spec, waiver.at)
        if place is None and not waiver.is_effect:
            faults.append(_unknown_place(spec, waiver, suggest))
        more += faults
        if place is not None and not faults and (vouched is None or vouched.stands(waiver)):
            sound.append((waiver, place))
    dropped = _covering([item for item in found if item.data.get("unbound")], sound)
    more += [_of_a_dropped_text(waiver) for waiver in dict.fromkeys(dropped.values())]
    sound = [pair for pair in sound if pair[0] not in dropped.values()]
    bound = [item for item in found if not item.data.get("unbound")]
    covers = every = _covering(bound, sound)
    if vouched is not None:
        covers = _vouched_for(bound, sound, vouched)
    used = {waiver.name for waiver in every.values()}
    marked = [item if id(item) not in covers else item.as_waived(covers[id(item)].waived(item.severity)) for item in found]
    more += [_stale(waiver, policy) for waiver, _ in sound if waiver.name not in used]
    return [*marked, *more]


def _vouched_for(found: Sequence[Diagnostic], sound: Sequence[tuple[Waiver, Span]], vouched: Vouched) -> dict[int, Waiver]:
    """As `_covering`, of findings that were there before by the waivers of then, and of all by those that are signed now."""
    known = [item for item in found if finding_key(item) in vouched.had]
    signed = [pair for pair in sound if pair[0].owner in vouched.signed]
    return _covering(known, sound) | _covering(found, signed)


def _covering(found: Sequence[Diagnostic], sound: Sequence[tuple[Waiver, Span]]) -> dict[int, Waiver]:
    """The first waiver that covers each finding, by the finding's id: one pass over the text, however many of both there are."""
    waiting: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for order, (waiver, place) in enumerate(sound):
        waiting.setdefault((waiver.what, place.source.name), []).append((place.start, place.end, order))
    covered: dict[int, Waiver] = {}
    for key, places in waiting.items():
        places.sort(reverse=True)
        open_: list[tuple[int, int]] = []
        for start, item in sorted(_findings_of(found, key), key=lambda pair: pair[0]):
            while places and places[-1][0] <= start:
                _, end, order = places.pop()
                heappush(open_, (order, end))
            while open_ and open_[0][1] < start:
                heappop(open_)
            if open_:
                covered[id(item)] = sound[open_[0][0]][0]
    return covered


def _findings_of(found: Sequence[Diagnostic], key: tuple[str, str]) -> Iterator[tuple[int, Diagnostic]]:
    """The findings of a code in a file that may be waived, with where they begin."""
    for item in found:
        if item.span is not None and item.severity in ("error", "warning") and (item.code.id, item.span.source.name) == key:
            yield item.span.start, item


def faults_of(
    waiver: Waiver, policy: Policy, spec_approvers: tuple[str, ...], today: str, *, suggest: bool = True
) -> Iterator[Diagnostic]:
    """Why a waiver does not count: what it is of, who signs it, why, and until when. Names are only suggested where that is asked."""
    yield from _target(waiver, suggest)
    block = waiver.block
    signers = policy.signers(waiver.what, spec_approvers)
    if waiver.owner not in signers:
        wanted = f"one of {listing(signers)}" if signers else "an approver; nobody is one yet"
        near = nearest(waiver.owner, signers[:MOST_SUGGESTED]) if suggest else ""
        hint = (
            f"did you mean `{near}`?"
            if near
            else "`approvers` in `[policy]` of mlspec.toml, or of the `spec` block, name who may sign"
        )
        yield _say("MLS513", block.span_of("owner"), name=waiver.name, got=waiver.owner, wanted=wanted, hint=hint)
    if len(waiver.reason) < LEAST_REASON or len(waiver.reason.split()) < 2:
        yield _say(
            "MLS514",
            block.span_of("reason"),
            name=waiver.name,
            limit=str(LEAST_REASON),
            got=f"`{waiver.reason}`" if waiver.reason else "nothing",
        )
    if waiver.expires < today:
        yield _say(
            "MLS508",
            block.span_of("expires"),
            name=waiver.name,
            what=f"`{waiver.what}`",
            got=f"{waiver.expires}; today is {today}",
        )
    most = policy.get("policy.waiver_days")
    days = days_between(today, waiver.expires)
    if most is not None and days > most:
        yield _say(
            "MLS516",
            block.span_of("expires"),
            name=waiver.name,
            got=f"{days} days",
            wanted=f"at most {most} days from today, {today}",
        )


def days_between(first: str, last: str) -> int:
    """The days from one date to another."""
    from datetime import date

    return (date.fromisoformat(last[:10]) - date.fromisoformat(first[:10])).days


def _target(waiver: Waiver, suggest: bool) -> Iterator[Diagnostic]:
    """What is wrong with what is waived: no code, no effect, or one that nobody may waive."""
    block, what = waiver.block, waiver.what
    if waiver.is_effect:
        if not _FINGERPRINT.fullmatch(waiver.change):
            yield _say("MLS512", block.head, what=f"an effect as such (`{what}`)", wanted="one change, by its fingerprint: `change = \"…\"`",
                       hint="`mlspec diff` prints the block to copy")  # fmt: skip
        return
    try:
        row = code(what)
    except KeyError:
        near = (nearest(what, EFFECT_LEVELS) or near_code(what)) if suggest else ""
        yield _say(
            "MLS511", block.span_of("finding"), name=waiver.name, got=what, known=listing(tuple(EFFECT_LEVELS)), nearest=near
        )
        return
    why = why_not_waived(row.id, row.severity)
    if why:
        yield _say("MLS512", block.span_of("finding"), what=f"{row.id} ({row.slug.replace('-', ' ')})", why=why,
                   hint=f"`mlspec explain {row.id}` says how to mend it")  # fmt: skip
    elif waiver.change:
        yield _say("MLS512", block.span_of("change"), what=f"a change as {row.id}", wanted="`finding = \"loosening\"`, or another effect",
                   hint="`change` goes with an effect: a code is waived at its place")  # fmt: skip


def _of_a_dropped_text(waiver: Waiver) -> Diagnostic:
    """Of a finding behind which no value is left: a spec without it means nothing, and no comparison would see the text change."""
    return _say("MLS512", waiver.block.span_of("finding"), what=f"{waiver.what} where a secret must stand",
                why="a text is no value there: it would be neither used nor compared",
                hint=f"`mlspec explain {waiver.what}` says how to mend it")  # fmt: skip


def _say(id: str, span: Span, **data: str) -> Diagnostic:
    return Diagnostic(code(id), span, {name: text for name, text in data.items() if text})


def _place(spec: Spec, at: str) -> Span | None:
    """The text that a place covers: of a block all of it."""
    block = spec.named(at) or next((each for each in spec.unnamed if at in (each.name, each.kind)), None)
    if block is not None:
        return block.span
    outer, rest = spec.owner(at)
    inner = None if outer is None else next((each for each in outer.blocks if each.path == f"{outer.path}.{rest}"), None)
    item: Any = None if outer is None else outer.definitions.get(rest) or outer.columns.get(rest) or outer.parts.get(rest)
    if inner is not None or item is not None:
        return inner.span if inner is not None else item.span
    return spec.spans.get(at)


def _unknown_place(spec: Spec, waiver: Waiver, suggest: bool) -> Diagnostic:
    if not suggest:
        return _say("MLS101", waiver.block.span_of("at"), kind="place", name=waiver.at)
    blocks = [name for name, block in spec.blocks.items() if block.kind != "waive"]
    inside = [path for path in spec.spans if path.partition(".")[0] == waiver.at.partition(".")[0]]
    near = nearest(waiver.at, [*blocks, *inside][:MOST_COMPARED])
    return _say("MLS101", waiver.block.span_of("at"), kind="place", name=waiver.at, nearest=near, known=listing(blocks))


def _stale(waiver: Waiver, policy: Policy) -> Diagnostic:
    hint = f"mlspec.toml has {waiver.what} off" if policy.level(waiver.what) == "off" else ""
    return Diagnostic(code("MLS515"), waiver.block.head, {"name": waiver.name, "what": waiver.what, "where": waiver.at, "hint": hint},
                      [Note("the place", waiver.block.span_of("at"))])  # fmt: skip
