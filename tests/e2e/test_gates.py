"""What a run whose gates fail says: every failed gate at its line, with its number in its unit, and the readings of a clock."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.e2e


def test_every_failed_gate_is_located_and_a_reading_is_named(tmp_path: Path) -> None:
    project = Project(tmp_path / "project", "penguins")
    project.edit("small := size(candidate) <= 2MiB", "small := size(candidate) <= 1KiB\n  quick := load_time(candidate) <= 1ms")
    project.edit("set tune.trials = 3", "set tune.trials = 1")
    said = project.run("--env", "dev")
    assert said.code == 1
    assert "[MLS815]: 2 gates of `release` failed: small, quick" in said.text
    lines = project.spec.read_text().splitlines()
    for gate in ("small", "quick"):
        at = next(number for number, line in enumerate(lines, 1) if line.startswith(f"  {gate} :="))
        assert f"penguins.mlspec:{at}:3" in said.text, said.text
    assert re.search(r"found: [\d.]+KiB", said.text)
    assert re.search(r"found: [\d.]+(ms|s) \(the best of 3 windows\)", said.text)
    assert "for example" not in said.text
    assert re.search(r"small +FAILED +[\d.]+ KiB +size\(tune\) <= 1KiB\n", said.text)
    assert re.search(r"quick: measured 3 times: [\d.]+ ms, [\d.]+ ms, [\d.]+ ms; the least counts", said.text)
    stored = json.loads((project.artifact("release-verdict", "verdict") / "verdict.json").read_text())
    assert "value" not in next(gate for gate in stored["gates"] if gate["name"] == "quick"), "no digest covers a reading"
