"""Run the pipeline here, under kfp's own local runner: what is complete in the store is reused, outcomes are read from what tasks left.

The runner is a smoke test of the file and the tasks. It proves nothing of image, secrets, resources and time limits, and it stops at
the first task that fails.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlspec.backend import Finding, RunRequest, RunResult
from mlspec.backend.answers import error, error_of, not_begun
from mlspec.backend.scheduler import alone, next_folder, run_logged, wanted
from mlspec.graph import Graph, plan_digest, write_plan
from mlspec_kfp.emit import pipeline_file
from mlspec_kfp.names import check_names, pipeline_name
from mlspec_kfp.results import read_outcome
from mlspec_kfp.settings import Settings, check_settings
from mlspec_kfp.trainer import spread

STATE = Path(".mlspec/kfp")
_STARTED = re.compile(r"Executing task '?([a-z0-9-]+)'?")


def run(request: RunRequest) -> RunResult:
    """Submit the pipeline where the option `endpoint` names a server, else run it here."""
    if request.options.get("endpoint"):
        from mlspec_kfp.submit import submit

        return submit(request)
    return run_locally(request)


def run_locally(request: RunRequest) -> RunResult:
    """Run what the request asks for below the project root."""
    graph = wanted(request)
    settings = Settings.of(request.options, pipeline_name(graph), plan_digest(graph))
    findings = [*check_names(graph), *check_settings(settings, graph.spec), *_elsewhere(graph)]
    if findings:
        return not_begun(request.project_root, [error_of(finding) for finding in findings])
    state = request.project_root.resolve() / STATE
    with alone(state / "run.lock", wait=request.wait) as held:
        if not held:
            return not_begun(state, [_busy(state)])
        return _run(request, graph, _here(settings), state)


def _elsewhere(graph: Graph) -> list[Finding]:
    """MLS701 for what the local runner has not: other machines."""
    data = {"target": "kfp", "what": "a training on several machines under its local runner", "known": "`--option endpoint=…`",
            "wanted": "a server of a cluster", "hint": "or lower the strategy in an `env`"}  # fmt: skip
    return [Finding("MLS701", f"{stage.block}.strategy", data) for stage in spread(graph)]


def _here(settings: Settings) -> Settings:
    """As for a cluster, but all paths start from the project root, where the runner is started: none of it is in the file."""
    return replace(settings, root=".", store=f"{STATE}/store")


def _run(request: RunRequest, graph: Graph, settings: Settings, state: Path) -> RunResult:
    for old in (state / "runs").glob("*/outputs"):
        shutil.rmtree(old)  # what is in them is in the store too
    folder = next_folder(state / "runs")
    (folder / "plan.json").write_bytes(write_plan(graph))
    relative = folder.relative_to(request.project_root.resolve()).as_posix()
    text, _ = pipeline_file(graph, replace(settings, plan=f"{relative}/plan.json"))
    (folder / "pipeline.yaml").write_text(text)
    with _outputs(folder) as root:
        code = _runner(request, folder, root)
    return read_outcome(graph, folder / "outputs").result(folder, code)


@contextmanager
def _outputs(folder: Path) -> Iterator[Path]:
    """Where the runner keeps what tasks hand to each other. It puts its interpreter in place of `python3` wherever that stands."""
    if "python3" not in str(folder):
        yield folder / "outputs"
        return
    with tempfile.TemporaryDirectory(prefix="mlspec-kfp-") as elsewhere:
        yield Path(elsewhere) / "outputs"
        shutil.move(Path(elsewhere) / "outputs", folder / "outputs")


def _runner(request: RunRequest, folder: Path, outputs: Path) -> int:
    """The runner in a process group of its own, which ends with us whatever ends us: it watches its standard input."""
    command = [sys.executable, "-m", "mlspec_kfp.runner", str(folder / "pipeline.yaml"), str(outputs)]
    # A task finds its interpreter's packages, and nothing of the folder that it is started in.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    return run_logged(command, folder / "log.txt", lambda line: _tell(request, line), cwd=request.project_root, environment=environment,
                      tied=True)  # fmt: skip


def _tell(request: RunRequest, line: str) -> None:
    found = _STARTED.search(line)
    if found and request.progress != "none":
        sys.stderr.write(f"{found.group(1)}\n")


def _busy(state: Path) -> dict[str, Any]:
    return error("MLS811", "another kfp run of this project is going on", expected="one at a time", found=str(state / "run.lock"),
                 help="wait for it to end (`--wait`)")  # fmt: skip
