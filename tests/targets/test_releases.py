"""A release is found whatever target made it: its verdict, its package, this spec; and nothing else is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.targets.airflow_world import airflow_command
from tests.targets.dvc_world import ENVIRONMENT, Repository, Said, repository
from tests.targets.kfp_world import shop

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("dvc")]

SCORE = """
score nightly {
  model = tune.best
  gate = release
  input = csv("visits.csv")
  keys = [visit]
  output = csv("build/scored.csv")
}
"""


def with_score(folder: Path) -> None:
    path = folder / "shop.mlspec"
    path.write_text(path.read_text() + SCORE)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The shop after a plain `dvc repro`: mlspec itself ran nothing here."""
    pytest.importorskip("dvc", reason="pip install 'mlspec-lang[dvc]'")
    world = repository(tmp_path_factory.mktemp("release") / "shop")
    with_score(world.folder)
    world.compile()
    world.repro()
    assert not (world.folder / ".mlspec/runs").exists()
    return world


@pytest.fixture
def copy(made: Repository, tmp_path: Path) -> Repository:
    return made.copy(tmp_path / "shop")


def score(world: Repository, *more: str, check: bool = True) -> Said:
    return world.mlspec("score", "shop.mlspec", *more, check=check)


def package(world: Repository) -> str:
    return world.digests()["tune-search/package"]


def test_a_plain_repro_is_a_release_and_is_recorded_once(copy: Repository) -> None:
    assert "build/dvc/shop: results that are not on record" in copy.mlspec("show").out
    assert "240 rows" in score(copy).out
    assert "not on record" not in copy.mlspec("show").out
    first = json.loads((copy.folder / ".mlspec/runs/000001/summary.json").read_text())
    assert (first["target"], first["from"], first["passed"]) == ("dvc", "build/dvc/shop", True)
    assert first["verdicts"]["release"]["packages"]["tune"] == package(copy)
    score(copy)
    assert [path.name for path in (copy.folder / ".mlspec/runs").iterdir()] == ["000001"]
    listed = copy.mlspec("show").out
    assert re.search(r"^000001  .*  shop under dvc  passed", listed, re.MULTILINE)
    assert "useful: passed" in copy.mlspec("show", "1").out
    copy.mlspec("clean")
    shutil.rmtree(copy.built / "artifacts")
    score(copy)


@pytest.mark.parametrize("spoilt", ["verdict", "package", "recipe", "spec", "gate"])
def test_what_is_no_release_of_this_spec_releases_nothing(copy: Repository, spoilt: str) -> None:
    folder = copy.built / "artifacts/release-verdict/verdict"
    if spoilt == "verdict":
        (folder / "verdict.json").write_text((folder / "verdict.json").read_text().replace('"passed":true', '"passed":true '))
    elif spoilt == "package":
        path = copy.built / "artifacts/tune-search/package/package.json"
        path.write_text(path.read_text() + " ")
    elif spoilt == "recipe":
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "recipe": "0" * 64}))
    elif spoilt == "spec":
        copy.edit("trials = 3", "trials = 4")  # compiled, and not yet run
    else:
        copy.edit("auc(candidate) >= floor", "auc(candidate) >= 99.9%")
        copy.repro(check=False)
    said = score(copy, check=False)
    assert said.code == 1 and ("MLS813" if spoilt in ("recipe", "spec", "gate") else "MLS808") in said.err
    assert "scored" not in said.out
    if spoilt == "gate":
        assert "failed useful" in said.err


def test_an_edit_that_no_result_depends_on_needs_a_compile_and_no_run(copy: Repository) -> None:
    path = copy.folder / "shop.mlspec"
    path.write_text(path.read_text().replace("build/scored.csv", "build/other.csv"))
    assert "MLS813" in score(copy, check=False).err
    copy.compile()
    assert copy.repro().ran == set()
    score(copy)
    assert (copy.folder / "build/other.csv").is_file()


@pytest.mark.slow
def test_of_two_releases_somebody_says_which(copy: Repository) -> None:
    """The local target saw other data: another package passed, and neither run says which one is newer."""
    data = copy.folder / "visits.csv"
    before = data.read_text()
    data.write_text("\n".join(before.splitlines()[:-9]) + "\n")
    copy.mlspec("run", "shop.mlspec")
    data.write_text(before)
    said = score(copy, check=False)
    assert said.code == 1 and "MLS813" in said.err and "--from build/dvc/shop" in said.err
    score(copy, "--from", "build/dvc/shop")
    newest = json.loads((copy.folder / ".mlspec/runs/000002/summary.json").read_text())
    assert newest["verdicts"]["release"]["packages"]["tune"] == package(copy)
    score(copy)
    copy.mlspec("run", "shop.mlspec")
    score(copy)


def test_a_folder_that_was_fetched(copy: Repository, tmp_path: Path) -> None:
    """What a run elsewhere leaves: the verdict and the package, and nothing else of it."""
    for name in ("release-verdict/verdict", "tune-search/package"):
        shutil.copytree(copy.built / "artifacts" / name, tmp_path / "fetched/artifacts" / name)
    shutil.rmtree(copy.folder / "build/dvc")
    said = score(copy, check=False)
    assert (
        "MLS813" in said.err and "`release-verdict/verdict`, `tune-search/package`" in said.err and "--from FOLDER" in said.err
    )
    assert "MLS813" in score(copy, "--from", str(tmp_path / "none"), check=False).err
    score(copy, "--from", str(tmp_path / "fetched"))
    copy.folder.joinpath("shop.mlspec").write_text(
        (copy.folder / "shop.mlspec").read_text().replace("trials = 3", "trials = 2")
    )
    assert "not made by this spec" in score(copy, "--from", str(tmp_path / "fetched"), check=False).err


@pytest.mark.slow
@pytest.mark.parametrize("target", ["dvc", "kfp", "airflow"])
def test_a_run_under_a_target_is_a_run_of_the_project(tmp_path: Path, target: str) -> None:
    if target == "airflow":
        more = ("--option", f"airflow={airflow_command()}")
    else:
        pytest.importorskip(target, reason=f"pip install 'mlspec-lang[{target}]'")
        more = ()
    shop(tmp_path)
    with_score(tmp_path)
    world = Repository(tmp_path)
    if target == "dvc":
        world.dvc("init", "--no-scm", "-q")
    said = world.mlspec("run", "shop.mlspec", "--target", target, "--wait", *more)
    assert "on record as run 000001" in said.err
    score(world)
    summary = json.loads((tmp_path / ".mlspec/runs/000001/summary.json").read_text())
    assert summary["target"] == target and {state["state"] for state in summary["stages"].values()} == {"ran"}
    assert (tmp_path / ".mlspec/runs/000001" / summary["reports"]["run-report/report"]).is_file()
    failed = world.mlspec("run", "shop.mlspec", "--target", target, "-p", "floor=0.999", *more, check=False)
    assert failed.code == 1
    assert "failed useful" in world.mlspec("score", "shop.mlspec", "-p", "floor=0.999", check=False).err
    score(world)


def test_a_cold_reader_needs_nothing_of_dvc(copy: Repository) -> None:
    hidden = {**ENVIRONMENT, "PATH": f"{copy.folder}:{ENVIRONMENT['PATH']}"}
    (copy.folder / "dvc").write_text("#!/bin/sh\nexit 99\n")
    (copy.folder / "dvc").chmod(0o755)
    assert subprocess.run(["mlspec", "score", "shop.mlspec"], cwd=copy.folder, env=hidden, check=True, capture_output=True)
