"""A project in a fresh folder, and the `mlspec` command run in it as a user would run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
IN_GATE = frozenset({"census_income", "penguins"})
"""Specs that the gate runs, one with a search and one that is small; the slow tests run the others. What edits of networks re-run, the tests of `train` and `compress` say."""
MLSPEC = Path(sys.executable).with_name("mlspec")


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Project:
    """A folder with `mlspec.toml`, one spec and the data it reads."""

    def __init__(self, folder: Path, spec: str) -> None:
        self.folder = folder
        (folder / "data").mkdir(parents=True)
        (folder / "mlspec.toml").write_text("")
        self.spec = Path(shutil.copy(SPECS / f"{spec}.mlspec", folder))
        for path in (SPECS / "data").iterdir():
            if path.is_file() and f"data/{path.name}" in self.spec.read_text():
                shutil.copy(path, folder / "data")
            elif path.is_dir() and f'"data/{path.name}"' in self.spec.read_text():
                shutil.copytree(path, folder / "data" / path.name)

    def mlspec(self, *arguments: str | Path, env: dict[str, str] | None = None, timeout: float = 900) -> Said:
        """Run one command in the project; a traceback is always a failure of the test."""
        done = subprocess.run(
            [str(MLSPEC), *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=timeout,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
        assert "Traceback (most recent call last)" not in done.stdout + done.stderr, done.stdout + done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> Said:
        """`mlspec run` of the project's spec."""
        return self.mlspec("run", self.spec, *arguments, env=env)

    def edit(self, old: str, new: str) -> None:
        """Replace text that stands exactly once in the spec."""
        text = self.spec.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        self.spec.write_text(text.replace(old, new))

    @property
    def summary(self) -> dict[str, Any]:
        """The summary of the newest run that came to its end."""
        newest = max(self.folder.glob(".mlspec/runs/*/summary.json"))
        loaded: dict[str, Any] = json.loads(newest.read_text())
        return loaded

    def states(self) -> dict[str, str]:
        """How each stage of the newest run ended."""
        return {name: stage["state"] for name, stage in self.summary["stages"].items()}

    def digests(self) -> dict[str, str]:
        """The digest of every output that has one, by `stage/output`."""
        return {
            f"{name}/{output}": found["digest"]
            for name, stage in self.summary["stages"].items()
            for output, found in stage["outputs"].items()
            if found["type"] != "measurements"
        }

    def artifact(self, stage: str, output: str) -> Path:
        """The folder of an output of the newest run."""
        digest = self.summary["stages"][stage]["outputs"][output]["digest"]
        return self.folder / ".mlspec/store/artifacts" / digest

    def copy(self, folder: Path) -> Project:
        """The same project with its store, elsewhere, to break it there."""
        shutil.copytree(self.folder, folder)
        twin = object.__new__(Project)
        twin.folder, twin.spec = folder, folder / self.spec.name
        return twin


def census_project(folder: Path) -> Project:
    """The census without its latency gate, which takes half a minute and would judge the machine that runs the tests."""
    project = Project(folder, "census_income")
    for text in (
        "  fast := p95(latency(candidate, load: 50rps, cpu: 1)) <= 20ms\n",
        ", fast: 20ms",
        ", fast: 20.1ms",
        "  not_fast := not release.fast\n",
    ):
        project.edit(text, "")
    return project
