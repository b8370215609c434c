"""The published JSON Schemas, held against what the commands really write; and each refuses what it should."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mlspec.cli import main
from mlspec.cli.schema import OUTPUTS, published

ROOT = Path(__file__).parents[2]
Capture = pytest.CaptureFixture[str]
ROWS = ["code,age,bought"] + [f"c{n},{18 + n % 60},{'yes' if n % 60 > 30 else 'no'}" for n in range(240)]
SPEC = """mlspec 2026.1

spec small {
  owner = "team-a"
  tracking = none
  registry = none
}

source people {
  from = csv("people.csv")
  code: string @key
  age: int @range(18..90)
  bought: category("no", "yes") @outcome(positive: "yes")
}

split parts {
  frame = people
  train := 60%
  holdout := 40%
}

features inputs {
  frame = people
  age := scale(people.age)
}

model base {
  estimator = sklearn.DummyClassifier
  features = inputs
  label = people.bought
  part = parts.train
}

model line {
  estimator = sklearn.LogisticRegression
  features = inputs
  label = people.bought
  part = parts.train
}

gates release {
  candidate = line
  part = parts.holdout
  min_group = 5
  useful := lower(auc(candidate)) >= 0.5
  beats_base := lower(auc(candidate) - auc(base)) >= 1pp
  groups := worst(accuracy(candidate), by: people.bought) >= 1%
}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "people.csv").write_text("\n".join(ROWS) + "\n")
    (tmp_path / "small.mlspec").write_text(SPEC)
    return tmp_path


def written(capsys: Capture, *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def fits(name: str, value: Any) -> None:
    jsonschema.Draft202012Validator(published(name)).validate(value)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_schema_is_one_and_is_printed(name: str, capsys: Capture) -> None:
    jsonschema.Draft202012Validator.check_schema(published(name))
    assert main(["schema", "--of", name]) == 0
    assert json.loads(capsys.readouterr().out) == published(name)


def test_findings_plan_and_graph(project: Path, capsys: Capture) -> None:
    fits("diagnostics", written(capsys, "check", "small.mlspec"))
    fits("plan", written(capsys, "plan", "small.mlspec"))
    graph = written(capsys, "graph", "small.mlspec")
    fits("graph", graph)
    assert main(["compile", "small.mlspec", "--target", "local", "-o", "out"]) == 0
    fits("graph", json.loads((project / "out" / "plan.json").read_text()))
    (project / "small.mlspec").write_text(SPEC.replace("60%", "61%"))
    capsys.readouterr()
    fits("diagnostics", written(capsys, "check", "small.mlspec", code=1))


def test_a_run_and_its_verdict(project: Path, capsys: Capture) -> None:
    done = written(capsys, "run", "small.mlspec")
    fits("run", done)
    (verdict,) = (project / ".mlspec" / "runs").rglob("verdict.json")
    fits("verdict", json.loads(verdict.read_text()))
    fits("plan", written(capsys, "plan", "small.mlspec"))
    (project / "small.mlspec").write_text(
        SPEC.replace(">= 0.5", ">= 0.9999").replace(
            "frame = people\n  age :=", "frame = people\n  more := people.age\n  age :="
        )
    )
    fits("plan", written(capsys, "plan", "small.mlspec"))
    failed = written(capsys, "run", "small.mlspec", code=1)
    fits("run", failed)
    assert not failed["passed"]


def test_the_runs_and_two_of_them_side_by_side(project: Path, capsys: Capture) -> None:
    fits("runs", written(capsys, "show"))
    written(capsys, "run", "small.mlspec")
    (project / "small.mlspec").write_text(SPEC.replace("scale(people.age)", "people.age / 10").replace(">= 0.5", ">= 0.55"))
    written(capsys, "run", "small.mlspec")
    listed = written(capsys, "show")
    fits("runs", listed)
    assert [run["run"] for run in listed["runs"]] == ["000002", "000001"]
    assert {*listed["runs"][0]["metrics"]} == {"auc(line)", "log_loss(line)"}
    assert listed["runs"][0]["at"] >= listed["runs"][1]["at"] > "2026"
    found = written(capsys, "show", "--compare", "1", "2")
    fits("comparison", found)
    assert {row["where"] for row in found["spec"]} >= {"inputs.age", "release.useful"}
    assert {row["metric"] for row in found["metrics"] if row["model"] == "line"} >= {"auc", "log_loss", "accuracy"}
    (useful,) = [row for row in found["gates"] if row["gate"] == "useful"]
    assert (useful["old"]["text"], useful["new"]["text"]) == ("lower(auc(line)) >= 0.5", "lower(auc(line)) >= 0.55")
    better = {row["metric"]: row["better"] for row in found["metrics"] if row["difference"]}
    assert all(
        better[name] is (row["difference"] < 0)
        for row in found["metrics"]
        if (name := row["metric"]) == "log_loss" and row["difference"]
    )
    (size,) = [row for row in found["figures"] if (row["block"], row["figure"]) == ("line", "size")]
    assert size["unit"] == "bytes" and size["ratio"] == size["new"] / size["old"] > 0
    same = written(capsys, "show", "--compare", "2", "2")
    assert not any(same[name] for name in ("params", "spec", "data", "libraries"))
    assert all(row["difference"] == 0 for row in same["metrics"])


def test_the_pages_of_a_spec_with_and_without_a_run(capsys: Capture) -> None:
    fits("doc", written(capsys, "doc", "small.mlspec", "--run", "none"))
    written(capsys, "run", "small.mlspec")
    told = written(capsys, "doc", "small.mlspec")
    fits("doc", told)
    assert told["run"] is not None


@pytest.mark.parametrize("name", ["plan", "graph"])
def test_what_a_schema_does_not_name_is_refused(name: str, capsys: Capture) -> None:
    value = written(capsys, name, "small.mlspec")
    for change in ({"more": 1}, {"format": 2}, {"spec_digest": "x"}):
        with pytest.raises(jsonschema.ValidationError):
            fits(name, {**copy.deepcopy(value), **change})
