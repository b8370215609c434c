"""What `init` writes over a data file runs as it is, to a released model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.e2e
def test_a_spec_that_was_inferred_runs(tmp_path: Path) -> None:
    lines = (ROOT / "specs" / "data" / "penguins.csv").read_text().splitlines()
    (tmp_path / "birds.csv").write_text("\n".join(lines) + "\n")

    def mlspec(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mlspec", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)

    made = mlspec("init", ".", "--data", "birds.csv", "--label", "species")
    assert made.returncode == 0, made.stderr
    spec = tmp_path / "birds.mlspec"
    spec.write_text(spec.read_text().replace("trials = 10", "trials = 2"))
    done = mlspec("run", "birds.mlspec", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout)
    assert summary["verdicts"]["release"]["passed"] is True
    again = mlspec("plan", "birds.mlspec", "--format", "json")
    assert {step["action"] for step in json.loads(again.stdout)["steps"]} == {"reuse"}
