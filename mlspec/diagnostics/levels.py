"""Which findings a project may see otherwise than the table does: what no policy lowers, what nobody may waive, and why."""

from __future__ import annotations

LEVELS = ("error", "warning", "off")
"""From the strictest."""

# First digit of a code -> why an error of that family is an error in every project.
WHY_FIXED = {
    "0": "the text would have no one meaning",
    "1": "a name would stand for nothing, or for two things",
    "2": "an expression would have no value, or a wrong one",
    "3": "a model would know what it cannot know when it answers, and its numbers would be false",
    "4": "data of people, or a secret, would get out",
    "5": "a gate would judge nothing, or not what it says",
    "6": "a server or a monitor would promise what it cannot keep",
    "7": "the target would do something else than the spec says",
    "8": "it is found in data, files or machines, after the spec was accepted",
    "9": "mlspec does not run it",
}

# Errors that are a judgement of the general case: at one place, for a time, an approver may know better.
WAIVABLE = {
    "MLS404": "a text may only look like a secret; not where a secret must stand: no value is left there",
    "MLS406": "a law may ask for more than a year",
    "MLS503": "there may be nothing to compare with yet",
    "MLS605": "a promise may hold on other machines than those that gates measure on",
}

# Warnings that are no matter of taste.
FIXED = {
    "MLS111": "without a lock nobody knows which text was meant",
    "MLS515": "a waiver that waives nothing would stay for ever",
}

OF_TARGETS = "it is of a target and not of the spec: mlspec.toml can switch it off"


def why_not_lowered(id: str, severity: str) -> str:
    """Why no policy may lower a code, "" where it may: warnings may go, errors stay errors."""
    if id in FIXED:
        return FIXED[id]
    return WHY_FIXED[id[3]] if severity == "error" else ""


def why_not_waived(id: str, severity: str) -> str:
    """Why nobody may waive a finding of a code, "" where an approver may."""
    if id in WAIVABLE:
        return ""
    return why_not_lowered(id, severity) or (OF_TARGETS if id[3] == "7" else "")
