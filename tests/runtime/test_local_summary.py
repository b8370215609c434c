"""The end of a run as text: what stands in it, that it lines up, and that data cannot drive the terminal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from mlspec_local.display import line_of
from mlspec_local.events import Event, Outcome, StageState
from mlspec_local.summary import to_text
from mlspec_local.words import Paint, duration, in_unit, memory, number


def _outcome(tmp_path: Path, **changes: Any) -> Outcome:
    gates = [
        {"name": "useful", "status": "passed", "text": "lower(auc(tuned)) >= 0.90", "value": 0.9241, "low": 0.91, "high": 0.93, "n": 9768},
        {"name": "fair", "status": "failed", "text": "ratio(…) >= 0.80", "value": 0.312, "reason": "group `a\x1b[31m` is low"},
        {"name": "small", "status": "passed", "text": "size(tuned) <= 2MiB", "value": 4294.0, "unit": "bytes", "n": None},
        {"name": "even", "status": "passed", "text": "gap(…) <= 12pp", "value": 0.0453, "low": 0.01, "high": 0.07, "unit": "points"},
        {"name": "fast", "status": "failed", "text": "p95(…) <= 20ms", "value": 0.02512, "unit": "duration",
         "windows": [0.0312, 0.02512, 0.0405], "seconds": 10.0, "load": [50.0], "reason": "the measured value does not meet it"},
        {"name": "newer", "status": "skipped", "text": "x", "value": None, "reason": "none yet"},
    ]  # fmt: skip
    stages = (
        StageState("census-extract", "extract", "census", "k", "ran", 1.24, 1.4, 312 << 20),
        StageState("release-enforce", "enforce", "release", "k", "failed", error={"code": "MLS815", "message": "m"}),
        StageState("run-register", "register", "run", "k", "not-run", because="release-enforce"),
        StageState("people-split", "split", "people", "k", "reused"),
    )
    report = tmp_path / "reports" / "run-report" / "index.html"
    whole: dict[str, Any] = {
        "run_id": "000003", "folder": tmp_path, "spec": "census", "exit_code": 1, "stages": stages,
        "verdicts": {"release": {"passed": False, "gates": gates}}, "reports": {"run-report/report": report}, "seconds": 94.2,
    }  # fmt: skip
    return Outcome(**{**whole, **changes})


def test_everything_is_in_it_and_lines_up(tmp_path: Path) -> None:
    text = to_text(_outcome(tmp_path), colour=False)
    assert re.search(r"useful +passed +0\.9241 +\[0\.9100, 0\.9300\] +lower\(auc\(tuned\)\) >= 0\.90 +9,768", text)
    assert re.search(r"fair +FAILED +0\.3120", text) and re.search(r"newer +skipped", text)
    assert re.search(r"small +passed +4\.2 KiB +size\(tuned\) <= 2MiB\n", text), "no row stands behind a size"
    assert re.search(r"even +passed +4\.53pp +\[1\.00pp, 7\.00pp\] +gap", text)
    assert re.search(r"fast +FAILED +25\.12 ms +p95", text)
    assert "fast: measured in 3 windows of 10 s: 31.20 ms, 25.12 ms, 40.50 ms; the least counts" in text
    assert "does not meet it" not in text, "FAILED says that already"
    assert re.search(r"census-extract +ran +1\.2 s +1\.4 s +312 MiB", text)
    assert re.search(r"run-register +not run +needs release-enforce", text) and "people-split" not in text
    assert str(tmp_path / "reports" / "run-report" / "index.html") in text
    assert text.splitlines()[-1] == (
        "census gates failed in 94.2 s: 1 stage ran, 1 reused, 1 failed, 1 not run (run 000003)"
    )  # fmt: skip
    plain = re.sub(r"\x1b\[[0-9;]*m", "", to_text(_outcome(tmp_path), colour=True))
    assert plain == text


def test_no_gate_is_wider_than_the_terminal(tmp_path: Path) -> None:
    """Where a line does not hold a gate, what it wants stands below; where it does, nothing is different."""
    whole = to_text(_outcome(tmp_path), colour=False)
    assert to_text(_outcome(tmp_path), colour=False, columns=120) == whole
    for colour in (False, True):
        text = re.sub(r"\x1b\[[0-9;]*m", "", to_text(_outcome(tmp_path), colour=colour, columns=64))
        gates = text.partition("stages\n")[0].splitlines()
        assert max(len(line) for line in gates if ": " not in line) <= 64 and "wanted" not in text
        place = next(at for at, line in enumerate(gates) if "useful" in line)
        assert re.search(r"useful +passed +0\.9241 +\[0\.9100, 0\.9300\] +9,768", gates[place])
        assert gates[place + 1] == "    lower(auc(tuned)) >= 0.90"


def test_data_cannot_drive_the_terminal(tmp_path: Path) -> None:
    assert "a\\x1b[31m" in to_text(_outcome(tmp_path), colour=False)
    event = Event("failed", "a", {"error": {"code": "MLS802", "message": "value \x1b]0;x\x07"}})
    assert "\x1b" not in line_of(event, Paint(False)) and "\\x1b" in line_of(event, Paint(False))


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (duration(0.0042), "4 ms"), (duration(0.5), "0.5 s"), (duration(99.96), "1 min 40 s"), (duration(3725), "62 min 05 s"),
        (memory(15 << 20), "15 MiB"), (memory(2150 << 20), "2.1 GiB"), (number(0.5), "0.5000"), (number(12345.6), "12,345.6"),
        (number(None), ""), (number(3), "3"), (in_unit(0.0147, "ratio"), "1.47%"), (in_unit(1.5, "duration"), "1.50 s"),
        (in_unit(3 << 20, "bytes"), "3.0 MiB"), (in_unit(5 << 30, "bytes"), "5.0 GiB"), (in_unit(0, "bytes"), "0 B"),
        (in_unit(None, "bytes"), ""), (in_unit(0.5, None), "0.5000"),
    ],
)  # fmt: skip
def test_words(made: str, text: str) -> None:
    assert made == text
