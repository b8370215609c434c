"""The runs of a project: numbered folders in `.mlspec/runs`, the newest with the highest number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
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
    files.make_folder(store.state / "runs")
    while True:
        newest = next(run_folders(store), None)
        number = int(newest.name) + 1 if newest else 1
        folder = store.state / "runs" / f"{number:0{_DIGITS}d}"
        if files.make_new_folder(folder):
            return folder  # else another process took the number a moment ago


def write_summary(folder: Path, value: dict[str, Any]) -> None:
    """Write the summary of a run, with a digest of itself as `check`."""
    files.write_json(folder / SUMMARY, {**value, "check": digest_of(value)})


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a run; MLS808 when it was changed after it was written: whether gates passed is read from here."""
    path = folder / SUMMARY
    value = files.read_json(path)
    body = {name: item for name, item in value.items() if name != "check"} if isinstance(value, dict) else {}
    if not body or value.get("check") != digest_of(body):
        raise StageError(
            "MLS808", f"the summary `{path}` is corrupt", expected="content as mlspec wrote it", found="other content",
            help="run again: a new summary is written",
        )  # fmt: skip
    return body


def summaries(project_root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """(folder, summary) of every run that came to its end, newest first; MLS808 for a summary that is corrupt."""
    for folder in run_folders(Store(project_root)):
        if (folder / SUMMARY).is_file():
            yield folder, read_summary(folder)
