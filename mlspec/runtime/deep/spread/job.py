"""What a process of a training is told: a file that says which training it is, and where its inputs and states lie."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError

FORMAT = 1
MEET = 300.0
"""Seconds in which the processes of a training must find each other, unless a job says something else."""

WAIT = 3600.0
"""Seconds for which a process waits for another one afterwards: as long as the first may take to judge an epoch."""


@dataclass(frozen=True)
class Job:
    """A training as its processes see it; paths are those of the machine where they run.

    `key` is the address of its states under `resume_root`. In `told` processes leave their errors and say how far they are, in
    `store` those of one machine find each other; without one they look for MASTER_ADDR. They end with the process `parent`.
    """

    stage: str
    block: str
    config: Mapping[str, Any]
    project_root: str
    inputs: Mapping[str, str]
    resume_root: str
    key: str
    board_root: str | None = None
    told: str | None = None
    store: str | None = None
    parent: int | None = None
    meet: float = MEET
    wait: float = WAIT
    format: int = field(default=FORMAT)

    def context(self) -> StageContext:
        """The stage as its code sees it. Nothing is put out: what is trained lies in the states."""
        return StageContext(
            stage_id=self.stage, kind="train", block=self.block, config=self.config, project_root=Path(self.project_root),
            input_folders={name: Path(path) for name, path in self.inputs.items()}, output_root=Path(self.resume_root) / self.key,
            resume_root=Path(self.resume_root), board_root=None if self.board_root is None else Path(self.board_root),
        )  # fmt: skip


def job_of(context: StageContext, key: str, **more: Any) -> Job:
    """The job of a stage that is running. States are never cleared by it: whoever asked for that has done it."""
    return Job(
        stage=context.stage_id, block=context.block, config={**context.config, "resume": "auto"}, project_root=str(context.project_root),
        inputs={name: str(folder) for name, folder in context.inputs().items()}, resume_root=str(context.resume_root), key=key,
        board_root=None if context.board_root is None else str(context.board_root), **more,
    )  # fmt: skip


def write_job(job: Job, path: Path) -> None:
    """Write the file."""
    files.write_json(path, asdict(job))


def read_job(path: Path) -> Job:
    """Read the file; StageError MLS820 for one of another version."""
    said = json.loads(files.read_bytes(path))
    if said.get("format") != FORMAT:
        raise StageError(
            "MLS820", "the job of a training has another format: another version of mlspec wrote it", str(said.get("block", "")),
            expected=f"format {FORMAT}", found=f"format {said.get('format')}", help="use the same version of mlspec on all machines",
        )  # fmt: skip
    return Job(**said)
