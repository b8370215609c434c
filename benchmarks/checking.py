"""Figures of the check path, in units of an empty Python process."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Figure, Used, compare_cpu, figure, run

ROOT = Path(__file__).parents[1]
MLSPEC = Path(sys.executable).with_name("mlspec")
EMPTY = (sys.executable, "-c", "pass")


def census(n: int | None) -> Iterator[Figure]:
    """The census spec: cold (no check cache), then with the cache that the first check left."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        spec = Path(shutil.copy(ROOT / "specs/census_income.mlspec", project))
        cache = project / ".mlspec"

        def check_cold() -> Used:
            shutil.rmtree(cache, ignore_errors=True)
            return run((MLSPEC, "check", spec), cwd=project)

        yield compare_cpu("check-census", check_cold, lambda: run(EMPTY), 12.0, n or 15)
        command = (MLSPEC, "check", spec)
        yield compare_cpu("check-census-cached", lambda: run(command, cwd=project), lambda: run(EMPTY), 12.0, n or 15)


def long_spec(lines: int) -> str:
    """A valid spec of about `lines` lines: one wide source and its features."""
    columns = (lines - 40) // 2
    names = [f"reading_{number:04d}" for number in range(columns)]
    return "\n".join(
        [
            "mlspec 2026.1", "", "spec wide {", '  owner = "team-sensors"', "}", "",
            "source readings {", '  from = parquet("data/readings.parquet")',
            *(f"  {name}: float @range(0..1_000)" for name in names),
            "  failed: bool @outcome", "}", "",
            "split by_chance {", "  frame = readings", "  train := 70%", "  holdout := 30%", "}", "",
            "features inputs {", "  frame = readings", *(f"  {name} := scale(log1p(readings.{name}))" for name in names), "}", "",
            "model base {", "  estimator = sklearn.LogisticRegression", "  features = inputs", "  label = readings.failed",
            "  part = by_chance.train", "}", "",
        ]
    )  # fmt: skip


def two_thousand_lines(n: int | None) -> Iterator[Figure]:
    """A spec of 2,000 lines, wall time with process start; the cache is off."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        spec = project / "wide.mlspec"
        spec.write_text(long_spec(2_000))

        def check() -> Used:
            shutil.rmtree(project / ".mlspec", ignore_errors=True)
            return run((MLSPEC, "check", spec), cwd=project)

        check()
        yield figure("check-2000-lines", [check().wall for _ in range(n or 11)], [], 0.5)
