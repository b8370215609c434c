"""The conformance suite: its data are what their writer writes, its digests are what a run gives, and differences are found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.conformance import data
from mlspec.parity import Outcome, cases, everywhere, rows_of, unlike_expected, unpack
from mlspec.parity.suite import EXPECTED, SUITE

MLSPEC = Path(sys.executable).with_name("mlspec")


def test_the_data_are_what_their_writer_writes() -> None:
    assert (SUITE / "data/visits.csv").read_text() == data.as_csv()
    assert (SUITE / "data/customers.csv").read_text() == data.customers_as_csv()
    assert (SUITE / "data/visits.jsonl").read_text() == data.as_jsonl()
    assert (SUITE / "data/shapes.csv").read_text() == data.shapes_as_csv()
    assert {path.name: path.read_bytes() for path in (SUITE / "data/shapes").iterdir()} == {
        name: picture for name, _, picture in data.shapes()
    }


def test_every_case_is_clean_and_canonical() -> None:
    assert main(["check", str(SUITE), "-q"]) == 0
    assert main(["fmt", str(SUITE), "--check"]) == 0


QUICK = ("features_row", "gates_fail", "split_group")
"""Cases of the gate: features, a verdict that fails, groups. The others are as long again and run with the slow tests."""


@pytest.mark.e2e
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in cases()])
def test_a_run_gives_the_digests_of_the_suite(tmp_path: Path, pytestconfig: pytest.Config, name: str) -> None:
    """Rows, checks, parts and features of a case, as they must be on every machine."""
    import mlspec

    unpack(tmp_path / "suite")
    spec = tmp_path / "suite" / f"{name}.mlspec"
    done = subprocess.run([str(MLSPEC), "run", str(spec), "--format", "json"], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert done.returncode == (1 if name == "gates_fail" else 0), done.stdout + done.stderr
    found = dict(everywhere(rows_of(mlspec.load(spec).graph, [Outcome("local", True, answer["artifacts"])])))
    if pytestconfig.getoption("--update-golden"):
        known = json.loads(EXPECTED.read_text()) | {name: found}
        EXPECTED.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    assert found == json.loads(EXPECTED.read_text())[name]


def test_every_case_has_its_digests() -> None:
    assert sorted(json.loads(EXPECTED.read_text())) == sorted(cases())


def test_what_is_not_as_expected_is_named() -> None:
    known = json.loads(EXPECTED.read_text())
    name = next(iter(known))
    artifact, *_ = known[name]
    wrong = Outcome("other", True, {**known[name], artifact: "0" * 64})
    assert unlike_expected(name, [Outcome("local", True, known[name]), wrong]) == [f"other: {artifact}"]
