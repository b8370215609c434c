"""The runs of a project: numbered folders in `.mlspec/runs`, the newest with the highest number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlspec.runtime import files
from mlspec.runtime.store import Store

SUMMARY = "summary.json"
_DIGITS = 6


def run_folders(store: Store) -> Iterator[Path]:
    """The folders of all runs, newest first, complete or not."""
    root = store.state / "runs"
    if root.is_dir():
        yield from sorted((path for path in root.iterdir() if path.name.isdigit()), key=lambda path: -int(path.name))


def next_run(store: Store) -> Path:
    """A new folder for a run. Numbers, not clock readings: a clock that was set back must not reorder runs."""
    newest = next(run_folders(store), None)
    number = int(newest.name) + 1 if newest else 1
    return files.make_folder(store.state / "runs" / f"{number:0{_DIGITS}d}")


def summaries(project_root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, summary) of every run that came to its end, newest first; MLS808 for a summary that is corrupt."""
    for folder in run_folders(Store(project_root)):
        if (folder / SUMMARY).is_file():
            yield folder, files.read_json(folder / SUMMARY)
