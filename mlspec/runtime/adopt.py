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
from mlspec.runtime.audit.log import now
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


class NoRelease(StageError):
    """A folder that cannot be taken up, whatever else has been released."""


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
    outputs, verdicts = _found(graph, place)
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


def _found(graph: Graph, place: Place) -> tuple[dict[str, dict[str, Held]], dict[str, Any]]:
    """What counts of a folder, and the verdict of each gates block.

    A monitor's reference says which package it was made of. One that stands beside a verdict about another package is left out: after
    a part of a pipeline ran, what is served would be watched against what was never tested.
    """
    outputs = dict(_outputs(graph, place))
    verdicts = _verdicts(graph, outputs)
    judged = dict(_judged(graph, outputs, verdicts))
    for stage in graph:
        held = outputs.get(stage.id, {}).get("reference") if stage.kind == "reference" else None
        if held is not None and stage.inputs["package"] in judged and not _is_of(held, judged[stage.inputs["package"]]):
            del outputs[stage.id]
    return outputs, verdicts


def _judged(
    graph: Graph, outputs: Mapping[str, Mapping[str, Held]], verdicts: Mapping[str, Any]
) -> Iterator[tuple[str, set[str]]]:
    """For each package that a verdict is about, as `stage/output`, the digests that verdicts name."""
    found: dict[str, set[str]] = {}
    for name in outputs:
        if graph[name].kind == "verdict":
            for model, digest in verdicts[graph[name].block]["packages"].items():
                source = graph[name].inputs.get(f"package.{model}")
                if source is not None:
                    found.setdefault(source, set()).add(str(digest))
    yield from found.items()


def _is_of(held: Held, packages: set[str]) -> bool:
    document = files.read_json(held.path / "reference.json")
    return isinstance(document, dict) and packages == {document.get("package")}


def _outputs(graph: Graph, place: Place) -> Iterator[tuple[str, dict[str, Held]]]:
    """The outputs of each stage that are there, whole, and made by this plan's recipe."""
    recipes = graph_recipes(graph)
    for stage in graph:
        found = {}
        for output in stage.outputs:
            held = _held(stage, output, place(stage.id, output))
            if held is not None and held.recipe == recipes[stage.id] and held.output == output:
                found[output] = held
        if found:
            yield stage.id, found


def _held(stage: Stage, output: str, folder: Path) -> Held | None:
    """An output that is there and as it was written; MLS808 for a verdict or a package that is not. Of anything else nobody is served."""
    if not (folder / MANIFEST).is_file():
        return None
    kind = stage.outputs[output]
    try:
        return read_folder(folder) if kind in _KEPT else _named(folder)
    except StageError as error:
        if error.code != "MLS808" or stage.kind == "verdict" or kind == "model":
            raise
        return None


def _named(folder: Path) -> Held | None:
    """What a manifest says, taken at its word: its artifact is only named. None for what is no manifest."""
    manifest = files.read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("digest"), str):
        return None
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
                        if f"{name}/{output}" not in found or path.stem == "index":
                            found[f"{name}/{output}"] = target.relative_to(run).as_posix()
    return found


def _summary(
    graph: Graph, source: Source, outputs: Mapping[str, Mapping[str, Held]], verdicts: Mapping[str, Any], run: Path
) -> dict[str, Any]:
    decided = all(verdict.get("passed") is True for verdict in verdicts.values())
    stages = {stage.id: _state(stage, source, outputs.get(stage.id, {})) for stage in graph}
    whole = all(state["state"] in ("ran", "reused") for state in stages.values())
    # What was fetched is no whole run, and need not be: its gates say whether it passed. A run that ended says how by itself.
    passed = decided and (whole or (bool(verdicts) and source.exit_code is None))
    return {
        "format": 1, "run": run.name, "at": now(), "spec": graph.spec, "spec_digest": graph.spec_digest, "plan": plan_digest(graph),
        "target": source.target, "from": source.folder, "result": result_of(outputs), "env": source.env, "params": dict(source.params),
        "guarded": source.guarded, "releasable": not source.guarded, "only": list(source.only), "passed": passed,
        "exit_code": source.exit_code if source.exit_code is not None else int(not passed), "seconds": 0.0,
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


def adopt_new(
    project_root: Path,
    graph: Graph,
    place: Place,
    source: Source,
    *,
    asked: bool = False,
    wanted: tuple[str, str] | None = None,
) -> Path | None:
    """Adopt what a folder holds unless that is on record already, or it has no verdict of this spec: then None.

    MLS813 where a run that is newer than the last look has released another package: only who says which one is meant (`asked`)
    makes this the newest run. NoRelease where the verdict of `wanted` (gates, model) passed for a package that nobody has here: a run on
    record without it would stand before those that can answer.
    """
    outputs, verdicts = _found(graph, place)
    if not verdicts:
        return None
    if wanted is not None:
        _refuse_absent(Store(project_root), graph, outputs, verdicts, source, wanted)
    runs = [found for found in summaries(project_root) if found[1].get("spec_digest") == graph.spec_digest]
    last = next((number for number, (_, summary) in enumerate(runs) if summary.get("from") == source.folder), len(runs))
    if last < len(runs) and runs[last][1].get("result") == result_of(outputs) and (last == 0 or not asked):
        return None
    for folder, summary in runs[:last]:
        other, own = _released(summary.get("verdicts", {})), _released(verdicts)
        if not asked and other and own and other != own:
            raise _two(folder.name, source.folder)
    return adopt(project_root, graph, place, source)


def _refuse_absent(
    store: Store, graph: Graph, outputs: Mapping[str, Mapping[str, Held]], verdicts: Mapping[str, Any], source: Source, wanted: tuple[str, str],
) -> None:  # fmt: skip
    gates, model = wanted
    verdict = verdicts.get(gates, {})
    digest = verdict.get("packages", {}).get(model)
    if verdict.get("passed") is not True or digest is None or (store.artifacts / str(digest)).is_dir():
        return
    if digest in {held.digest for found in outputs.values() for held in found.values()}:
        return
    place = next(stage.inputs[f"package.{model}"] for stage in graph if (stage.kind, stage.block) == ("verdict", gates))
    raise NoRelease(
        "MLS813", f"the verdict of `{gates}` in `{source.folder}` passed for a package of `{model}` that is not there", gates,
        expected=f"package {str(digest)[:19]}…", found="another one" if place.partition("/")[0] in outputs else "none",
        help=f"fetch `{place}` of the same run into {source.folder}/artifacts/, or run the pipeline to its end",
    )  # fmt: skip


def _verdicts(graph: Graph, outputs: Mapping[str, Mapping[str, Held]]) -> dict[str, Any]:
    """The verdict of each gates block; MLS808 for what is none."""
    return {
        graph[name].block: _verdict(found["verdict"].path / "verdict.json")
        for name, found in outputs.items()
        if graph[name].kind == "verdict"
    }


def _verdict(path: Path) -> dict[str, Any]:
    found = files.read_json(path)
    if not isinstance(found, dict) or not isinstance(found.get("packages"), dict) or not isinstance(found.get("gates"), list):
        raise StageError("MLS808", f"`{path}` is corrupt: it is no verdict", expected="a verdict as mlspec wrote it",
                         found="something else", help="run the stage that makes it again")  # fmt: skip
    return found


def _released(verdicts: Mapping[str, Any]) -> dict[str, Any]:
    """The packages that passed, by gates block."""
    return {block: verdict.get("packages") for block, verdict in verdicts.items() if verdict.get("passed") is True}


def _two(run: str, folder: str) -> StageError:
    return StageError(
        "MLS813", f"run {run} and `{folder}` have released different packages of this spec", expected="one release",
        found="two, and no clock that tells which one is newer",
        help=f"say which one: `--from {folder}` takes that one from now on; `mlspec run` makes a newer one",
    )  # fmt: skip
