"""What a run came to, read from what each stage left in the folder of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.backend import RunResult, gates_passed, read_artifacts, read_verdicts
from mlspec.backend.answers import counted, error, in_state
from mlspec.backend.artifacts import PAGES
from mlspec.graph import Graph


def read_outcome(graph: Graph, folder: Path, code: int) -> RunResult:
    """The run for the command line; `code` is the exit status of Airflow."""
    place = _place_of(graph, folder)
    reports = _reports(place / "ended")
    states = {stage.id: str(reports.get(stage.id, {}).get("state", "not-run")) for stage in graph}
    errors: list[Mapping[str, Any]] = [reports[name]["error"] for name in states if "error" in reports.get(name, {})]
    if not errors and code:
        errors = [_unexplained(states, folder)]

    def made(stage: str, output: str) -> Path:
        return place / "artifacts" / stage / output

    artifacts = read_artifacts(graph, made)
    passed = not errors and gates_passed(graph, made)
    return RunResult(
        run_id=folder.name, folder=folder, passed=passed, executed=in_state(states, "ran"), reused=in_state(states, "reused"),
        errors=errors, artifacts=artifacts, places={name: place / "artifacts" / name for name in artifacts}, text=_text(graph, states, folder, place),
        summary={
            "run": folder.name, "spec": graph.spec, "passed": passed, "stages": states, "verdicts": read_verdicts(graph, made),
            "artifacts": artifacts,
        },
    )  # fmt: skip


def _place_of(graph: Graph, folder: Path) -> Path:
    """The folder that the one run of the DAG made for itself."""
    return next(iter(sorted((folder / "run" / graph.spec).glob("*"))), folder / "nothing")


def _reports(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def _unexplained(states: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Airflow failed, and no stage says why: a task that was killed, or a DAG that was not read."""
    begun = [stage for stage, state in states.items() if state != "not-run"]
    return error("MLS810", f"Airflow stopped after {len(begun)} of {len(states)} stages", expected="a run that ends by itself",
                found="no error of a stage", help=f"its log: {folder / 'log.txt'}")  # fmt: skip


def _text(graph: Graph, states: Mapping[str, str], folder: Path, place: Path) -> str:
    """How many stages ended how, where the log is, and what there is to look at."""
    lines = [f"run {folder.name} under Airflow: {counted(states)}", _shown(folder / "log.txt")]
    for stage in graph:
        for output in stage.outputs:
            page = PAGES.get(stage.outputs[output])
            path = place / "artifacts" / stage.id / output / (page or "")
            lines += [_shown(path)] if page and path.is_file() else []
    return "\n".join(lines) + "\n"


def _shown(path: Path) -> str:
    """The path from where the command was started, where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
