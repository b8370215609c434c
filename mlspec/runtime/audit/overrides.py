"""Overrides of failed gates: who released a package that its gates refused, why, and until when.

An override is a record of the audit log. It holds for one spec, one gates block, the gates that had failed and the packages they
judged, all by digest, up to and with its last day. A gate that fails anew, another package or another text of the spec is not covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlspec.runtime.audit.chain import Chain

OVERRIDE = "override"
REVOKED = "revoke"
LEAST_REASON = 15
"""Characters of a reason: "ok" and "see above" are none."""


def ended(record: Mapping[str, Any], day: str) -> bool:
    """Whether the last day of an override is over. A last day in any other spelling is over: as text it would compare as it likes."""
    expires = str(record.get("expires"))
    try:
        return date.fromisoformat(expires).isoformat() != expires or expires < day
    except ValueError:
        return True


def failed_gates(verdict: Mapping[str, Any]) -> dict[str, str]:
    """The gates of a verdict that were not met, with what was found of each."""
    from mlspec.runtime.validate.enforce import found

    return {str(gate["name"]): found(gate) for gate in verdict.get("gates", ()) if _status(gate) not in ("passed", "skipped")}


def _status(gate: Mapping[str, Any]) -> str:
    return str(gate.get("status", "passed" if gate.get("passed") is True else "failed"))


def body_of(summary: Mapping[str, Any], gates: str, actor: str, reason: str, expires: str) -> dict[str, Any]:
    """What an override of the failed `gates` of a run puts on record."""
    verdict = summary["verdicts"][gates]
    return {
        "actor": actor, "reason": reason, "expires": expires, "spec": summary["spec"], "env": summary.get("env"), "run": summary["run"],
        "spec_digest": summary["spec_digest"], "gates": gates, "failed": failed_gates(verdict), "packages": dict(verdict["packages"]),
    }  # fmt: skip


def standing(records: Iterable[Mapping[str, Any]], day: str) -> list[Mapping[str, Any]]:
    """The overrides that hold on a day, the newest first: neither expired nor revoked."""
    found: dict[int, Mapping[str, Any]] = {}
    for record in records:
        if record.get("event") == OVERRIDE and not ended(record, day):
            found[record["n"]] = record
        elif record.get("event") == REVOKED:
            found.pop(record.get("of", 0), None)
    return list(found.values())[::-1]


def counting(chain: Chain) -> list[Mapping[str, Any]]:
    """The records that releases are judged by: none of a broken log, and no override that the head does not count yet."""
    if not chain.sound:
        return []
    return [record for record in chain.records if record["n"] <= chain.counted or record.get("event") != OVERRIDE]


def covers(record: Mapping[str, Any], spec_digest: str, gates: str, verdict: Mapping[str, Any]) -> bool:
    """Whether an override is about this verdict: the same spec, packages and gates, and no failure beyond those it names."""
    same = (record.get("spec_digest"), record.get("gates"), record.get("packages")) == (
        spec_digest,
        gates,
        verdict.get("packages"),
    )
    return same and bool(verdict.get("packages")) and set(failed_gates(verdict)) <= set(record.get("failed", ()))


def override_of(
    records: Iterable[Mapping[str, Any]], spec_digest: str, gates: str, verdict: Mapping[str, Any], day: str
) -> Mapping[str, Any] | None:
    """The override that releases what a verdict refused, None without one."""
    return next((record for record in standing(records, day) if covers(record, spec_digest, gates, verdict)), None)


def lapsed(records: Iterable[Mapping[str, Any]], spec_digest: str, gates: str, verdict: Mapping[str, Any]) -> str:
    """What became of an override that once covered a verdict, "" where there never was one."""
    taken = {record.get("of"): record for record in records if record.get("event") == REVOKED}
    for record in reversed([*records]):
        if record.get("event") == OVERRIDE and covers(record, spec_digest, gates, verdict):
            end = taken.get(record["n"])
            if end is not None:
                return f"override {record['n']} of {record['actor']} was revoked by {end.get('actor')}"
            return f"override {record['n']} of {record['actor']} expired after {record['expires']}"
    return ""


def sentence(record: Mapping[str, Any]) -> str:
    """An override for people: who, over which gates, why, until when. Nothing in it drives a terminal."""
    text = (
        f"RELEASED BY OVERRIDE of {record['actor']} until {record['expires']}: {', '.join(record['failed'])} of "
        f"`{record['gates']}` failed. Reason: {record['reason']}"
    )
    return "".join(letter if letter.isprintable() else " " for letter in text)
