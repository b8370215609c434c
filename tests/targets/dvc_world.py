"""A git and DVC repository around the small shop project, and DVC run in it as a user would run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.targets.kfp_world import shop

BIN = Path(sys.executable).parent
PIPELINE = "build/dvc/shop/dvc.yaml"
ENVIRONMENT = {
    **os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
}  # fmt: skip
IGNORED = ".mlspec/\nbuild/?*\n!build/dvc/\nmlruns/\nmlflow.db\n"


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def ran(self) -> set[str]:
        """The stages that DVC started."""
        return {line.rstrip("':").rpartition(":")[2] for line in self.out.splitlines() if line.startswith("Running stage")}


class Repository:
    """A project folder; `pipeline` is the compiled file, from its root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.built = folder / "build/dvc/shop"

    def call(self, *command: str, check: bool = True, **more: str) -> Said:
        done = subprocess.run(
            command, cwd=self.folder, env={**ENVIRONMENT, **more}, capture_output=True, text=True, timeout=600
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert "Traceback (most recent call last)" not in said.text, said.text
        assert not check or said.code == 0, f"{command}\n{said.text}"
        return said

    def dvc(self, *arguments: str, check: bool = True, **more: str) -> Said:
        return self.call("dvc", *arguments, check=check, **more)

    def mlspec(self, *arguments: str, check: bool = True) -> Said:
        return self.call("mlspec", *arguments, check=check)

    def repro(self, *arguments: str, check: bool = True, **more: str) -> Said:
        return self.dvc("repro", *arguments, PIPELINE, check=check, **more)

    def compile(self, *arguments: str) -> Said:
        return self.mlspec("compile", "shop.mlspec", "--target", "dvc", *arguments)

    def commit(self) -> None:
        self.call("git", "add", "-A")
        self.call("git", "commit", "-qm", "state")

    def edit(self, old: str, new: str) -> None:
        """Replace text that stands exactly once in the spec, and compile."""
        path = self.folder / "shop.mlspec"
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        path.write_text(text.replace(old, new))
        self.compile()

    def digests(self) -> dict[str, str]:
        """The digest of every artifact."""
        found = sorted((self.built / "artifacts").glob("*/*/manifest.json"))
        return {f"{path.parts[-3]}/{path.parts[-2]}": json.loads(path.read_text())["digest"] for path in found}

    def copy(self, folder: Path) -> Repository:
        shutil.copytree(self.folder, folder, symlinks=True)
        return Repository(folder)


def repository(folder: Path) -> Repository:
    """A fresh one, compiled and committed, with nothing run in it."""
    shop(folder)
    made = Repository(folder)
    (folder / ".gitignore").write_text(IGNORED)
    made.call("git", "init", "-q")
    made.dvc("init", "-q")
    for name in ("analytics", "check_update"):
        made.dvc("config", f"core.{name}", "false")
    made.compile()
    made.commit()
    return made
