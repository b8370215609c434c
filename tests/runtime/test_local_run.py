"""The local target on graphs of `write` stages: reuse, failure, limits, order, what it tells and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlspec_local import Event, Outcome, backend, run_plan

from mlspec.backend import RunRequest
from mlspec.graph import Graph, Resources, Stage
from mlspec.runtime import files, kinds
from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import read_journal
from mlspec.runtime.runs import summaries
from mlspec.runtime.store import Store
from tests.crash.kill_run import newest
from tests.crash.toy import outputs, run_toy, toy_graph


@pytest.fixture(autouse=True)
def stage_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds.FUNCTIONS, "write", "tests.crash.slow_stage:run")


def write(name: str, text: str, *sources: str, after: tuple[str, ...] = (), resources: Resources | None = None) -> Stage:
    inputs = {source: f"{source}/file" for source in sources}
    return Stage(name, "write", name, {"text": text}, inputs, {"file": "json"}, after, resources or Resources())


def run(root: Path, *stages: Stage, events: list[Event] | None = None, jobs: int = 2, only: tuple[str, ...] = ()) -> Outcome:
    return run_plan(RunRequest(Graph.of(stages), root, jobs=jobs, only=only), events.append if events is not None else None)


def test_everything_runs_once_and_is_reused(tmp_path: Path) -> None:
    first = run_toy(tmp_path)
    assert first.exit_code == 0 and len(first.names("ran")) == 6 and first.run_id == "000001"
    second = run_toy(tmp_path)
    assert second.names("ran") == [] and len(second.names("reused")) == 6
    assert second.run_id == first.run_id and outputs(second) == outputs(first)


def test_an_edit_reruns_what_depends_on_it(tmp_path: Path) -> None:
    run(tmp_path, write("a", "one"), write("b", "two", "a"), write("c", "three"))
    again = run(tmp_path, write("a", "one"), write("b", "2", "a"), write("c", "three"))
    assert again.names("ran") == ["b"] and again.run_id == "000002"


def test_order_only_is_no_part_of_a_key(tmp_path: Path) -> None:
    run(tmp_path, write("a", "one"), write("b", "two", after=("a",)))
    assert run(tmp_path, write("a", "other"), write("b", "two", after=("a",))).names("ran") == ["a"]


def test_a_failed_stage_stops_only_what_depends_on_it(tmp_path: Path) -> None:
    events: list[Event] = []
    outcome = run(
        tmp_path, write("a", "refuse"), write("b", "ok", "a"), write("c", "ok", "b"), write("d", "ok", after=("a",)),
        write("e", "ok"), events=events,
    )  # fmt: skip
    assert outcome.exit_code == 1 and outcome.passed
    assert (outcome.names("failed"), sorted(outcome.names("not-run")), outcome.names("ran")) == (["a"], ["b", "c", "d"], ["e"])
    (error,) = outcome.errors
    assert error["stage"] == "a" and error["code"] == "MLS805" and error["where"] == "people.age"
    assert {event.stage for event in events if event.kind == "not-run"} == {"b", "c", "d"}
    assert run(tmp_path, write("a", "mended"), write("e", "ok")).names("reused") == ["e"]


def test_a_stage_that_misses_two_is_told_once(tmp_path: Path) -> None:
    events: list[Event] = []
    outcome = run(tmp_path, write("a", "refuse"), write("b", "refuse twice"), write("c", "ok", "a", "b"), events=events)
    assert [event.stage for event in events if event.kind == "not-run"] == ["c"] and outcome.names("failed") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "exit_code", "code", "words"),
    [
        ("refuse", 1, "MLS805", "out of range"),
        ("break", 70, "internal", "KeyError"),
        ("die", 1, "MLS810", "SIGKILL"),
        ("silent", 1, "MLS810", "status 0"),
        ("gate", 1, "MLS815", "useful"),
    ],
)
def test_failures_are_named(tmp_path: Path, text: str, exit_code: int, code: str, words: str) -> None:
    outcome = run(tmp_path, write("a", text))
    assert (outcome.exit_code, outcome.errors[0]["code"]) == (exit_code, code) and words in outcome.errors[0]["message"]
    assert outcome.passed == (code != "MLS815")
    assert list(Store(tmp_path).stages.iterdir()) == []


def test_time_limit(tmp_path: Path) -> None:
    outcome = run(tmp_path, write("a", "sleep 30", resources=Resources(time_limit=0.3)))
    assert "time limit of 0.3 s" in outcome.errors[0]["message"]


def test_memory_limit(tmp_path: Path) -> None:
    outcome = run(tmp_path, write("a", "exhaust", resources=Resources(memory=1 << 30)))
    assert outcome.errors[0]["code"] == "MLS810" and "memory" in outcome.errors[0]["message"]


def test_retry(tmp_path: Path) -> None:
    events: list[Event] = []
    assert run(tmp_path, write("a", "flaky", resources=Resources(retry=1)), events=events).exit_code == 0
    assert [event.kind for event in events if event.stage] == ["started", "retried", "started", "finished"]
    (tmp_path / "tried").unlink()
    assert run(tmp_path, write("b", "flaky again")).exit_code == 1


def test_a_failed_gate_is_not_retried(tmp_path: Path) -> None:
    outcome = run(tmp_path, write("a", "gate", resources=Resources(retry=5)))
    assert outcome.stages[0].attempts == 1


def test_stages_run_beside_each_other_up_to_jobs(tmp_path: Path) -> None:
    events: list[Event] = []
    run(tmp_path, *(write(name, f"sleep 0.3 {name}") for name in "abcdef"), jobs=3, events=events)
    running, most = 0, 0
    for event in events:
        running += {"started": 1, "finished": -1}.get(event.kind, 0)
        most = max(most, running)
    assert most == 3


def test_exclusive_runs_alone(tmp_path: Path) -> None:
    events: list[Event] = []
    alone = Resources(exclusive=True)
    run(
        tmp_path,
        write("a", "sleep 0.2"),
        write("b", "sleep 0.2", resources=alone),
        write("c", "sleep 0.2"),
        events=events,
        jobs=4,
    )
    running: set[str] = set()
    for event in events:
        if event.kind == "started":
            running.add(event.stage)
            assert "b" not in running or running == {"b"}
        elif event.kind == "finished":
            running.remove(event.stage)


def test_only(tmp_path: Path) -> None:
    outcome = run(tmp_path, write("a", "x"), write("b", "x", "a"), write("c", "x", "b"), write("d", "x"), only=("b",))
    assert outcome.names("ran") == ["a", "b"]
    with pytest.raises(StageError) as caught:
        run(tmp_path, write("a", "x"), only=("z",))
    assert "no stage `z`" in caught.value.message


def test_progress_and_cost(tmp_path: Path) -> None:
    events: list[Event] = []
    run(tmp_path, write("a", "progress"), events=events)
    steps = [(event.data["done"], event.data["total"], event.data["note"]) for event in events if event.kind == "progress"]
    assert steps[-1] == (5, 5, "step 4") and len(steps) >= 3
    finished = next(event for event in events if event.kind == "finished")
    assert finished.data["seconds"] > 0.5 > finished.data["cpu_seconds"] and finished.data["peak_memory"] > 1 << 20


def test_what_a_run_leaves(tmp_path: Path) -> None:
    outcome = run(tmp_path, write("a", "x"), write("b", "x", "a"))
    ((folder, summary),) = summaries(tmp_path)
    assert folder == outcome.folder and summary["exit_code"] == 0 and summary["passed"] is True
    assert summary["stages"]["b"]["outputs"]["file"]["digest"] == outcome.stages[1].outputs["file"]["digest"]
    events = [record["event"] for record in read_journal(folder / "journal.jsonl").records]
    assert events == ["run", "started", "finished", "started", "finished", "end"]
    assert (folder / "plan.json").is_file()


def test_backend_row(tmp_path: Path) -> None:
    result = backend.run(RunRequest(toy_graph(), tmp_path, progress="none")) if backend.run else None
    assert result is not None and result.passed and len(result.executed) == 6
    assert "6 stages ran" in result.text and "\x1b" not in result.text
    assert set(backend.emit(toy_graph(), {}).files) == {"plan.json"}


def test_a_missing_source_file_is_said_before_anything_runs(tmp_path: Path) -> None:
    extract = Stage("people-extract", "extract", "people", {"paths": ["people.csv"]}, {}, {"rows": "table"})
    with pytest.raises(StageError) as caught:
        run(tmp_path, write("a", "x"), extract)
    assert caught.value.code == "MLS801" and caught.value.where.startswith("people") and "people.csv" in caught.value.message
    assert not (tmp_path / ".mlspec" / "runs").exists()


def test_a_missing_library_is_said_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "people.csv").write_text("age\n30\n")
    monkeypatch.setattr("mlspec_local.run.installed_versions", lambda names: {})
    extract = Stage("people-extract", "extract", "people", {"paths": ["people.csv"]}, {}, {"rows": "table"})
    with pytest.raises(StageError) as caught:
        run(tmp_path, extract)
    assert caught.value.code == "MLS812" and "pip install 'mlspec-lang[local]'" in caught.value.help


@pytest.mark.parametrize(
    ("algorithm", "absent", "command"),
    [("gp", {"torch"}, "pip install 'mlspec-lang[torch]'"), ("cmaes", {"cmaes", "optuna"}, "pip install 'mlspec-lang[hpo]'")],
)
def test_what_a_sampler_computes_with_is_asked_for_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str, absent: set[str], command: str
) -> None:
    monkeypatch.setattr(
        "mlspec_local.run.installed_versions", lambda names: {name: "1" for name in names if name not in absent}
    )
    (tmp_path / "people.csv").write_text("age\n30\n")
    config = {"engine": {"name": "optuna", "algorithm": algorithm}, "features": []}
    inputs = {"rows": "people-extract/rows", "parts": "parts-split/parts", "values": "inputs-features/values"}
    stages = (
        Stage("people-extract", "extract", "people", {"paths": ["people.csv"]}, {}, {"rows": "table"}),
        Stage("parts-split", "split", "parts", {}, {"rows": "people-extract/rows"}, {"parts": "table"}),
        Stage("inputs-features", "features", "inputs", {"features": []}, {"rows": "people-extract/rows"}, {"values": "table"}),
        Stage("tune-search", "search", "tune", config, inputs, {"package": "model", "study": "json"}),
    )
    with pytest.raises(StageError) as caught:
        run(tmp_path, *stages)
    assert caught.value.code == "MLS812" and caught.value.where == "tune"
    assert caught.value.help == f"install what the run needs: {command}"


@pytest.mark.parametrize("environment", [{"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"}, {"PYTHONHASHSEED": "7", "LC_ALL": "C"}])
def test_digests_do_not_depend_on_the_surroundings(tmp_path: Path, environment: dict[str, str]) -> None:
    expected = outputs(run_toy(tmp_path / "here"))
    (tmp_path / "there").mkdir()
    command = [sys.executable, "-m", "tests.crash.toy_command"]
    changed = {**os.environ, **environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(command, cwd=tmp_path / "there", env=changed, check=False).returncode == 0
    assert newest(tmp_path / "there").digests == expected


def test_workers_leave_the_terminal_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = run(tmp_path, write("a", "break"))
    captured = capfd.readouterr()
    assert captured.out == "" and captured.err == ""
    assert "KeyError" in files.read_bytes(outcome.folder / "logs" / "a.log").decode()


def test_another_spec_text_or_env_is_another_run_even_when_nothing_executes(tmp_path: Path) -> None:
    """Serving looks a run up by its spec digest, so reuse must not hide that the spec changed."""
    stages = [write("a", "x")]
    for number, request in enumerate(
        [
            RunRequest(Graph.of(stages, spec_digest="1" * 64), tmp_path),
            RunRequest(Graph.of(stages, spec_digest="2" * 64), tmp_path),
            RunRequest(Graph.of(stages, spec_digest="2" * 64), tmp_path, env="dev", releasable=False),
            RunRequest(Graph.of(stages, spec_digest="2" * 64), tmp_path),
        ],
        start=1,
    ):
        assert run_plan(request).run_id == f"{number:06d}"
    newest = next(summaries(tmp_path))[1]
    assert newest["spec_digest"] == "2" * 64 and newest["guarded"] is False
    assert [summary["guarded"] for _, summary in summaries(tmp_path)] == [False, True, False, False]
