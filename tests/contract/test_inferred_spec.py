"""What `init` writes over a data file runs as it is, to a released model."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
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
    _serve_and_watch(tmp_path, lines)


def _serve_and_watch(folder: Path, lines: list[str]) -> None:
    """The released model answers one request, and the monitor finds it in the log."""
    command = [sys.executable, "-m", "mlspec", "serve", "birds.mlspec", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = server.stderr.readline()
        try:
            address = next(word for word in said.split() if word.startswith("http://"))
            record = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
            numbers = {name: float(record[name]) for name in ("bill_length_mm", "bill_depth_mm")}
            whole = {name: int(record[name]) for name in ("flipper_length_mm", "body_mass_g", "year")}
            body = json.dumps({"island": record["island"], **numbers, **whole}).encode()
            request = urllib.request.Request(address, body, {"content-type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as reply:
                assert json.load(reply)["decision"] == record["species"]
        finally:
            server.terminate()
            server.communicate(timeout=60)
    watched = subprocess.run(
        [sys.executable, "-m", "mlspec", "monitor", "birds.mlspec", "--once", "--format", "json"],
        cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    report = json.loads(watched.stdout)
    assert report["window"]["records"] == 1
    assert {check["status"] for check in report["checks"]} == {"insufficient"}
    assert watched.returncode == 0
