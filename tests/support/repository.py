"""Git repositories with a spec that changes: the real git, with no settings but the ones named here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

OLD = (Path(__file__).parents[1] / "cases/diff/threshold_lowered/old.mlspec").read_text(encoding="utf-8")
NEW = OLD.replace(">= 0.88", ">= 0.84")


def git(folder: Path, *arguments: str) -> str:
    """What git says; nothing of the person's own settings counts, and a fault is an error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    names = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgsign=false",
    ]
    return subprocess.run(
        ["git", *names, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout


def commit(folder: Path, message: str) -> None:
    """Everything that lies in the folder, as one commit."""
    git(folder, "add", ".")
    git(folder, "commit", "-qm", message)


def branched(folder: Path, name: str = "churn.mlspec") -> Path:
    """A repository whose main has the old spec, and `work`, checked out, one that lowers a threshold; the spec's path."""
    spec = folder / name
    spec.parent.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    spec.write_text(OLD, encoding="utf-8")
    commit(folder, "one")
    git(folder, "checkout", "-qb", "work")
    spec.write_text(NEW, encoding="utf-8")
    commit(folder, "two")
    return spec
