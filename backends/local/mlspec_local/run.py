"""Run a plan on this machine: reuse what is complete, run the rest, keep what came of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlspec.backend import RunRequest
from mlspec.graph.errors import GraphError
from mlspec.graph.extras import extras_of
from mlspec.graph.keys import graph_keys, packages_needed
from mlspec.graph.kinds import packages_of
from mlspec.graph.leaves import graph_leaves
from mlspec.graph.model import Graph
from mlspec.graph.plan_format import write_plan
from mlspec.graph.versions import installed_versions
from mlspec.runtime.errors import StageError
from mlspec.runtime.lock import RunLock
from mlspec.runtime.manifest import Manifest
from mlspec.runtime.store import Store
from mlspec.runtime.track.lookup import leaf_of
from mlspec_local.events import RUN_BUG, RUN_FAILED, RUN_IO, Event, OnEvent, Outcome, StageState
from mlspec_local.externs import warnings_of
from mlspec_local.records import RunRecord, finish, latest_equal


def run_plan(request: RunRequest, on_event: OnEvent | None = None) -> Outcome:
    """Bring every stage of the graph (or what `only` needs) to completion below the project root.

    Raises StageError before anything runs: MLS811 when another run holds the lock, MLS801 for a missing source file, MLS812 for
    a missing library. A stage that fails does not raise: the outcome says so.
    """
    lock = Store(request.project_root).state / "run.lock"
    with _terminated_as_interrupted(), RunLock(lock, wait=request.wait):
        run = Run(request, on_event)
        try:
            return run.outcome()
        except KeyboardInterrupt:
            run.warn("cut off: the stages that are complete are kept, and the next run goes on from there")
            raise


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does; elsewhere than in the main thread signals are not ours to take."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Run:
    """One run from keys to outcome."""

    def __init__(self, request: RunRequest, on_event: OnEvent | None = None) -> None:
        self.request = request
        self.graph = request.graph
        self.root = request.project_root.resolve()
        self.on_event = on_event
        self.started = time.perf_counter()
        self.wanted = _wanted(request)
        self.store = Store(self.root)
        self.warnings: list[str] = []
        self.leaves = _leaves(self.graph, self.root, self.wanted)
        self.versions = installed_versions(packages_needed(self.graph))
        self.keys = graph_keys(self.graph, self.leaves, self.versions)
        self.states: dict[str, StageState] = {}

    def tell(self, kind: str, stage: str = "", **data: Any) -> None:
        """Pass an event to whoever watches."""
        if self.on_event:
            self.on_event(Event(kind, stage, data))

    def look(self) -> None:
        """Find what is complete. What is corrupt is discarded, so that it runs again."""
        for name in self.wanted:
            stage = self.graph[name]
            state = self.states[name] = StageState(name, stage.kind, stage.block, self.keys[name])
            manifest = self._find(name)
            if manifest is not None:
                state.state = "reused"
                state.outputs = manifest.outputs_json()

    def _find(self, name: str) -> Manifest | None:
        try:
            return self.store.find(self.keys[name])
        except StageError as error:
            if error.code != "MLS808":
                raise
            details = "; ".join([f"expected {error.expected}, found {error.found}", *error.examples])
            self.warn(f"{error.message} ({details}); stage `{name}` runs again", name)
            self.store.discard(self.keys[name])
            return None

    def warn(self, message: str, stage: str = "") -> None:
        """Say loudly, and keep for the record."""
        self.warnings.append(message)
        self.tell("warning", stage, message=message)

    def outcome(self) -> Outcome:
        """Run what must run; the outcome also when stages failed."""
        stale = self.store.prepare()
        if stale:
            self.tell("swept", count=len(stale))
        self.look()
        to_run = [name for name, state in self.states.items() if state.state == "waiting"]
        self._need_libraries(to_run)
        for message in warnings_of(self.graph, to_run):
            self.warn(message)
        self.tell("planned", run=len(to_run), reused=len(self.states) - len(to_run))
        for name, state in self.states.items():
            if state.state == "reused":
                self.tell("reused", name)
        if not to_run:
            folder = latest_equal(self)
            if folder is not None:
                return finish(self, folder, write=False)
        return self._run(to_run)

    def _run(self, to_run: list[str]) -> Outcome:
        jobs = self.request.jobs or len(os.sched_getaffinity(0))
        with RunRecord(self.store, self.graph, write_plan(self.graph)) as record:
            record.append(
                "run", spec=self.graph.spec, spec_digest=self.graph.spec_digest, env=self.request.env, leaves=self.leaves,
                versions=self.versions, keys={name: self.keys[name] for name in self.states}, warnings=self.warnings,
            )  # fmt: skip
            if to_run:
                from mlspec_local.execute import Execution

                Execution(self, record, to_run, jobs).run()
            outcome = finish(self, record.folder, write=True)
            record.append("end", exit_code=outcome.exit_code, seconds=outcome.seconds)
        self.tell("ended", exit_code=outcome.exit_code, seconds=outcome.seconds)
        return outcome

    def _need_libraries(self, to_run: list[str]) -> None:
        stages = {name: self.graph[name] for name in to_run}
        needed = {name: packages_of(stage.kind, stage.config) for name, stage in stages.items()}
        lacking = {name: [package for package in needed[name] if package not in self.versions] for name in to_run}
        if not any(lacking.values()):
            return
        name = next(name for name in to_run if lacking[name])
        # One command for the whole run: who installs one extra after the other learns of the last one hours later.
        extras = extras_of(package for at in to_run for package in lacking[at])
        other = (
            "\nor run without tracking: `tracking = none` and `registry = none` in the `spec` block"
            if extras == ["track"]
            else ""
        )
        raise StageError(
            "MLS812", f"stage `{name}` needs {', '.join(f'`{package}`' for package in lacking[name])}, not installed",
            stages[name].block, expected=" ".join(needed[name]), found=f"no {' '.join(lacking[name])}",
            help=f"install what the run needs: pip install 'mlspec-lang[{','.join(extras)}]'{other}",
        )  # fmt: skip

    def versions_of(self, name: str) -> dict[str, str]:
        """The versions of the packages that stage `name` names."""
        stage = self.graph[name]
        return {package: self.versions[package] for package in packages_of(stage.kind, stage.config)}


def _wanted(request: RunRequest) -> list[str]:
    graph = request.graph
    for name in request.only:
        if name not in graph.stages:
            raise StageError(
                "MLS101", f"no stage `{name}` in this plan", expected=" ".join(graph.stages), found=name,
                help="`mlspec graph` prints the stages",
            )  # fmt: skip
    return graph.needed_for(request.only) if request.only else list(graph.stages)


def _leaves(graph: Graph, root: Path, wanted: list[str]) -> dict[str, dict[str, str]]:
    try:
        return graph_leaves(graph, root, leaf_of(root), wanted)
    except GraphError as error:
        raise StageError(
            error.code, error.message, error.where, expected=error.expected, found=error.found, help=error.help
        ) from error


def exit_code_of(states: Mapping[str, StageState]) -> int:
    """0 when every stage is complete, else 70 for a bug, 74 for input or output, 1 for a failed gate or stage."""
    codes = {str(state.error["code"]) for state in states.values() if state.error}
    if "internal" in codes:
        return RUN_BUG
    if "MLS809" in codes:
        return RUN_IO
    return RUN_FAILED if codes else 0
