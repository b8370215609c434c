"""What a run leaves in `.mlspec/runs/<id>/`: the plan, the journal, logs, copies of verdicts and reports, `summary.json` last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from mlspec.graph.canonical import digest_of
from mlspec.graph.model import Graph
from mlspec.graph.plan_format import plan_digest
from mlspec.runtime import files
from mlspec.runtime.audit.log import now
from mlspec.runtime.audit.runs import record_run
from mlspec.runtime.errors import StageError
from mlspec.runtime.journal import Journal
from mlspec.runtime.runs import SUMMARY, next_run, read_summary, run_folders, write_summary
from mlspec.runtime.store import Store
from mlspec.runtime.validate.enforce import refusal
from mlspec.runtime.validate.gates import Numbers, Undecided, comparison, number, quantities_in
from mlspec_local.events import Outcome, StageState

if TYPE_CHECKING:
    from mlspec_local.run import Run

_COPIED = {
    "explore": ("report",),
    "verdict": ("verdict",),
    "report": ("report",),
    "card": ("card",),
    "compress": ("measurements",),
}
"""The outputs of each kind that are copied into the run's folder, for people to open."""


class RunRecord:
    """The folder of a new run, with its journal open."""

    def __init__(self, store: Store, graph: Graph, plan: bytes) -> None:
        self.folder = next_run(store)
        files.write_bytes(self.folder / "plan.json", plan)
        self._journal = Journal(self.folder / "journal.jsonl")

    def append(self, event: str, *, durable: bool = True, **data: Any) -> None:
        """One record; the clock reading is for people."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._journal.append({"event": event, "at": at, **data}, sync=durable)

    def __enter__(self) -> RunRecord:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._journal.close()


def finish(run: Run, folder: Path, *, write: bool) -> Outcome:
    """The outcome of the run in `folder`; with `write`, its copies and its summary are made."""
    from mlspec_local.run import exit_code_of

    reports = _reports(run.store, folder, run.states, write=write)
    verdicts = _verdicts(run)
    _name_readings(run, verdicts)
    outcome = Outcome(
        run_id=folder.name, folder=folder, exit_code=exit_code_of(run.states), stages=tuple(run.states.values()),
        verdicts=verdicts, reports=reports, seconds=round(time.perf_counter() - run.started, 3),
        warnings=tuple(run.warnings), spec=run.graph.spec,
    )  # fmt: skip
    if write:
        summary = {
            **identity(run), "format": 1, "run": folder.name, "at": now(), "spec": run.graph.spec, "params": dict(run.request.params),
            "guarded": not run.request.releasable, "passed": outcome.passed, "exit_code": outcome.exit_code,
            "seconds": outcome.seconds, "leaves": run.leaves, "versions": run.versions, "warnings": run.warnings,
            "stages": {name: state.to_json() for name, state in run.states.items()}, "verdicts": verdicts,
            "reports": {name: path.relative_to(folder).as_posix() for name, path in reports.items()},
        }  # fmt: skip
        told, warning = record_run(run.root, folder, summary)
        if warning:
            run.warn(warning)
        write_summary(folder, {**summary, **told, "warnings": run.warnings})
    return replace(outcome, warnings=tuple(run.warnings))


def _reports(store: Store, folder: Path, states: Mapping[str, StageState], *, write: bool) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, state in states.items():
        for output in _COPIED.get(state.kind, ()):
            if output not in state.outputs:
                continue
            source = store.artifacts / str(state.outputs[output]["digest"])
            for path in files.files_of(source):
                target = folder / "reports" / name / path.relative_to(source)
                if write:
                    files.make_folder(target.parent)
                    files.copy_file(path, target)
                if f"{name}/{output}" not in found or path.stem == "index":  # the page to open; other files lie beside it
                    found[f"{name}/{output}"] = target
    return found


def _verdicts(run: Run) -> dict[str, Any]:
    """The verdict of each gates block; measured gates get what the measurement holds, which no digest covers."""
    verdicts: dict[str, Any] = {}
    for state in run.states.values():
        if state.kind == "verdict" and "verdict" in state.outputs:
            folder = run.store.artifact(str(state.outputs["verdict"]["digest"]))
            verdict = files.read_json(folder / "verdict.json")
            readings = _readings(run, state)
            verdict["gates"] = [{**gate, **readings.get(gate["name"], {})} for gate in verdict["gates"]]
            verdicts[state.block] = verdict
    return verdicts


def _name_readings(run: Run, verdicts: Mapping[str, Any]) -> None:
    """The refusal of a run in the words of its verdicts with readings: the stage that refused saw none."""
    for state in run.states.values():
        if state.kind != "enforce" or not state.error or state.error["code"] != "MLS815" or state.block not in verdicts:
            continue
        failed = [gate for gate in verdicts[state.block]["gates"] if gate["status"] not in ("passed", "skipped")]
        state.error = refusal(state.block, failed).to_json()


def _readings(run: Run, state: StageState) -> dict[str, dict[str, Any]]:
    """{gate: `value`, `windows`, `seconds` and a problem's `reason`} of the gates in a verdict stage that read a measurement."""
    stage = run.graph[state.id]
    if "measurements" not in stage.inputs:
        return {}
    source, _, output = stage.inputs["measurements"].rpartition("/")
    folder = run.store.artifact(str(run.states[source].outputs[output]["digest"]))
    quantities = files.read_json(folder / "measurements.json")["quantities"]
    numbers = Numbers({}, quantities)
    gates = {str(gate["name"]): gate["expression"] for gate in stage.config.get("gates", ())}
    return {name: _reading(found, numbers) for name, found in gates.items() if {*quantities_in(found)} & {*quantities}}


def _reading(expression: Any, numbers: Numbers) -> dict[str, Any]:
    """What the measurement says of one gate; a gate that compares a quantity itself has its windows too."""
    split = comparison(expression)
    if split is None:
        return {}
    try:
        found: dict[str, Any] = {"value": number(split[0], numbers)}
    except Undecided as error:
        return {"value": None, "reason": str(error)}
    if split[0][0] == "quantity":
        entry = numbers.entry(split[0][1])
        found |= {"windows": entry["windows"], "seconds": entry["seconds"]}
    return found


def identity(run: Run) -> dict[str, Any]:
    """What makes two runs the same run: the plan, the data and packages behind its keys, the env and what it may release."""
    return {
        "spec_digest": run.graph.spec_digest, "plan": plan_digest(run.graph), "env": run.request.env,
        "only": list(run.request.only), "releasable": run.request.releasable,
        "keys": digest_of({name: state.key for name, state in run.states.items()}),
    }  # fmt: skip


def latest_equal(run: Run) -> Path | None:
    """The newest run, when it was complete, the same as this one, and still has its reports; None otherwise."""
    for folder in run_folders(run.store):
        if not (folder / SUMMARY).exists():
            continue  # cut off before its end: it is no run to point at
        try:
            summary = read_summary(folder)
        except StageError as error:
            if error.code != "MLS808":
                raise
            continue  # damaged: nothing in it can be relied on
        if summary["exit_code"] != 0 or any(summary.get(name) != value for name, value in identity(run).items()):
            return None
        return folder if all((folder / path).is_file() for path in summary["reports"].values()) else None
    return None
