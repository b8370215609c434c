"""A spec over a shared file of data and features does what it does with everything in one file."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("several_files")]

HEAD = 'mlspec 2026.1\n\nspec {name} {{\n  owner = "team"\n  seed = 7\n  tracking = none\n  registry = none\n}}\n'
SHARED = """
source people {
  from = csv("PLACEpeople.csv")
  code: string @key
  age: int @range(18..90)
  visits: int @range(0..500)
  job: category("clerk", "smith", "cook")
  bought: category("no", "yes") @outcome(positive: "yes")
  enough := rows() >= 100
}

split parts {
  frame = people
  stratify = bought
  train := 70%
  holdout := 30%
}

features inputs {
  frame = people
  age := scale(people.age)
  visits := log1p(people.visits)
  job := onehot(people.job)
}
"""
OWN = """
model base {
  estimator = sklearn.DummyClassifier
  features = ALIASinputs
  label = ALIASpeople.bought
  part = ALIASparts.train
}

model linear {
  estimator = sklearn.LogisticRegression
  features = ALIASinputs
  label = ALIASpeople.bought
  part = ALIASparts.train
}

gates release {
  candidate = linear
  part = ALIASparts.holdout
  min_group = 20
  useful := lower(auc(candidate)) >= 0.5
  beats_base := lower(accuracy(candidate) - accuracy(base)) >= -5pp
}
"""


def one_file(name: str) -> str:
    return HEAD.format(name=name) + SHARED.replace("PLACE", "data/lib/") + OWN.replace("ALIAS", "")


def two_files(name: str) -> str:
    use = 'mlspec 2026.1\n\nuse "./data/lib/shared.mlspec" as shared\n'
    return HEAD.format(name=name).replace("mlspec 2026.1\n", use) + OWN.replace("ALIAS", "shared.")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose spec stands in one file and, beside it, in two; `data/lib` has the shared file and its data."""
    found = object.__new__(Project)
    found.folder = tmp_path_factory.mktemp("several") / "project"
    library = found.folder / "data" / "lib"
    library.mkdir(parents=True)
    (found.folder / "mlspec.toml").write_text("")
    chance = random.Random(1)
    rows = [
        (f"p{row}", chance.randint(18, 80), chance.randint(0, 50), chance.choice(("clerk", "smith", "cook")))
        for row in range(400)
    ]
    lines = [
        f"{','.join(map(str, row))},{'yes' if row[1] / 80 + row[2] / 50 + chance.random() > 1.4 else 'no'}" for row in rows
    ]
    (library / "people.csv").write_text("\n".join(["code,age,visits,job,bought", *lines]) + "\n")
    (library / "shared.mlspec").write_text(HEAD.format(name="shared") + SHARED.replace("PLACE", ""))
    (found.folder / "one.mlspec").write_text(one_file("shop"))
    (found.folder / "two.mlspec").write_text(two_files("shop"))
    found.spec = found.folder / "one.mlspec"
    assert found.mlspec("lock", "two.mlspec").code == 0
    return found


def test_two_files_make_what_one_file_makes_and_share_its_store(project: Project) -> None:
    assert project.run().code == 0
    alone = project.digests()
    said = project.mlspec("run", "two.mlspec")
    assert said.code == 0, said.text
    assert "warning" not in said.text
    apart = project.digests()
    ours = {name.removeprefix("shared-"): digest for name, digest in apart.items()}
    data = [name for name in alone if name.split("-")[0] in ("people", "parts", "inputs", "base", "linear")]
    assert len(data) >= 6
    assert {name: ours[name] for name in data} == {name: alone[name] for name in data}
    assert ours["release-evaluate/metrics"] == alone["release-evaluate/metrics"]
    states = project.states()
    made = {name: state for name, state in states.items() if name.startswith("shared-") or name.endswith("-fit")}
    assert set(made.values()) == {"reused"}, made
    assert "shared-people-extract" in made


def test_a_run_is_that_of_one_file_where_the_other_file_has_a_seed_of_its_own(project: Project) -> None:
    """The spec that is run decides: what the imported file says of itself, its seed too, is not of this run."""
    assert project.mlspec("run", "two.mlspec").code == 0
    other = project.folder / "data" / "lib" / "shared.mlspec"
    text = other.read_text()
    other.write_text(text.replace("seed = 7", "seed = 99"))
    try:
        said = project.mlspec("plan", "two.mlspec", "--format", "json")
        assert said.code == 0, said.text
        steps = {step["stage"]: step["action"] for step in json.loads(said.out)["steps"]}
        assert steps["shared-parts-split"] == "reuse"
    finally:
        other.write_text(text)


def test_a_failed_check_of_an_imported_source_names_its_place(project: Project, tmp_path: Path) -> None:
    broken = project.copy(tmp_path / "project")
    data = broken.folder / "data" / "lib" / "people.csv"
    data.write_text("\n".join(data.read_text().splitlines()[:50]) + "\n")
    said = broken.mlspec("run", "two.mlspec")
    assert said.code != 0
    assert "shared.mlspec:" in said.text, said.text


@pytest.mark.parametrize("target", ["dvc", "kfp", "airflow"])
def test_targets_read_an_imported_source_where_it_lies(project: Project, target: str) -> None:
    said = project.mlspec("compile", "two.mlspec", "--target", target, "-o", f"out/{target}")
    assert said.code == 0, said.text
    plan = json.loads((project.folder / f"out/{target}/plan.json").read_text())
    assert plan["stages"]["shared-people-extract"]["config"]["paths"] == ["data/lib/people.csv"]
    assert plan["stages"]["shared-people-extract"]["block"] == "shared.people"
    if target == "dvc":
        lines = (project.folder / "out/dvc/dvc.yaml").read_text().splitlines()
        line = next(number for number, text in enumerate(lines, 1) if "data/lib/people.csv" in text)
        said = project.mlspec("explain-line", f"out/dvc/dvc.yaml:{line}")
        assert "data/lib/shared.mlspec:" in said.text and "shared.people" in said.text, said.text


def test_a_site_about_the_spec_shows_the_imported_blocks(project: Project) -> None:
    said = project.mlspec("doc", "two.mlspec")
    assert said.code == 0, said.text
    page = next(project.folder.rglob("features.html")).read_text()
    assert "shared.inputs" in page and "shared.people" in page
