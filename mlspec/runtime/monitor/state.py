"""What a monitor remembers between runs: since when each check fails, and whether its alert is out. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.journal import Journal, read_journal


@dataclass(frozen=True, slots=True)
class CheckState:
    """`since` is when the check began to fail, None while it holds; `firing` says that its channels were told."""

    since: datetime | None = None
    firing: bool = False

    def after(self, holds: bool | None, now: datetime, wait: float) -> tuple[CheckState, str]:
        """The next state and its status: `ok`, `pending`, `firing`, or `insufficient`.

        A window that cannot tell neither starts nor ends anything: what was failing stays so, and does not begin to fire.
        """
        if holds is None:
            return self, "firing" if self.firing else "insufficient"
        if holds:
            return CheckState(), "ok"
        since = now if self.since is None else min(self.since, now)  # a clock that was set back does not hold an alert up
        firing = self.firing or (now - since).total_seconds() >= wait
        return CheckState(since, firing), "firing" if firing else "pending"


def read_states(path: Path) -> dict[str, CheckState]:
    """The last state of every check; MLS808 when something changed the file."""
    states = {}
    for record in read_journal(path).records:
        since = record["since"]
        states[record["check"]] = CheckState(None if since is None else datetime.fromisoformat(since), record["firing"])
    return states


def append_states(path: Path, states: Mapping[str, CheckState], answers: Mapping[str, bool | None], now: datetime) -> None:
    """Add one record a check; on the disk when this returns."""
    files.make_folder(path.parent)
    with Journal(path) as journal:
        names = list(states)
        for name in names:
            state = states[name]
            record: dict[str, Any] = {
                "at": now.isoformat(), "check": name, "holds": answers[name],
                "since": None if state.since is None else state.since.isoformat(), "firing": state.firing,
            }  # fmt: skip
            journal.append(record, sync=name == names[-1])
