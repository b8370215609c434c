"""The KFP target under kfp's own local runner: equal digests, gates that fail, a kill in the middle, kfp's own reading of the answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.targets.kfp_world import shop

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("kfp")]
MLSPEC = Path(sys.executable).with_name("mlspec")


def run(spec: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """`mlspec run` in the project of the spec, its JSON."""
    command = [str(MLSPEC), "run", spec.name, "--format", "json", *arguments]
    done = subprocess.run(command, cwd=spec.parent, capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def digests(summary: dict[str, Any]) -> dict[str, str]:
    """The digest of every output of a run of the local target."""
    return {
        f"{name}/{output}": found["digest"]
        for name, stage in summary["stages"].items()
        for output, found in stage["outputs"].items()
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run under kfp; its spec. What the tasks handed to each other is kept for the tests."""
    spec = shop(tmp_path_factory.mktemp("kfp"))
    code, summary = run(spec, "--target", "kfp")
    assert code == 0, summary
    shutil.copytree(spec.parent / ".mlspec/kfp/runs/000001/outputs", spec.parent / "kept")
    (spec.parent / "kfp.json").write_text(json.dumps(summary))
    return spec


@pytest.fixture(scope="module")
def local_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The same project under the local target, and its summary."""
    spec = shop(tmp_path_factory.mktemp("local"))
    code, summary = run(spec)
    assert code == 0, summary
    return spec.parent, summary


@pytest.fixture(scope="module")
def local(local_run: tuple[Path, dict[str, Any]]) -> dict[str, str]:
    """The digests of the same spec under the local target."""
    return digests(local_run[1])


def test_keys_are_those_of_the_local_target(project: Path, local_run: tuple[Path, dict[str, Any]]) -> None:
    known = {path.stem for path in (local_run[0] / ".mlspec/store/stages").iterdir()}
    answers = [json.loads(path.read_text()) for path in project.parent.glob("kept/*/*/executor_output.json")]
    metadata = [found["artifacts"][0]["metadata"] for answer in answers for found in answer["artifacts"].values()]
    assert {found["key"] for found in metadata if "key" in found} == known


def test_every_artifact_is_the_one_of_the_local_target(project: Path, local: dict[str, str]) -> None:
    summary = json.loads((project.parent / "kfp.json").read_text())
    assert summary["artifacts"] == local
    assert set(summary["stages"].values()) == {"ran"}


def test_a_second_run_does_nothing_again(project: Path, local: dict[str, str]) -> None:
    code, summary = run(project, "--target", "kfp")
    assert code == 0 and set(summary["stages"].values()) == {"reused"} and summary["artifacts"] == local


def test_only_runs_what_a_stage_needs(project: Path) -> None:
    code, summary = run(project, "--target", "kfp", "--only", "parts-split")
    assert code == 0 and list(summary["stages"]) == ["visits-extract", "visits-verify", "parts-split"]


def test_a_failed_gate_fails_the_pipeline_and_stops_register(project: Path) -> None:
    code, summary = run(project, "--target", "kfp", "-p", "floor=0.99")
    states = summary["stages"]
    assert code == 1 and summary["passed"] is False
    assert states["release-enforce"] == "failed" and states["run-register"] == "not-run"
    assert states["run-report"] == states["run-card"] == "ran"
    (error,) = summary["errors"]
    assert error["code"] == "MLS815" and "useful" in json.dumps(error)
    log = max(project.parent.glob(".mlspec/kfp/runs/*/log.txt")).read_text()
    assert "Pipeline 'shop' finished with status FAILURE" in log and "Executing task 'run-register'" not in log


def test_bad_data_is_said_at_its_column(project: Path, tmp_path: Path) -> None:
    spec = shop(tmp_path)
    data = spec.parent / "visits.csv"
    data.write_text(data.read_text().replace("phone", "fridge", 1))
    code, summary = run(spec, "--target", "kfp", "--only", "visits-extract")
    assert code == 1 and summary["errors"][0]["where"] == "visits.device" and summary["errors"][0]["code"] == "MLS211"


def test_a_corrupt_artifact_in_the_store_is_made_again(project: Path, tmp_path: Path, local: dict[str, str]) -> None:
    twin = tmp_path / "twin"
    shutil.copytree(project.parent, twin)
    victim = next((twin / ".mlspec/kfp/store/artifacts" / local["parts-split/parts"]).glob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    code, summary = run(twin / project.name, "--target", "kfp", "--only", "parts-split")
    assert code == 0 and summary["stages"]["parts-split"] == "ran" and summary["stages"]["visits-extract"] == "reused"
    assert summary["artifacts"]["parts-split/parts"] == local["parts-split/parts"]


def test_killed_in_the_middle_it_goes_on_to_equal_digests(tmp_path: Path, local: dict[str, str]) -> None:
    spec = shop(tmp_path)
    command = [str(MLSPEC), "run", spec.name, "--target", "kfp", "--only", "tune-search"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("tune-search"):
                break
        time.sleep(0.5)
        process.kill()
    group = _runners(tmp_path)
    assert process.returncode == -signal.SIGKILL
    _wait_until_gone(group)
    code, summary = run(spec, "--target", "kfp", "--only", "tune-search")
    assert code == 0 and {name: local[name] for name in summary["artifacts"]} == summary["artifacts"]
    assert summary["stages"]["visits-extract"] == "reused" and summary["stages"]["tune-search"] == "ran"
    assert not any((tmp_path / ".mlspec/kfp/store/tmp").iterdir())


def _runners(folder: Path) -> list[int]:
    """The processes at work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if (entry / "cwd").resolve() == folder.resolve():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _wait_until_gone(processes: list[int]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if not any(_alive(process) for process in processes):
            return
        time.sleep(0.1)
    raise AssertionError(f"still at work after the run was killed: {processes}")


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _answer(project: Path, stage: str) -> Any:
    """What the stage answered, read by KFP's own message."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    (path,) = project.parent.glob(f"kept/*/{stage}/executor_output.json")
    return json_format.Parse(path.read_text(), pipeline_spec_pb2.ExecutorOutput())


def test_kfp_reads_the_curves_as_its_own_classes_write_them(project: Path) -> None:
    from google.protobuf import json_format
    from kfp import dsl

    shown = _answer(project, "release-evaluate").artifacts["classification--tune"].artifacts[0]
    metadata = json_format.MessageToDict(shown.metadata)
    points, matrix = metadata["confidenceMetrics"], metadata["confusionMatrix"]
    own = dsl.ClassificationMetrics()
    own.log_roc_curve(*([point[name] for point in points] for name in ("falsePositiveRate", "recall", "confidenceThreshold")))
    own.log_confusion_matrix(["no", "yes"], [row["row"] for row in matrix["rows"]])
    assert own.metadata == metadata
    assert sum(sum(row["row"]) for row in matrix["rows"]) == 96
    assert points[0]["recall"] == 0.0 and points[-1]["recall"] == points[-1]["falsePositiveRate"] == 1.0
    assert [point["confidenceThreshold"] for point in points] == sorted(
        (p["confidenceThreshold"] for p in points), reverse=True
    )


def test_metrics_and_pages_are_there_for_kfp_to_show(project: Path) -> None:
    answer = _answer(project, "release-evaluate")
    metadata = dict(answer.artifacts["metrics"].artifacts[0].metadata.items())
    assert 0.7 <= metadata["tune.auc"] <= 1.0 and metadata["gate.useful"] == metadata["tune.auc"]
    for stage, start in (("run-report", "<!doctype html>"), ("look-explore", "<!doctype html>"), ("run-card", "#")):
        page = Path(_answer(project, stage).artifacts["page"].artifacts[0].uri)
        moved = project.parent / "kept" / page.parts[-3] / stage / "page"
        assert moved.read_text().lower().lstrip("-\n").startswith(start), stage


def test_a_folder_named_like_the_interpreter(tmp_path: Path) -> None:
    """kfp's runner puts its interpreter wherever `python3` stands in an argument; outputs are then kept elsewhere."""
    from mlspec.backend import RunRequest
    from mlspec.registry import load_backend
    from tests.crash.toy import toy_graph

    root = tmp_path / "python3.11"
    root.mkdir()
    backend = load_backend("kfp")
    result = backend.run(RunRequest(toy_graph(), root, options=backend.read_options({}), progress="none"))  # type: ignore[misc]
    assert result.passed and len(result.artifacts) == 6 and not result.errors


def test_one_run_at_a_time(tmp_path: Path) -> None:
    import fcntl

    from mlspec.backend import RunRequest
    from mlspec.registry import load_backend
    from tests.crash.toy import toy_graph

    backend = load_backend("kfp")
    request = RunRequest(toy_graph(), tmp_path, options=backend.read_options({}), progress="none")
    (tmp_path / ".mlspec/kfp").mkdir(parents=True)
    with (tmp_path / ".mlspec/kfp/run.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = backend.run(request)  # type: ignore[misc]
    assert not result.passed and result.errors[0]["code"] == "MLS811" and not (tmp_path / ".mlspec/kfp/runs").exists()


def test_a_task_that_is_killed_is_said(tmp_path: Path) -> None:
    """The runner ends without a word of the task: the run says which stage was not complete, and where the log is."""
    from mlspec.backend import RunRequest
    from mlspec.registry import load_backend
    from tests.crash.toy import toy_graph

    backend = load_backend("kfp")
    (tmp_path / ".mlspec/kfp/store").mkdir(parents=True)
    (tmp_path / ".mlspec/kfp/store/stages").write_text("no folder")
    result = backend.run(RunRequest(toy_graph(), tmp_path, options=backend.read_options({}), progress="none"))  # type: ignore[misc]
    assert not result.passed and "a-write" not in result.executed
    assert result.errors[0]["code"] in ("MLS809", "MLS810") and result.errors[0]["help"]
