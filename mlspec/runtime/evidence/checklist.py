"""What rules for high-risk systems ask for, and which claims of a pack speak to it. It collects evidence and judges no law."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlspec.runtime.evidence.collect import Pack

Claims = Sequence[Mapping[str, Any]]


def _kind(*kinds: str) -> Callable[[Pack, Claims], list[str]]:
    return lambda pack, claims: [str(claim["id"]) for claim in claims if claim["kind"] in kinds]


def _gates_on(*words: str) -> Callable[[Pack, Claims], list[str]]:
    """Gates whose condition names one of these."""
    return lambda pack, claims: [
        str(claim["id"])
        for claim in claims
        if claim["kind"] == "gate" and any(word in str(claim["statement"]) for word in words)
    ]


def _card(*fields: str) -> Callable[[Pack, Claims], list[str]]:
    """The card, where people answered all of these fields."""

    def answered(pack: Pack, claims: Claims) -> list[str]:
        cards = [stage["config"].get("card") or {} for stage in pack.plan.get("stages", {}).values() if stage["kind"] == "card"]
        whole = any(all(card.get(name) for name in fields) for card in cards)
        return [str(claim["id"]) for claim in claims if claim["kind"] == "card"] if whole else []

    return answered


ROWS: tuple[tuple[str, str, str, Callable[[Pack, Claims], list[str]], str], ...] = (
    ("risks", "Risks are named and something is done about them", "EU AI Act, Article 9", _card("risks", "mitigations"), "`card`: `risks`, `mitigations`"),
    ("data", "It is known which data was used, and that it was checked", "EU AI Act, Article 10", _kind("data", "check"), "checks in `source`"),
    ("origin", "It is said how the data came about", "EU AI Act, Article 10", _card("data"), "`card`: `data`"),
    ("groups", "Groups of people are compared", "EU AI Act, Article 10", _gates_on("by:", "invariant("), "a gate with `by:`"),
    ("documentation", "The system is described so that it can be made again", "EU AI Act, Article 11", _kind("spec"), ""),
    ("record", "What was judged and released is on record", "EU AI Act, Article 12", _kind("audit"), "gates, so that the run is recorded"),
    ("use", "It is said what the system is for and what not", "EU AI Act, Article 13", _card("intended_use", "out_of_scope"), "`card`: `intended_use`, `out_of_scope`"),
    ("accuracy", "Accuracy is measured on rows that no fit has seen", "EU AI Act, Article 15", _kind("gate"), "`gates`"),
    ("robustness", "Changed inputs are tried", "EU AI Act, Article 15", _gates_on("robustness(", "invariant(", "monotone("), "a gate on `robustness(…)`"),
    ("release", "What is released passed every gate", "ISO/IEC 42001, 8", _kind("release"), "`gates`"),
)  # fmt: skip


def checklist(pack: Pack, claims: Claims) -> list[dict[str, Any]]:
    """Each requirement with the claims that speak to it; open where there is none, or where one of them does not hold."""
    holds = {str(claim["id"]): claim["holds"] for claim in claims}
    found = []
    for name, asked, rule, claims_for, way_out in ROWS:
        ids = claims_for(pack, claims)
        failed = [one for one in ids if holds[one] is False]
        state = "open" if not ids else "not met" if failed else "shown"
        found.append(
            {
                "id": name,
                "asked": asked,
                "rule": rule,
                "state": state,
                "claims": ids,
                "way_out": way_out if state == "open" else "",
            }
        )
    return found
