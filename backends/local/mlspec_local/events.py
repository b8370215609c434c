"""What a run tells those who watch it, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUN_IO = 74
RUN_LOCKED = 75
RUN_BUG = 70
RUN_FAILED = 1


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `planned started progress finished reused failed retried not-run warning ended`.

    `data` by kind: planned `run reused`; progress `done total note`; finished and failed `seconds cpu_seconds peak_memory`;
    failed also `error`; warning `message`; not-run `because`.
    """

    kind: str
    stage: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


OnEvent = Callable[[Event], None]


@dataclass
class StageState:
    """How one stage fared: `state` is `waiting running reused ran failed not-run`."""

    id: str
    kind: str
    block: str
    key: str
    state: str = "waiting"
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    attempts: int = 0
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    because: str = ""

    def to_json(self) -> dict[str, Any]:
        """The state as it stands in `summary.json`."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


BOARD = "tensorboard"
"""The folder of a run in which stages write event files, each below its id: `tensorboard --logdir .mlspec/runs` shows those of all runs."""


@dataclass(frozen=True)
class Outcome:
    """The end of a run. `verdicts` maps a block to its `verdict.json`, `reports` `stage/output` to the copied file."""

    run_id: str
    folder: Path
    spec: str
    exit_code: int
    stages: tuple[StageState, ...]
    verdicts: Mapping[str, Any]
    reports: Mapping[str, Path]
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def board(self) -> Path | None:
        """The folder of event files, where some stage wrote any."""
        found = self.folder / BOARD
        return found if found.is_dir() else None

    def names(self, state: str) -> list[str]:
        """The ids of the stages that ended in `state`."""
        return [stage.id for stage in self.stages if stage.state == state]

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors of the stages that failed, each with its `stage`."""
        return [{**stage.error, "stage": stage.id} for stage in self.stages if stage.error and stage.state == "failed"]

    @property
    def passed(self) -> bool:
        """No gate failed."""
        return all(verdict.get("passed") for verdict in self.verdicts.values()) and not any(
            error["code"] == "MLS815" for error in self.errors
        )
