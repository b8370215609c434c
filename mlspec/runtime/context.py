"""What a stage sees of the world: its config, verified inputs, empty output folders, seeds and a way to report progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.graph.model import own_name


def derive_seed(
    spec_seed: int, block: str, purpose: str, trial: int | None = None, fold: int | None = None, epoch: int | None = None
) -> int:
    """The seed of one use of randomness: the first 8 bytes of SHA-256 over what it is for, never over who runs it."""
    text = "\x1f".join(str(part) for part in (spec_seed, block, purpose, trial, fold, epoch))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _silent(done: float, total: float | None, note: str) -> None:
    return None


@dataclass(frozen=True)
class StageContext:
    """One stage about to run. `input_folders` are verified already; `output_root/<name>` is made on first use."""

    stage_id: str
    kind: str
    block: str
    config: Mapping[str, Any]
    project_root: Path
    input_folders: Mapping[str, Path]
    output_root: Path
    resume_root: Path
    board_root: Path | None = None
    workers: int = 1
    threads: int = 1
    memory: int | None = None
    on_progress: Callable[[float, float | None, str], None] = field(default=_silent)
    spec_digest: str = ""
    """Which text of the spec the plan was made of: to be recorded elsewhere, never to be written to an output, since no key covers it."""

    def input(self, name: str) -> Path:
        """The folder of the input artifact `name`."""
        return self.input_folders[name]

    def inputs(self) -> Mapping[str, Path]:
        """Every input artifact's folder, by input name."""
        return self.input_folders

    def output(self, name: str) -> Path:
        """A folder to fill with the output artifact `name`."""
        folder = self.output_root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def seed(self, purpose: str, trial: int | None = None, fold: int | None = None, epoch: int | None = None) -> int:
        """A 64-bit seed for one purpose of this block, by its name in its own file: no alias changes what is drawn."""
        return derive_seed(int(self.config.get("seed", 0)), own_name(self.block), purpose, trial, fold, epoch)

    def secret(self, name: str) -> str:
        """The value of a secret that the config has a handle of under `secrets`, read now; it must not be written anywhere."""
        from mlspec.runtime.secrets import resolve_secret

        return resolve_secret(name, self.config.get("secrets", {}).get(name)).decode()

    def board_dir(self) -> Path:
        """A folder for TensorBoard's event files: the run's own, where curves of several runs are compared, else one that is kept."""
        if self.board_root is None:
            return self.resume_dir("tensorboard")
        self.board_root.mkdir(parents=True, exist_ok=True)
        return self.board_root

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Say how far the stage is; cheap enough to call once per batch or trial."""
        self.on_progress(done, total, note)

    def resume_dir(self, name: str) -> Path:
        """A folder that outlives a killed run, until the stage completes; `name` addresses it (a study key).

        Those of `search` stages stay after completion, so that more trials go on from the same study.
        """
        folder = self.resume_root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
