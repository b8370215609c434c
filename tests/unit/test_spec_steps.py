"""Steps in a spec: what their heads may say, where one may stand, and what a source on one must declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.driver import Compilation
from mlspec.graph import code_files, graph_keys

SPEC = """mlspec 2026.1

spec demo {
  owner = "team"
}

extern step per_person(visits: HEAD) -> RESULT {
  code = "code/people.py:per_person"
  BODY
}

source visits {
  from = csv("visits.csv")
  person: int PERSON
  cost: float? COST
  at: timestamp? AT
}

source people {
  from = FROM
  person: int @key SAME
  spent: float? SPENT
}
"""
PLAIN = {
    "HEAD": "rows(person, cost)", "RESULT": "rows", "BODY": "", "PERSON": "", "COST": "", "AT": "", "FROM": "per_person(visits)", "SAME": "",
    "SPENT": "",
}  # fmt: skip


def compiled(folder: Path, **parts: str) -> Compilation:
    text = SPEC
    for name, value in {**PLAIN, **parts}.items():
        text = text.replace(name, value)
    (folder / "mlspec.toml").touch()
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code/people.py").write_text("def per_person(visits):\n    return visits\n")
    (folder / "demo.mlspec").write_text(text)
    return Compilation(folder / "demo.mlspec")


def codes(folder: Path, **parts: str) -> list[str]:
    return [one.code.id for one in compiled(folder, **parts).diagnostics if one.code.id not in ("MLS107", "MLS111", "MLS117")]


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ({}, []), ({"FROM": "per_person(visits: visits)"}, []), ({"HEAD": "rows()"}, ["MLS201"]), ({"HEAD": "rows"}, ["MLS201"]),
        ({"HEAD": "list(int)"}, ["MLS201"]), ({"HEAD": "rows(person, person)"}, ["MLS102"]), ({"HEAD": "rows(person, costs)"}, ["MLS101"]),
        ({"RESULT": "float"}, ["MLS201"]), ({"RESULT": "rows(person)"}, ["MLS201"]), ({"FROM": "per_person()"}, ["MLS106"]),
        ({"FROM": "per_person(visits, visits)"}, ["MLS105"]), ({"FROM": "per_person(people)"}, ["MLS103"]),
        ({"FROM": "per_person(3)"}, ["MLS201"]), ({"FROM": "per_people(visits)"}, ["MLS101"]), ({"SPENT": '@named("x")'}, ["MLS201"]),
        ({"FROM": "per_person(visits)\n  refresh = 1d"}, ["MLS209"]),
    ],
)  # fmt: skip
def test_a_head_and_a_call(tmp_path: Path, parts: dict[str, str], wanted: list[str]) -> None:
    assert codes(tmp_path, **parts) == wanted


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ({"COST": "@outcome"}, ["MLS317"]), ({"COST": "@outcome", "SPENT": "@outcome"}, []),
        ({"COST": "@outcome", "BODY": "outcome = none"}, []), ({"COST": "@outcome", "HEAD": "rows(person, at)"}, []),
        ({"AT": "@event_time"}, ["MLS318"]), ({"AT": "@event_time", "SPENT": "\n  seen: timestamp @event_time"}, []),
        ({"AT": "@event_time", "SPENT": "\n  seen: timestamp? @event_time"}, ["MLS318"]), ({"SPENT": "\n  seen: timestamp? @event_time"}, []),
        ({"COST": "@pii(quasi)"}, ["MLS401"]), ({"COST": "@pii(quasi)", "BODY": "taint = none"}, []),
        ({"COST": "@pii(quasi)", "SPENT": "@pii(quasi)", "SAME": "@pii(quasi)"}, []),
        ({"COST": "@pii(direct)", "SPENT": "@pii(quasi)", "SAME": "@pii(quasi)", "BODY": "taint = quasi"}, []),
        ({"COST": "@pii(quasi)", "BODY": 'network = ["example.org"]'}, ["MLS409"]), ({"PERSON": "@protected"}, ["MLS201"]),
        ({"PERSON": "@protected", "SAME": "@protected"}, []),
    ],
)  # fmt: skip
def test_what_rows_carry_is_declared(tmp_path: Path, parts: dict[str, str], wanted: list[str]) -> None:
    assert codes(tmp_path, **parts) == wanted


def test_a_step_is_a_stage_between_its_tables_and_its_source(tmp_path: Path) -> None:
    one = compiled(tmp_path)
    stage = one.graph["people-step"]
    assert (stage.kind, dict(stage.inputs), stage.after) == (
        "step",
        {"tables.visits": "visits-extract/rows"},
        ("visits-verify",),
    )
    assert [column["name"] for column in stage.config["tables"]["visits"]["columns"]] == ["person", "cost"]
    assert one.graph["people-verify"].inputs["rows"] == "people-step/rows"
    assert [each.id for each in one.graph if code_files(each.config)] == ["people-step"]
    before = graph_keys(one.graph, {}, {})
    assert graph_keys(compiled(tmp_path, BODY="time_limit = 5s").graph, {}, {}) == before
    (tmp_path / "code/people.py").write_text("def per_person(visits):\n    return visits.slice(1)\n")
    changed = {
        name for name, key in graph_keys(Compilation(tmp_path / "demo.mlspec").graph, {}, {}).items() if key != before[name]
    }
    assert {"people-step", "people-verify"} <= changed
    assert not {"visits-extract", "visits-verify"} & changed


TEST = """
test sums {
  given visits = [ROWS]
  spent := people.spent == 3.0
}
"""


@pytest.mark.parametrize(
    ("rows", "wanted"), [("row(person: 1, cost: 3.0)", []), ("row(cost: 3.0)", ["MLS214"]), ("", ["MLS214"])]
)
def test_a_test_gives_what_the_step_is_given(tmp_path: Path, rows: str, wanted: list[str]) -> None:
    compiled(tmp_path)
    with (tmp_path / "demo.mlspec").open("a") as file:
        file.write(TEST.replace("ROWS", rows))
    found = [
        one.code.id for one in Compilation(tmp_path / "demo.mlspec").diagnostics if one.code.id not in ("MLS111", "MLS117")
    ]
    assert found == wanted


MONITORED = """
split parts {
  frame = people
  train := 60%
  holdout := 40%
}

features inputs {
  frame = people
  missing = fill(number: median)
  spent := people.spent
}

model linear {
  estimator = sklearn.LogisticRegression
  features = inputs
  label = people.late
  part = parts.train
}

model majority {
  estimator = sklearn.DummyClassifier
  features = inputs
  label = people.late
  part = parts.train
}

gates release {
  candidate = linear
  part = parts.holdout
  better := lower(accuracy(candidate) - accuracy(majority)) >= 1pp
}

channel people_on_duty = log()

serve api {
  model = linear
  gate = release
  log seen {
    keep = 30d
    person := people.person
    score := score
    decision := decision
  }
}

monitor watch {
  of = api
  every = 1d
  window = 7d
  still_right := accuracy(live) >= 60% @delay(30d) @notify(people_on_duty)
}
"""


def test_a_monitor_runs_no_code_for_its_labels(tmp_path: Path) -> None:
    compiled(tmp_path)
    text = (
        (tmp_path / "demo.mlspec")
        .read_text()
        .replace("person: int @key", "person: int @key\n  late: bool @outcome(positive: true)")
    )
    (tmp_path / "demo.mlspec").write_text(text + MONITORED)
    found = [
        (one.code.id, one.message)
        for one in Compilation(tmp_path / "demo.mlspec").diagnostics
        if one.code.id not in ("MLS111", "MLS117")
    ]
    assert [code for code, _ in found if code == "MLS901"] == ["MLS901"], found
