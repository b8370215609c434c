"""When stages run by themselves: a record of the graph as a whole, for targets that have a clock. No stage reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule. Its times are a `cron` line of five fields in a `zone`, or every so many seconds.

    `run` is the block that runs, `stages` the ids that this takes, in topological order; a batch score or a monitor has none, and
    `command` says which command of mlspec runs it. `retry` adds to that of each stage. `deadline` are seconds from the time of a run to
    when it must have ended; `on_failure` is a channel as the runtime opens it: `{"kind": "log" | "webhook", "url": handle}`.
    """

    name: str
    run: str
    stages: tuple[str, ...] = ()
    cron: str | None = None
    zone: str | None = None
    every: float | None = None
    retry: int = 0
    deadline: float | None = None
    on_failure: Mapping[str, Any] | None = None
    command: str = "run"

    def to_json(self) -> dict[str, Any]:
        """The plan format's object, without the name."""
        return {
            "run": self.run,
            "command": self.command,
            "stages": list(self.stages),
            "cron": self.cron,
            "zone": self.zone,
            "every": self.every,
            "retry": self.retry,
            "deadline": self.deadline,
            "on_failure": None if self.on_failure is None else dict(self.on_failure),
        }
