"""The backend row of the local target."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from typing import Any

from mlspec.backend import Backend, Capability, Emitted, RunRequest, RunResult
from mlspec.graph import Graph, write_plan
from mlspec_local.run import run_plan
from mlspec_local.summary import to_text


def _columns() -> int | None:
    """How wide the terminal is that the summary goes to; None for a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _emit(graph: Graph, options: Mapping[str, Any]) -> Emitted:
    return Emitted({"plan.json": write_plan(graph).decode()})


def _run(request: RunRequest) -> RunResult:
    from mlspec_local.display import display_for

    with display_for(request.progress, request.graph) as display:
        outcome = run_plan(request, display.show)
    return RunResult(
        run_id=outcome.run_id, folder=outcome.folder, passed=outcome.passed, executed=outcome.names("ran"),
        reused=outcome.names("reused"), errors=outcome.errors, artifacts={
            f"{stage.id}/{name}": str(output["digest"]) for stage in outcome.stages for name, output in stage.outputs.items()
        }, text=to_text(outcome, colour=request.progress == "rich" and sys.stdout.isatty(), columns=_columns()),
        summary={
            "run": outcome.run_id, "spec": outcome.spec, "exit_code": outcome.exit_code, "passed": outcome.passed,
            "seconds": outcome.seconds, "warnings": list(outcome.warnings), "verdicts": dict(outcome.verdicts),
            "stages": {stage.id: stage.to_json() for stage in outcome.stages},
            "reports": {name: str(path) for name, path in outcome.reports.items()},
        },
    )  # fmt: skip


backend = Backend(
    name="local",
    summary="runs the stages on this machine's cores",
    emit=_emit,
    capabilities={
        "cpu": "native",
        "memory": "native",
        "gpu": Capability("native", "looked for on this machine before the stage begins"),
        "shared_memory": Capability("native", "looked for on this machine before the stage begins"),
        "nodes": Capability("none", "all processes of a stage are on this machine"),
        "time_limit": "native",
        "retry": "native",
        "exclusive": "native",
        "secrets": "native",
        "parallel": "native",
        "cache": Capability("native", "by the stage's key"),
        "gate": Capability("native", "a stage that fails"),
        "schedule": Capability("emulated", "it prints the cron line, and the machine's cron keeps the times"),
        "wait": Capability("native", "a lock of the project"),
    },
    run=_run,
    extra="local",
)
