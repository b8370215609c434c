"""What a run under kfp's local runner came to, read from what each task left beside its outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.backend import RunResult, gates_passed, read_verdicts
from mlspec.backend.answers import counted, error, in_state
from mlspec.graph import Graph

ANSWER = "executor_output.json"
ERROR = "error.json"


@dataclass
class Outcome:
    """What each stage came to: the metadata of its artifacts, or its error; a stage that never began has neither."""

    graph: Graph
    outputs: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    errors: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    gates: bool = True
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def artifacts(self) -> dict[str, str]:
        """`stage-id/output` to digest; pages for KFP alone have none."""
        return {
            f"{stage}/{name}": str(found["digest"])
            for stage, outputs in self.outputs.items()
            for name, found in outputs.items()
            if "digest" in found
        }

    def states(self) -> dict[str, str]:
        """How each stage ended, in the order of the graph."""
        return {stage.id: self._state(stage.id) for stage in self.graph}

    def _state(self, stage: str) -> str:
        if stage in self.outputs:
            return "reused" if any(found.get("reused") for found in self.outputs[stage].values()) else "ran"
        return "failed" if stage in self.errors else "not-run"

    def result(self, folder: Path, code: int) -> RunResult:
        """The run for the command line; `code` is the runner's."""
        states = self.states()
        errors = [*self.errors.values()]
        if not errors and code:
            errors = [_unexplained(folder, states)]
        passed = not errors and self.gates
        return RunResult(
            run_id=folder.name, folder=folder, passed=passed, executed=in_state(states, "ran"), reused=in_state(states, "reused"),
            errors=errors, artifacts=self.artifacts(), places=self.places, text=_text(states, folder),
            summary={
                "run": folder.name, "spec": self.graph.spec, "passed": passed, "stages": states, "verdicts": dict(self.verdicts),
                "artifacts": self.artifacts(),
            },
        )  # fmt: skip


def _unexplained(folder: Path, states: Mapping[str, str]) -> dict[str, Any]:
    """A task that ended without a word of its own: killed, or not even begun."""
    left = in_state(states, "not-run")
    where = f" before stage `{left[0]}` was complete" if left else " after the last stage"
    return error("MLS810", f"kfp's runner stopped{where}", expected="a task that ends by itself", found="no error of its own",
                 help=f"its log: {folder / 'log.txt'}")  # fmt: skip


def _text(states: Mapping[str, str], folder: Path) -> str:
    return f"run {folder.name} under kfp's local runner: {counted(states)}\n{folder / 'log.txt'}\n"


def read_outcome(graph: Graph, outputs: Path) -> Outcome:
    """What lies below the folder of the run: one folder for the pipeline, in it one for each task."""
    outcome = Outcome(graph)
    for stage in graph:
        for folder in sorted(outputs.glob(f"*/{stage.id}")):
            if (folder / ANSWER).is_file():
                outcome.outputs[stage.id] = dict(_metadata(json.loads((folder / ANSWER).read_bytes())))
                outcome.places |= {f"{stage.id}/{output}": folder / output for output in stage.outputs}
            elif (folder / ERROR).is_file():
                outcome.errors[stage.id] = json.loads((folder / ERROR).read_bytes())

    def place(stage: str, output: str) -> Path:
        return next(outputs.glob(f"*/{stage}/{output}"), outputs / "none")

    outcome.verdicts = read_verdicts(graph, place)
    # Without `enforce`, as under `--only`, nothing fails: what the verdict says is still what the run came to.
    outcome.gates = gates_passed(graph, place)
    return outcome


def _metadata(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, found in answer["artifacts"].items():
        yield name, found["artifacts"][0].get("metadata", {})
