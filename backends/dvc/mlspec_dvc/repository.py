"""The DVC repository around a project: found, never made silently, and one made for a parity run."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

QUIET = {"DVC_NO_ANALYTICS": "1"}


def installed() -> bool:
    """Whether DVC is there, without importing it."""
    return find_spec("dvc") is not None


def dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One DVC command, of the DVC beside this interpreter."""
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)


def environment() -> dict[str, str]:
    """The environment in which the stages' `python` is this one."""
    beside = str(Path(sys.executable).parent)
    return {**os.environ, **QUIET, "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def repository(folder: Path) -> Path | None:
    """The root of the DVC repository that a folder lies in."""
    return next((place for place in (folder, *folder.parents) if (place / ".dvc").is_dir()), None)


def prepare(folder: Path) -> None:
    """Make an empty folder a project in which `run` works: a DVC repository without git."""
    if repository(folder) is None:
        said = dvc(folder, "init", "--no-scm", "-q")
        if said.returncode:
            raise RuntimeError(f"`dvc init` failed: {said.stderr.strip()[-500:]}")
