"""A result that another target left in folders, kept as a run of the project: what serving, scoring and monitoring look for.

A target of whatever kind leaves artifacts as folders with manifests. Here those that a release is made of go into the project's
store, and `.mlspec/runs/` gets a run like those of the local target, which says where it came from. An artifact counts where its
content is what its manifest says, and its recipe what the spec's plan says: an older spec's is left out, so it releases nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import digest_of
from mlspec.graph.keys import graph_recipes
from mlspec.graph.model import Graph, Stage
from mlspec.graph.plan_format import plan_digest, write_plan
from mlspec.runtime import files
from mlspec.runtime.audit.runs import record_run
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import MANIFEST, Held, read_folder
from mlspec.runtime.runs import next_run, summaries, write_summary
from mlspec.runtime.store import Store

Place = Callable[[str, str], Path]
"""The folder of a stage's output."""

_KEPT = frozenset({"model", "json", "html", "markdown"})
"""Types of artifacts that are copied into the store. Rows, predictions and metrics stay where they are: nothing that answers reads them."""

_PAGES = frozenset({"html", "markdown"})


@dataclass(frozen=True)
class Source:
    """Where a result comes from: the target, its folder for people to find, and what the run was asked for.

    `states` maps a stage to `ran`, `reused`, `failed` or `not-run` where the target says so.
    """

    target: str
    folder: str
    env: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    guarded: bool = False
    only: tuple[str, ...] = ()
    exit_code: int | None = None
    states: Mapping[str, str] = field(default_factory=dict)


def adopt(project_root: Path, graph: Graph, place: Place, source: Source) -> Path:
    """Keep the result as a new run of the project; the run's folder."""
    store = Store(project_root)
    outputs = dict(_outputs(graph, place))
    verdicts = _verdicts(graph, outputs)
    for folder in (store.artifacts, store.stages, store.temporary):
        files.make_folder(folder)
    for name, found in outputs.items():
        for output, held in found.items():
            if graph[name].outputs[output] in _KEPT:
                _keep(store, graph[name].outputs[output], held)
    run = next_run(store)
    files.write_bytes(run / "plan.json", write_plan(graph))
    summary = _summary(graph, source, outputs, verdicts, run) | {"reports": _reports(graph, outputs, run)}
    told, warning = record_run(project_root, run, summary)
    write_summary(run, summary | told | ({"warnings": [warning]} if warning else {}))
    return run


def _outputs(graph: Graph, place: Place) -> Iterator[tuple[str, dict[str, Held]]]:
    """The outputs of each stage that are there, whole, and made by this plan's recipe."""
    recipes = graph_recipes(graph)
    for stage in graph:
        found = {}
        for output, kind in stage.outputs.items():
            folder = place(stage.id, output)
            if (folder / MANIFEST).is_file():
                held = read_folder(folder) if kind in _KEPT else _named(folder)
                if held.recipe == recipes[stage.id] and held.output == output:
                    found[output] = held
        if found:
            yield stage.id, found


def _named(folder: Path) -> Held:
    """What a manifest says, taken at its word: its artifact is only named."""
    manifest = files.read_json(folder / MANIFEST)
    return Held(folder, *(str(manifest.get(name, "")) for name in ("digest", "key", "output", "recipe")))


def _keep(store: Store, kind: str, held: Held) -> None:
    """Put an artifact into the store; its digest is worked out again from what was copied."""
    with store.workspace(f"adopt-{held.digest}") as work:
        copy = work / "artifact"
        try:
            shutil.copytree(held.path, copy)
        except OSError as error:
            raise files.io_error(error, error.filename or copy, "copy an artifact to") from error
        files.remove_tree(copy / MANIFEST)
        if store.publish(copy, kind).digest != held.digest:
            raise StageError("MLS808", f"the artifact `{held.path}` changed while it was copied", expected=held.digest,
                             found="other content", help="nobody may write there meanwhile: run again")  # fmt: skip


def _reports(graph: Graph, outputs: Mapping[str, Mapping[str, Held]], run: Path) -> dict[str, str]:
    """Copies of the pages, to open."""
    found = {}
    for name, kept in outputs.items():
        for output, held in kept.items():
            if graph[name].outputs[output] in _PAGES:
                for path in files.files_of(held.path):
                    if path.name != MANIFEST:
                        target = run / "reports" / name / path.relative_to(held.path)
                        files.make_folder(target.parent)
                        files.copy_file(path, target)
                        found[f"{name}/{output}"] = target.relative_to(run).as_posix()
    return found


def _summary(
    graph: Graph, source: Source, outputs: Mapping[str, Mapping[str, Held]], verdicts: Mapping[str, Any], run: Path
) -> dict[str, Any]:
    passed = all(verdict.get("passed") is True for verdict in verdicts.values())
    stages = {stage.id: _state(stage, source, outputs.get(stage.id, {})) for stage in graph}
    whole = all(state["state"] in ("ran", "reused") for state in stages.values())
    return {
        "format": 1, "run": run.name, "spec": graph.spec, "spec_digest": graph.spec_digest, "plan": plan_digest(graph),
        "target": source.target, "from": source.folder, "result": result_of(outputs), "env": source.env, "params": dict(source.params),
        "guarded": source.guarded, "releasable": not source.guarded, "only": list(source.only), "passed": passed and whole,
        "exit_code": source.exit_code if source.exit_code is not None else int(not (passed and whole)), "seconds": 0.0,
        "leaves": {}, "versions": {}, "warnings": [], "stages": stages, "verdicts": dict(verdicts),
    }  # fmt: skip


def _state(stage: Stage, source: Source, kept: Mapping[str, Held]) -> dict[str, Any]:
    there = "reused" if kept or not stage.outputs else "not-run"
    found = {name: {"type": stage.outputs[name], "digest": held.digest} for name, held in kept.items()}
    key = next((held.key for held in kept.values() if held.key), None)
    return {
        "id": stage.id, "kind": stage.kind, "block": stage.block, "state": source.states.get(stage.id, there), "seconds": 0.0,
        "outputs": found, **({"key": key} if key else {}),
    }  # fmt: skip


def result_of(outputs: Mapping[str, Mapping[str, Held]]) -> str:
    """A digest of what was made: two looks at the same folder find the same result."""
    return digest_of({name: {output: held.digest for output, held in kept.items()} for name, kept in outputs.items()})


def adopt_new(project_root: Path, graph: Graph, place: Place, source: Source, *, asked: bool = False) -> Path | None:
    """Adopt what a folder holds unless that is on record already, or it has no verdict of this spec: then None.

    MLS813 where a run that is newer than the last look has released another package: only who says which one is meant (`asked`)
    makes this the newest run.
    """
    outputs = dict(_outputs(graph, place))
    verdicts = _verdicts(graph, outputs)
    if not verdicts:
        return None
    runs = [found for found in summaries(project_root) if found[1].get("spec_digest") == graph.spec_digest]
    last = next((number for number, (_, summary) in enumerate(runs) if summary.get("from") == source.folder), len(runs))
    if last < len(runs) and runs[last][1].get("result") == result_of(outputs) and (last == 0 or not asked):
        return None
    for folder, summary in runs[:last]:
        other, own = _released(summary.get("verdicts", {})), _released(verdicts)
        if not asked and other and own and other != own:
            raise _two(folder.name, source.folder)
    return adopt(project_root, graph, place, source)


def _verdicts(graph: Graph, outputs: Mapping[str, Mapping[str, Held]]) -> dict[str, Any]:
    """The verdict of each gates block."""
    return {
        graph[name].block: files.read_json(found["verdict"].path / "verdict.json")
        for name, found in outputs.items()
        if graph[name].kind == "verdict"
    }


def _released(verdicts: Mapping[str, Any]) -> dict[str, Any]:
    """The packages that passed, by gates block."""
    return {block: verdict.get("packages") for block, verdict in verdicts.items() if verdict.get("passed") is True}


def _two(run: str, folder: str) -> StageError:
    return StageError(
        "MLS813", f"run {run} and `{folder}` have released different packages of this spec", expected="one release",
        found="two, and no clock that tells which one is newer",
        help=f"say which one: `--from {folder}` takes that one from now on; `mlspec run` makes a newer one",
    )  # fmt: skip
