"""The long figures: `python -m tests.slow`. Each runs, and a line with what was reached is appended to docs/ledger.md."""

from __future__ import annotations

import argparse
import datetime
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTHING_COLLECTED = 5
LEDGER = ROOT / "docs" / "ledger.md"
PYTHON = sys.executable

SLOW = [PYTHON, "-m", "pytest", "-m", "slow"]
GROUPS: dict[str, list[str]] = {
    "kills and errors at every operation": ["tests/crash"],
    "50 million rows": ["tests/runtime/test_extract_streaming.py"],
    "serving at scale": [
        "tests/runtime/test_serve_bodies.py",
        "tests/runtime/test_serve_scale.py",
        "tests/runtime/test_serve_swap.py",
    ],
    "each extra alone": ["tests/packaging"],
    "targets": ["tests/targets"],
    "a backend of the tutorial, the suite": ["tests/plugin"],
}
"""Tests marked slow by what they show; those in no group are an entry of their own."""

RUNS: dict[str, list[str]] = {
    **{name: [*SLOW, *paths] for name, paths in GROUPS.items()},
    "other tests marked slow": [*SLOW, *(f"--ignore={path}" for paths in GROUPS.values() for path in paths)],
    "fuzz, 600 s": [PYTHON, "-m", "tests.fuzz", "--seconds", "600"],
    "parity, the suite": [PYTHON, "-m", "mlspec", "parity", "--suite", "--targets", "local,dvc,kfp"],
    **{
        f"parity, {name}": [
            PYTHON,
            "-m",
            "mlspec",
            "parity",
            f"specs/{name}.mlspec",
            "--env",
            "dev",
            "--targets",
            "local,dvc,kfp",
        ]
        for name in ("census_income", "flight_delay", "income_network", "late_departures", "penguins")
    },
    "50 kills, env dev": [PYTHON, "-m", "tests.crash.kill_run", "specs/census_income.mlspec", "--env", "dev", "--kills", "50"],
    "3 kills, full demo": [PYTHON, "-m", "tests.crash.kill_run", "specs/census_income.mlspec", "--kills", "3"],
}


def reached(name: str) -> str:
    """Run one entry to its end, its output shown as it comes; its last line and the seconds are what was reached."""
    began = time.monotonic()
    process = subprocess.Popen(RUNS[name], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    code = process.wait()
    if code == NOTHING_COLLECTED and RUNS[name][: len(SLOW)] == SLOW:
        return "no such tests"
    verdict = "reached" if code == 0 else f"NOT reached (exit {code})"
    return f"{verdict} in {time.monotonic() - began:.0f} s: {last[:160]}"


def main() -> None:
    """Run the chosen entries, or all, and write the ledger after each."""
    parser = argparse.ArgumentParser(prog="tests.slow", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *RUNS], help="entries to run; all without")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    failed = False
    for name in parser.parse_args().names or RUNS:
        print(f"== {name}", flush=True)
        line = reached(name)
        failed |= line.startswith("NOT")
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        with LEDGER.open("a") as ledger:
            ledger.write(f"| {day} | {commit} | Python {platform.python_version()} | {name} | {line} |\n")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
