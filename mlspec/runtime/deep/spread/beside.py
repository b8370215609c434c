"""The folder that a stage keeps for the workers of a cluster beside the states: it goes when the stage ends.

A stage that is killed leaves its own there, copies of inputs and all. Whoever runs the stage next has the folder of its states to itself,
so that what lies there is of the dead; `mlspec clean` takes it where nobody holds that folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlspec.runtime import files
from mlspec.runtime.lock import is_free

_BEGINS = "workers-"


@contextmanager
def own_folder(resume_root: Path) -> Iterator[Path]:
    """A new folder for the workers of this stage, the only one there is."""
    for stale in _of(files.make_folder(resume_root)):
        files.remove_tree(stale)
    with tempfile.TemporaryDirectory(prefix=_BEGINS, dir=resume_root) as name:
        yield Path(name)


def left_by_the_dead(resume: Path) -> list[Path]:
    """The folders for workers of stages that nobody runs any more; `resume` holds the folder of each stage."""
    return [left for root in sorted(resume.glob("*")) if (found := _of(root)) and is_free(root) for left in found]


def _of(resume_root: Path) -> list[Path]:
    return sorted(path for path in resume_root.glob(f"{_BEGINS}*") if path.is_dir() and not path.is_symlink())
