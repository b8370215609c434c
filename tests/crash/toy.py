"""A toy project of six `write` stages, run in forked children so that a fault may kill the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlspec_local import Outcome, run_plan

from mlspec.backend import RunRequest
from mlspec.graph import Graph, Stage
from mlspec.graph.canonical import digest_of
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.faults import Fault
from mlspec.runtime.store import Store


def toy_graph(text: str = "toy") -> Graph:
    """Two chains that join: a → b → d, a → c → d → e, c → f."""

    def write(name: str, *sources: str) -> Stage:
        inputs = {source: f"{source}-write/file" for source in sources}
        return Stage(f"{name}-write", "write", name, {"text": f"{text} {name}"}, inputs, {"file": "json"})

    return Graph.of([write("a"), write("b", "a"), write("c", "a"), write("d", "b", "c"), write("e", "d"), write("f", "c")])


def run_toy(root: Path, graph: Graph | None = None) -> Outcome:
    """Run the toy in this process, one stage at a time, so that operations have one order."""
    return run_plan(RunRequest(graph or toy_graph(), root, jobs=1))


def in_child(action: Callable[[], int]) -> int:
    """Run `action` in a forked child; its exit status, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = action()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run_with_fault(root: Path, fault: Fault, *, kill_runner: bool = True) -> int:
    """Run the toy in a child where `fault` happens: 0 complete, 1 a stage failed, 74 input or output, below 0 killed."""

    def action() -> int:
        chosen = Fault(fault.action, fault.nth, fault.persistent, os.getpid() if kill_runner else None, fault.counter)
        files.operations = chosen
        try:
            return run_toy(root).exit_code
        except StageError as error:
            assert error.code == "MLS809" and "`" in error.message, error
            return 74

    return in_child(action)


def outputs(outcome: Outcome) -> dict[str, str]:
    """{stage/output: digest} of a complete run."""
    return {f"{stage.id}/{name}": output["digest"] for stage in outcome.stages for name, output in stage.outputs.items()}


def complete_stages(root: Path) -> set[str]:
    """The ids of the stages whose manifest exists."""
    return {str(files.read_json(path)["stage"]) for path in Store(root).stages.glob("*.json")}


def check_store(root: Path) -> None:
    """Every artifact in the store has the digest that its folder is named by; nothing temporary is left."""
    store = Store(root)
    for folder in store.artifacts.iterdir():
        assert digest_of(files.sha256_files(folder)) == folder.name
    left: list[Any] = [*store.temporary.iterdir(), *store.state.rglob(f"*{files.TEMPORARY}")]
    assert left == []
