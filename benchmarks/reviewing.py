"""Figures of review: the diff of long specs, a repository of many."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.checking import MLSPEC, long_spec
from benchmarks.measure import Figure, Used, compare_cpu, figure, run

SPECS, LINES = 1_000, 100
HASH = """
import hashlib, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob('*/*.mlspec')):
    hashlib.sha256(path.read_bytes()).digest()
"""


def edited(text: str, every: int) -> str:
    """The spec with the transform of each `every`-th feature changed, and one weaker part."""
    changed = re.sub(rf"(reading_\d*0{{{len(str(every)) - 1}}} := )scale\(log1p\(([^)]*)\)\)", r"\1scale(\2)", text)
    return changed.replace("train := 70%", "train := 90%").replace("holdout := 30%", "holdout := 10%")


def diff_two_thousand_lines(n: int | None) -> Iterator[Figure]:
    """Two specs of 2,000 lines that differ in one line of a hundred, wall time with process start."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        old, new = project / "old.mlspec", project / "new.mlspec"
        old.write_text(long_spec(2_000))
        new.write_text(edited(old.read_text(), 100))
        command = (MLSPEC, "diff", old, new, "--fail-on", "never")
        said = run(command, cwd=project).said
        if "reading_0100" not in said:
            raise SystemExit(f"the diff does not name a changed feature:\n{said}")
        yield figure("diff-2000-lines", [run(command, cwd=project).wall for _ in range(n or 7)], [], 1.0)


def write_repository(root: Path) -> None:
    """A project of SPECS valid specs of LINES lines each, no two alike."""
    (root / "mlspec.toml").touch()
    for number in range(SPECS):
        folder = root / f"team_{number % 20:02d}"
        folder.mkdir(exist_ok=True)
        text = long_spec(LINES).replace("spec wide", f"spec wide_{number}").replace("1_000)", f"{number + 1_000:_})")
        (folder / f"spec_{number:04d}.mlspec").write_text(text)


def repository(n: int | None) -> Iterator[Figure]:
    """1,000 specs, 100,000 lines: checked with no cache (wall), then again with nothing changed (CPU)."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_repository(root)
        command = (MLSPEC, "check", ".")

        def cold() -> Used:
            shutil.rmtree(root / ".mlspec", ignore_errors=True)
            return run(command, cwd=root)

        yield figure("repository-1000", [cold().wall for _ in range(n or 3)], [], 60.0)
        yield compare_cpu(
            "repository-1000-again",
            lambda: run(command, cwd=root),
            lambda: run((sys.executable, "-c", HASH, root)),
            10.0,
            n or 5,
        )
