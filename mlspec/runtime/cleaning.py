"""Remove from the store what no kept run made or reused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import read_journal
from mlspec.runtime.lock import RunLock
from mlspec.runtime.runs import SUMMARY, read_summary, run_folders
from mlspec.runtime.store import Store


@dataclass(frozen=True)
class Cleaned:
    """What was removed, or would be: folders of runs, stages, artifacts, and the bytes of the artifacts."""

    runs: int
    stages: int
    artifacts: int
    bytes: int


def clean(project_root: Path, *, keep_runs: int | None = None, dry_run: bool = False) -> Cleaned:
    """Keep the newest `keep_runs` runs (all by default) with what they made or reused, and remove the rest of the store.

    A run that was cut off counts too: what it finished is kept, so that it resumes. MLS811 while another run holds the lock.
    """
    store = Store(project_root)
    with RunLock(store.state / "run.lock"):
        folders = list(run_folders(store))
        kept = folders if keep_runs is None else folders[:keep_runs]
        keys, digests = _needed(kept)
        stages = [path for path in _entries(store.stages) if path.name.partition(".")[0] not in keys]
        artifacts = [path for path in _entries(store.artifacts) if path.name not in digests]
        size = sum(path.stat().st_size for folder in artifacts for path in files.files_of(folder))
        if not dry_run:
            # Stages first: a manifest must never speak of an artifact that is gone.
            for path in [*folders[len(kept) :], *stages, *artifacts, *_entries(store.temporary)]:
                files.remove_tree(path)
    return Cleaned(len(folders) - len(kept), len(stages), len(artifacts), size)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _needed(runs: Iterable[Path]) -> tuple[set[str], set[str]]:
    """The keys and artifact digests that these runs made or reused."""
    keys: set[str] = set()
    digests: set[str] = set()
    for folder in runs:
        for record in read_journal(folder / "journal.jsonl").records:
            if record["event"] == "run":
                keys.update(record["keys"].values())
            elif record["event"] == "finished":
                digests.update(record["outputs"].values())
        for stage in _stages(folder):
            digests.update(output["digest"] for output in stage["outputs"].values())
    return keys, digests


def _stages(folder: Path) -> Iterable[dict[str, Any]]:
    if not (folder / SUMMARY).exists():
        return []
    try:
        stages: dict[str, dict[str, Any]] = read_summary(folder)["stages"]
    except StageError as error:
        raise StageError(
            error.code, f"{error.message}: what run {folder.name} needs cannot be told", expected=error.expected, found=error.found,
            help=f"remove the folder `{folder}`, then clean again",
        ) from error  # fmt: skip
    return stages.values()
