"""Gates fail closed: a table of numbers and conditions against what the verdict says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.validate import enforce, verdict
from tests.support.stages import run_stage_function

NAN, INF = float("nan"), float("inf")


def entry(value: Any, **more: Any) -> dict[str, Any]:
    base = {
        "text": "lower(auc(tune))",
        "value": value,
        "point": 0.9,
        "low": 0.89,
        "high": 0.91,
        "method": "DeLong",
        "n": 600,
        "problem": None,
    }
    return {**base, **more}


def gate(expression: Any, name: str = "useful") -> dict[str, Any]:
    return {"name": name, "expression": expression, "doc": ""}


def at_least(threshold: Any, unit: str = "float", quantity: str = "q") -> Any:
    return ["call", ">=", [["quantity", quantity], ["lit", threshold, unit]], {}]


def decided(
    tmp_path: Path, gates: list[Any], quantities: dict[str, Any], measured: dict[str, Any] | None = None
) -> dict[str, Any]:
    inputs = {"metrics": tmp_path / "metrics", "package.tune": tmp_path / "package"}
    for folder in inputs.values():
        folder.mkdir(exist_ok=True)
    (tmp_path / "package" / "package.json").write_text("{}")
    (tmp_path / "metrics" / "metrics.json").write_text(json.dumps({"quantities": quantities}))
    if measured is not None:
        inputs["measurements"] = tmp_path / "measurements"
        inputs["measurements"].mkdir(exist_ok=True)
        (inputs["measurements"] / "measurements.json").write_text(json.dumps({"quantities": measured}))
    out = run_stage_function(verdict.run, tmp_path, "verdict", {"gates": gates}, inputs)
    return json.loads((out / "verdict" / "verdict.json").read_text())


CASES = {
    "above": (entry(0.89), at_least(0.88), "passed", ""),
    "tie at the threshold": (entry(0.88), at_least(0.88), "passed", ""),
    "just below": (entry(0.8799999999999999), at_least(0.88), "failed", "does not hold"),
    "null": (entry(None), at_least(0.88), "failed", "has no value"),
    "NaN": (entry(NAN), at_least(0.88), "failed", "has no value"),
    "infinite": (entry(INF), at_least(0.88), "failed", "has no value"),
    "a Boolean": (entry(True), at_least(0.88), "failed", "has no value"),
    "text": (entry("0.99"), at_least(0.88), "failed", "has no value"),
    "problem beside a value": (entry(0.99, problem="group `F` has 3"), at_least(0.88), "failed", "group `F` has 3"),
    "never computed": (entry(0.99), at_least(0.88, quantity="other"), "failed", "never computed"),
    "NaN under a not": (entry(NAN), ["call", "not", [at_least(0.88)], {}], "failed", "has no value"),
    "NaN beside a true or": (entry(NAN), ["call", "or", [["lit", True, "bool"], at_least(0.88)], {}], "failed", "has no value"),
    "no number at all": (entry(0.9), ["lit", True, "bool"], "failed", "reads no number"),
    "no condition": (entry(0.9), ["quantity", "q"], "failed", "neither true nor false"),
    "NaN threshold": (entry(0.9), at_least(NAN), "failed", "is no number"),
    "inside": (entry(0.9), ["call", "in", [["quantity", "q"], ["range", 0.8, 0.9]], {}], "passed", ""),
    "absent, to be skipped": (entry(None, problem="the model `prod` does not exist", absent="skip"), at_least(0.1), "skipped", "none yet"),
    "absent, to fail": (entry(None, problem="the model `prod` does not exist", absent="fail"), at_least(0.1), "failed", "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_gates_fail_closed(tmp_path: Path, case: str) -> None:
    quantity, expression, status, reason = CASES[case]
    found = decided(tmp_path, [gate(expression)], {"q": quantity})
    line = found["gates"][0]
    assert line["status"] == status
    assert reason in line["reason"]
    assert found["passed"] is (status != "failed")
    json.dumps(found, allow_nan=False)


def test_a_gate_says_what_it_compared(tmp_path: Path) -> None:
    line = decided(tmp_path, [gate(at_least(0.88))], {"q": entry(0.89)})["gates"][0]
    assert line["text"] == "lower(auc(tune)) >= 0.88"
    assert [line[key] for key in ("value", "op", "threshold", "point", "low", "high", "method", "n")] == [
        0.89, ">=", 0.88, 0.9, 0.89, 0.91, "DeLong", 600,
    ]  # fmt: skip


def test_a_threshold_on_the_left_is_turned_round(tmp_path: Path) -> None:
    expression = ["call", "<=", [["lit", 0.05, "points"], ["quantity", "q"]], {}]
    line = decided(tmp_path, [gate(expression)], {"q": entry(0.2, text="accuracy(a) - accuracy(b)")})["gates"][0]
    assert (line["op"], line["threshold"], line["unit"]) == (">=", 0.05, "points")
    assert line["text"] == "5pp <= accuracy(a) - accuracy(b)"


def test_a_measured_gate_keeps_no_reading(tmp_path: Path) -> None:
    expression = ["call", "<=", [["quantity", "m"], ["lit", 0.02, "duration"]], {}]
    for reading in (0.0121, 0.0122, 0.5):
        measured = {
            "m": {"text": "p95(latency(tune, load: 50rps, cpu: 1))", "value": reading, "load": 50, "cpu": 1, "problem": None}
        }
        found = decided(tmp_path, [gate(expression, "fast")], {}, measured)
        assert str(reading) not in json.dumps(found)
        line = found["gates"][0]
        assert line["passed"] is (reading <= 0.02)
        assert line["text"] == "p95(latency(tune, load: 50rps, cpu: 1)) <= 20ms"
        assert (line["load"], line["threshold"]) == ([50], 0.02)


def enforced(tmp_path: Path, found: dict[str, Any]) -> Path:
    folder = tmp_path / "stored"
    folder.mkdir()
    (folder / "verdict.json").write_text(json.dumps(found))
    return run_stage_function(enforce.run, tmp_path, "enforce", {}, {"verdict": folder}, block="release")


def test_enforce_names_every_failed_gate(tmp_path: Path) -> None:
    gates = [gate(at_least(0.95), "useful"), gate(at_least(0.8), "fine"), gate(at_least(0.96, quantity="r"), "other")]
    found = decided(tmp_path, gates, {"q": entry(0.89), "r": entry(None, problem="no row is positive")})
    with pytest.raises(StageError) as caught:
        enforced(tmp_path, found)
    error = caught.value
    assert (error.code, error.where, error.message) == (
        "MLS815", "release.useful", "2 gates of `release` failed: useful, other"
    )  # fmt: skip
    assert error.expected == "lower(auc(tune)) >= 0.95"
    assert error.found == "0.89 (interval 0.89 to 0.91, DeLong, n = 600)"
    (other,) = error.to_json()["also"]  # type: ignore[misc]
    assert (other["code"], other["where"], other["message"]) == ("MLS815", "release.other", "gate `other` failed")
    assert (other["expected"], other["found"]) == ("lower(auc(tune)) >= 0.96", "no row is positive")
    assert not (tmp_path / "out-release-enforce" / "release").exists()


def test_one_failed_gate_is_said_once(tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        enforced(tmp_path, decided(tmp_path, [gate(at_least(0.95))], {"q": entry(0.89)}))
    assert (caught.value.message, caught.value.examples) == ("gate `useful` failed", ())


def test_a_number_that_no_rows_stand_behind_has_no_count(tmp_path: Path) -> None:
    expression = ["call", "<=", [["quantity", "q"], ["lit", 2 << 20, "bytes"]], {}]
    line = decided(tmp_path, [gate(expression, "small")], {"q": entry(4294.0, n=0)})["gates"][0]
    assert (line["n"], line["unit"], line["value"]) == (None, "bytes", 4294.0)


def test_enforce_writes_the_released_packages(tmp_path: Path) -> None:
    found = decided(tmp_path, [gate(at_least(0.8))], {"q": entry(0.89)})
    release = json.loads((enforced(tmp_path, found) / "release" / "release.json").read_text())
    assert release["gates"] == ["useful"]
    assert release["packages"] == found["packages"]
    assert len(found["packages"]["tune"]) == 64


@pytest.mark.parametrize(
    "found",
    [
        {"passed": True, "gates": [], "packages": {}},
        {"passed": False, "gates": [{"name": "a", "status": "passed"}], "packages": {}},
        {
            "passed": True,
            "packages": {},
            "gates": [{"name": "a", "status": "unknown", "text": "x >= 1", "value": None, "reason": ""}],
        },
    ],
)
def test_enforce_refuses_a_verdict_that_shows_nothing(tmp_path: Path, found: dict[str, Any]) -> None:
    with pytest.raises(StageError) as caught:
        enforced(tmp_path, found)
    assert caught.value.code == "MLS815"
