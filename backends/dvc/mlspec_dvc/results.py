"""What a run under DVC came to: the reports of the stages that ran, the manifests of those that DVC found unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlspec.backend import RunRequest, RunResult, read_artifacts, read_verdicts
from mlspec.backend.answers import error, in_state
from mlspec.backend.artifacts import PAGES
from mlspec.graph import Graph
from mlspec_dvc import layout
from mlspec_dvc.summary import to_text


@dataclass(frozen=True)
class Ended:
    """How one stage ended: `ran`, `reused`, `failed` or `not-run`, with its report where it has one."""

    state: str
    report: Mapping[str, Any]


def outcome(request: RunRequest, folder: Path, reports: Path, status: int, log: Path) -> RunResult:
    """The run for the command line."""
    graph = request.graph
    wanted = graph.needed_for(request.only) if request.only else list(graph.stages)
    found = {path.stem: json.loads(path.read_bytes()) for path in sorted(reports.glob("*.json"))}

    def place(stage: str, output: str) -> Path:
        return folder / layout.artifact(stage, output)

    digests = read_artifacts(graph, place)
    ended = _states(graph, wanted, found, digests)
    kept = {name for name, end in ended.items() if end.state in ("ran", "reused")}
    artifacts = {name: digest for name, digest in digests.items() if name.partition("/")[0] in kept}
    errors = [_located(end.report["error"], name) for name, end in ended.items() if "error" in end.report]
    if status and not errors:
        errors = [_unexplained(ended, log)]
    decided = {stage.block for stage in graph if stage.kind == "verdict" and stage.id in kept}
    verdicts = {block: verdict for block, verdict in read_verdicts(graph, place).items() if block in decided}
    passed = not errors and all(verdict["passed"] for verdict in verdicts.values())
    pages = _pages(graph, folder, kept)
    states = {name: end.state for name, end in ended.items()}
    return RunResult(
        run_id="", folder=folder, passed=passed, executed=in_state(states, "ran"), reused=in_state(states, "reused"), errors=errors,
        artifacts=artifacts, places={name: folder / layout.artifact(*name.split("/")) for name in artifacts}, text=to_text(graph.spec, states, verdicts, pages, log),
        summary={
            "spec": graph.spec, "passed": passed, "verdicts": verdicts, "reports": {name: str(path) for name, path in pages.items()},
            "stages": {name: {"state": end.state, "seconds": end.report.get("seconds", 0.0)} for name, end in ended.items()},
        },
    )  # fmt: skip


def _states(
    graph: Graph, wanted: list[str], found: Mapping[str, Mapping[str, Any]], digests: Mapping[str, str]
) -> dict[str, Ended]:
    """A stage without a report was unchanged, unless something before it failed or it has never been complete."""
    ended: dict[str, Ended] = {}
    for name in wanted:
        stage = graph[name]
        complete = all(f"{name}/{output}" in digests for output in stage.outputs)
        if name in found:
            ended[name] = Ended(str(found[name]["state"]), found[name])
        elif complete and all(ended[before].state in ("ran", "reused") for before in stage.waits_for()):
            ended[name] = Ended("reused", {})
        else:
            ended[name] = Ended("not-run", {})
    return ended


def _located(found: Mapping[str, Any], stage: str) -> dict[str, Any]:
    return {**found, "stage": stage}


def _unexplained(ended: Mapping[str, Ended], log: Path) -> dict[str, Any]:
    """DVC stopped and no stage says why: its lock is taken, a file is missing, a stage was killed."""
    lines = [
        line.strip().removeprefix("ERROR: ")
        for line in log.read_text(encoding="utf-8").splitlines()
        if line.startswith("ERROR")
    ]
    told = "; ".join(lines)[:500]
    failed = [name for name, end in ended.items() if end.state == "failed"]
    if failed:
        return error(
            "internal", f"a bug in mlspec: stage `{failed[0]}` ended without a word", help=f"report it with the log `{log}`"
        )
    if "git-ignored" in told or "is not in the digraph" in told:
        return error("MLS704", "git ignores the pipeline, so DVC does not see it", expected="a folder that git tracks", found="a line in .gitignore",
                    help="let both see it: write `build/?*` and `!build/dvc/` in place of `build/` in .gitignore")  # fmt: skip
    if "nable to acquire lock" in told or "is busy" in told:
        return error("MLS811", "another DVC command is at work in this repository", expected="one at a time", found=told,
                    help="wait for it to end (`--wait`)")  # fmt: skip
    return error("MLS810", f"DVC stopped: {told}", expected="a run that ends by itself", help=f"its log: {log}")


def _pages(graph: Graph, folder: Path, kept: set[str]) -> dict[str, Path]:
    """The reports and cards, to open."""
    return {
        stage.id: folder / layout.artifact(stage.id, output) / PAGES[kind]
        for stage in graph
        for output, kind in stage.outputs.items()
        if kind in PAGES and stage.id in kept
    }
