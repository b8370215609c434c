"""The DVC target on DVC itself: what runs, what does not, and that it comes to the same artifacts as the local target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.targets.dvc_world import ENVIRONMENT, PIPELINE, Repository, repository

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("dvc")]
pytest.importorskip("dvc", reason="pip install 'mlspec-lang[dvc]'")

AFTER_VERDICT = {"release-verdict", "release-enforce", "run-report", "run-card", "run-track"}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The shop after one `mlspec run --target dvc`, committed. Tests that change it work on a copy."""
    made = repository(tmp_path_factory.mktemp("dvc") / "shop")
    said = made.mlspec("run", "shop.mlspec", "--target", "dvc", "--format", "json")
    (made.folder / "said.json").write_text(said.out)
    made.commit()
    return made


@pytest.fixture
def copy(world: Repository, tmp_path: Path) -> Repository:
    return world.copy(tmp_path / "shop")


def test_it_makes_what_the_local_target_makes(world: Repository, copy: Repository) -> None:
    under_dvc = json.loads((world.folder / "said.json").read_text())
    local = json.loads(copy.mlspec("run", "shop.mlspec", "--format", "json").out)
    digests = {
        f"{stage}/{name}": output["digest"]
        for stage, state in local["stages"].items()
        for name, output in state["outputs"].items()
    }
    assert under_dvc["artifacts"] == digests == world.digests()
    assert under_dvc["passed"] and under_dvc["verdicts"]["release"]["passed"]
    assert {state["state"] for state in under_dvc["stages"].values()} == {"ran"}


def test_with_nothing_changed_nothing_runs(world: Repository) -> None:
    said = world.repro()
    assert said.ran == set() and "up to date" in said.out
    again = json.loads(world.mlspec("run", "shop.mlspec", "--target", "dvc", "--format", "json").out)
    assert {state["state"] for state in again["stages"].values()} == {"reused"}
    assert again["artifacts"] == world.digests()
    assert world.call("git", "status", "--short").out == ""


def test_a_failing_gate_stops_the_register_and_nothing_else(copy: Repository) -> None:
    copy.edit("accuracy(base) >= 1pp", "accuracy(base) >= 90pp")
    said = copy.repro(check=False)
    assert said.code != 0
    assert said.ran == AFTER_VERDICT
    assert "MLS815" in said.err and "better" in said.err
    verdict = json.loads((copy.built / "artifacts/release-verdict/verdict/verdict.json").read_text())
    assert verdict["passed"] is False and [gate["status"] for gate in verdict["gates"]] == ["passed", "failed"]
    assert not (copy.built / "artifacts/release-enforce/release").exists()
    assert copy.repro(check=False).ran == {"release-enforce"}, "a refusal is no result: it is asked again"
    told = copy.mlspec("run", "shop.mlspec", "--target", "dvc", check=False)
    assert told.code == 1 and "shop.mlspec:" in told.err and "MLS815" in told.err and "gates failed" in told.out
    differences = copy.dvc("metrics", "diff").out
    assert "release-verdict/metrics.json" in differences and "passed" in differences


def test_an_edit_of_a_feature_rebuilds_what_depends_on_it(copy: Repository) -> None:
    copy.edit("age := scale(visits.age)", "age := scale(visits.age / 2)")
    ran = copy.repro().ran
    assert {"inputs-features", "base-fit", "tune-search", "release-evaluate", *AFTER_VERDICT} <= ran | {"release-enforce"}
    assert not ran & {"visits-extract", "visits-verify", "parts-split", "look-explore"}
    changed = copy.dvc("params", "diff").out
    assert "stages.inputs-features.config.features" in changed and "release-verdict" not in changed
    assert "tune.auc" in copy.dvc("metrics", "diff", "--all").out


@pytest.mark.slow
def test_a_feature_that_no_model_reads_fits_none_again(copy: Repository, tmp_path: Path) -> None:
    """DVC sees that the table of features is another one; by its key each model knows that its own features are not."""
    copy.edit("  device := onehot(visits.device)\n", "  device := onehot(visits.device)\n  who := visits.age @audit\n")
    before = copy.digests()
    said = copy.repro(MLSPEC_STAGE_REPORTS=str(tmp_path / "ended"))
    ended = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "ended").iterdir()}
    assert {"inputs-features", "base-fit", "tune-search"} <= said.ran
    assert {name for name, report in ended.items() if report["state"] == "reused"} == {"base-fit", "tune-search"}
    after = copy.digests()
    assert after["tune-search/package"] == before["tune-search/package"]
    assert after["inputs-features/values"] != before["inputs-features/values"]
    assert copy.repro().ran == set(), "its resume folder is there, though nothing was searched"


def test_another_version_of_a_library_runs_what_uses_it(copy: Repository) -> None:
    path = copy.built / "libraries.json"
    versions = json.loads(path.read_text())
    assert versions["base-fit"]["scikit-learn"] and "parts-split" not in versions
    versions["base-fit"]["scikit-learn"] = "0.1"
    path.write_text(json.dumps(versions))
    said = copy.dvc("repro", "--dry", PIPELINE)
    assert "base-fit" in said.ran and not said.ran & {"tune-search", "inputs-features", "visits-extract"}
    assert (
        "libraries.json: edited by hand" in copy.mlspec("compile", "shop.mlspec", "--target", "dvc", "--check", check=False).out
    )


def test_an_edit_of_a_check_runs_the_check_and_the_pages_that_show_it(copy: Repository) -> None:
    copy.edit("rows() >= 100", "rows() >= 50")
    assert copy.repro().ran == {"visits-verify", "run-report", "run-card", "run-track"}


def test_what_a_machine_is_asked_for_is_no_part_of_the_result(copy: Repository) -> None:
    copy.edit("  min_group = 5\n", "  min_group = 5\n  memory = 2GiB\n  retry = 1\n")
    assert copy.repro().ran == set()


@pytest.mark.slow
def test_an_experiment_changes_a_value_of_the_plan(copy: Repository) -> None:
    plan = PIPELINE.replace("dvc.yaml", "plan.json")
    said = copy.dvc("exp", "run", PIPELINE, "-S", f"{plan}:stages.tune-search.config.trials=4")
    assert "tune-search" in said.ran and not said.ran & {"base-fit", "inputs-features"}
    assert any(state["experiments"] for state in json.loads(copy.dvc("exp", "show", "--json").out))
    study = json.loads((copy.built / "artifacts/tune-search/study/study.json").read_text())
    assert len(study["trials"]) == 4
    assert "edited by hand" in copy.mlspec("compile", "shop.mlspec", "--target", "dvc", "--check", check=False).out


def test_a_clone_pulls_and_has_nothing_to_run(copy: Repository, tmp_path: Path) -> None:
    copy.dvc("remote", "add", "-d", "shelf", str(tmp_path / "shelf"))
    copy.dvc("push")
    copy.commit()
    copy.call("git", "clone", "-q", str(copy.folder), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    assert not (clone.built / "artifacts/tune-search/package").exists()
    clone.dvc("pull")
    assert clone.repro().ran == set()
    assert clone.digests() == copy.digests()
    copy.call("gto", "register", "build/dvc/shop:tune")
    clone.dvc("artifacts", "get", str(copy.folder), "build/dvc/shop:tune", "-o", "model")
    fetched = json.loads((clone.folder / "model/manifest.json").read_text())
    assert fetched["digest"] == copy.digests()["tune-search/package"]


def test_dvc_and_mlflow_show_the_same_numbers(world: Repository) -> None:
    """`dvc metrics show`, `dvc exp show` and the run in MLflow: each number of a stage's page stands in MLflow under its block."""
    from mlspec.runtime.track.mlflow_store import mlflow_at

    shown = json.loads(world.dvc("metrics", "show", "--json").out)[""]["data"]
    plan = json.loads((world.built / "plan.json").read_text())["stages"]
    by_dvc: dict[str, float] = {}
    for path, found in shown.items():
        block = plan[path.split("/")[-2]]["block"]
        by_dvc |= {f"{block}.{name}": float(value) for name, value in found["data"].items()}
    experiment, *_ = json.loads(world.dvc("exp", "show", "--json").out)
    assert experiment["rev"] == "workspace"
    listed = experiment["data"]["metrics"]
    assert {path: found["data"] for path, found in listed.items()} == {path: found["data"] for path, found in shown.items()}
    tracking = json.loads((world.built / "artifacts/run-track/tracking/tracking.json").read_text())
    with mlflow_at(world.folder, None, "spec.tracking") as (_, client):
        identity = client.get_experiment_by_name("shop").experiment_id
        (run,) = client.search_runs([identity], f"tags.`{tracking['tag']}` = '{tracking['findings']}'")
        trials = client.search_runs([identity], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    assert len(by_dvc) > 30
    assert {name: run.data.metrics.get(name) for name in by_dvc} == by_dvc
    assert len(trials) == by_dvc["tune.trials"]
    best = [trial.data.metrics["objective"] for trial in trials if trial.data.tags["mlspec.best"] == "true"]
    assert best == [by_dvc["tune.best"]]


@pytest.mark.slow
def test_a_champion_is_looked_up_on_every_repro_and_judged_again_when_it_moved(copy: Repository) -> None:
    """The release that DVC made is promoted; `dvc repro` then judges beside it, and with nothing moved only looks."""
    copy.edit("gates release {", 'model live = registry("shop", alias: "champion", if_absent: skip)\n\ngates release {')
    copy.edit("accuracy(base) >= 1pp", "accuracy(base) >= 1pp\n  no_regression := auc(candidate) - auc(live) >= -1pp")
    assert "no_regression" not in copy.repro().text
    verdict = copy.built / "artifacts/release-verdict/verdict/verdict.json"
    (gate,) = [gate for gate in json.loads(verdict.read_text())["gates"] if gate["name"] == "no_regression"]
    assert gate["status"] == "skipped"
    moved = json.loads(copy.mlspec("promote", "shop.mlspec", "--format", "json").out)
    assert moved["package"] == copy.digests()["tune-search/package"]
    ran = copy.repro().ran
    assert {"live-fetch", "release-evaluate", "release-verdict"} <= ran
    assert not ran & {"tune-search", "visits-extract", "inputs-features"}
    (gate,) = [gate for gate in json.loads(verdict.read_text())["gates"] if gate["name"] == "no_regression"]
    assert (gate["status"], gate["value"]) == ("passed", 0.0)
    assert copy.digests()["live-fetch/package"] == moved["package"]
    assert copy.repro().ran == {"live-fetch"}


def test_what_dvc_shows(world: Repository, tmp_path: Path) -> None:
    listed = world.dvc("stage", "list", PIPELINE).out
    assert "tune-search" in listed and "finds family and parameters" in listed
    drawn = world.dvc("dag", "--mermaid", PIPELINE).out
    assert "release-enforce" in drawn and "run-register" in drawn
    shown = json.loads(world.dvc("metrics", "show", "--json").out)
    flat = shown[""]["data"]["build/dvc/shop/figures/release-evaluate/metrics.json"]["data"]
    assert 0.9 < flat["tune.auc.low"] < flat["tune.auc"] <= 1.0
    world.dvc("plots", "show", "-o", str(tmp_path / "plots"))
    page = (tmp_path / "plots/index.html").read_text()
    for title in (
        "ROC",
        "precision and recall",
        "calibration",
        "decisions of tune-search",
        "objective by trial",
        "what mattered",
    ):
        assert title in page
    assert world.dvc("status").out.strip() == "Data and pipelines are up to date."


def journal_lines(made: Repository) -> list[str]:
    """The lines of every study, the newest study's last."""
    paths = sorted(made.built.glob("resume/tune-search/*/study.journal"), key=lambda path: path.stat().st_mtime_ns)
    return [line for path in paths for line in path.read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [True, False], ids=["dvc and the stage", "dvc alone"])
def test_kill_9_in_the_search_then_repro_goes_on(world: Repository, tmp_path: Path, whole_group: bool) -> None:
    twin, killed = world.copy(tmp_path / "twin"), world.copy(tmp_path / "killed")
    for made in (twin, killed):
        made.edit("  trials = 3\n", "  trials = 40\n")
        made.edit("cv = folds(2)", "cv = folds(5)")
    process = subprocess.Popen(["dvc", "repro", PIPELINE], cwd=killed.folder, env=ENVIRONMENT, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    end = time.monotonic() + 300
    while len(journal_lines(killed)) < 9 + len(journal_lines(world)):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
    if whole_group:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    before = journal_lines(killed)
    assert len(before) < 40, "the search was over before it was killed"
    assert "tune-search" in killed.repro().ran
    after = journal_lines(killed)
    assert after[: len(before) - 1] == before[:-1], "finished trials were run again"
    twin.repro()
    assert killed.digests() == twin.digests()
    assert killed.repro().ran == set()
