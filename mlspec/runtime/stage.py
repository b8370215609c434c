"""Run one stage of a plan: the unit of work that every target schedules."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlspec.graph.canonical import canonical_text
from mlspec.graph.keys import stage_key
from mlspec.graph.kinds import KEEPS_RESUME, KINDS, READS_OUTSIDE
from mlspec.graph.model import Graph, Stage, own_name
from mlspec.runtime import files
from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.kinds import function_of
from mlspec.runtime.manifest import Manifest, Output
from mlspec.runtime.store import Store

OnProgress = Callable[[float, float | None, str], None]


def _silent(done: float, total: float | None, note: str) -> None:
    return None


@dataclass(frozen=True)
class Around:
    """What surrounds a stage and never changes its result: the project, the workers it may use, who hears of progress."""

    project_root: Path
    resume_root: Path
    workers: int = 1
    threads: int = 1
    on_progress: OnProgress = field(default=_silent)
    board_root: Path | None = None


def run_stage(graph: Graph, stage_id: str, inputs: Mapping[str, Path], output_root: Path, around: Around) -> dict[str, Path]:
    """Run a stage on verified input folders and return the folder of each output; StageError is the user's to act on."""
    stage = graph[stage_id]
    # What a stage sees is what its key covers: canonical JSON. The order in which a spec names parameters is no part of it.
    config = json.loads(canonical_text(dict(stage.config)))
    context = StageContext(
        stage_id=stage.id, kind=stage.kind, block=stage.block, config=config, project_root=around.project_root,
        input_folders=dict(sorted(inputs.items())), output_root=output_root, resume_root=around.resume_root, workers=around.workers,
        threads=around.threads, memory=stage.resources.memory, board_root=around.board_root, on_progress=around.on_progress, spec_digest=graph.spec_digest,
    )  # fmt: skip
    function = function_of(stage.kind)
    try:
        function(context)
    except StageError as error:
        _place(error, stage.block)
        raise
    except OSError as error:
        raise files.io_error(error, error.filename or output_root, f"run stage `{stage.id}` on") from error
    except MemoryError as error:
        raise StageError(
            "MLS810", f"stage `{stage.id}` ran out of memory", stage.block, found="MemoryError",
            help="give it more memory, or a `sample` in an env, and run again: complete stages are kept",
        ) from error  # fmt: skip
    return _outputs(stage, output_root)


def _place(error: StageError, block: str) -> None:
    """Says where an error is by the names of the spec: a config has those of the file in which the block stands."""
    own = own_name(block)
    for each in (error, *getattr(error, "errors", ())):
        if own != block and (each.where == own or each.where.startswith(f"{own}.")):
            each.where = block + each.where[len(own) :]


def _outputs(stage: Stage, output_root: Path) -> dict[str, Path]:
    folders = {name: output_root / name for name in stage.outputs}
    for name, folder in folders.items():
        if not folder.is_dir() or not any(folder.iterdir()):
            raise RuntimeError(f"the `{stage.kind}` stage `{stage.id}` wrote no output `{name}`")
    return folders


def run_in_store(
    graph: Graph, stage_id: str, store: Store, keys: Mapping[str, str], versions: Mapping[str, str],
    environment: Mapping[str, Any], around: Around,
) -> Manifest:  # fmt: skip
    """Run a stage whose upstream is complete in `store`, publish its outputs and declare it complete, in this order."""
    sources = {name: _output_of(store, keys[source], output) for name, source, output in graph[stage_id].upstream()}
    inputs = {name: store.artifact(output.digest, output.files) for name, output in sources.items()}
    record = Record(keys[stage_id], {name: output.digest for name, output in sources.items()}, versions, environment)
    return make_in_store(graph, stage_id, store, inputs, record, around)


@dataclass(frozen=True)
class Record:
    """What a manifest says of how a stage was run: its key, the digests that it read, packages, the machine."""

    key: str
    inputs: Mapping[str, str]
    versions: Mapping[str, str]
    environment: Mapping[str, Any]


def make_in_store(
    graph: Graph, stage_id: str, store: Store, inputs: Mapping[str, Path], record: Record, around: Around, mark: str = ""
) -> Manifest:
    """Run a stage on these folders, publish its outputs and declare it complete. `mark` keeps work apart that others do at the same time."""
    stage = graph[stage_id]
    started = time.perf_counter()
    with store.workspace(stage.id + mark) as workspace:
        folders = run_stage(graph, stage_id, inputs, workspace, around)
        check_read(stage, folders, record.key, record.versions)
        outputs = {name: store.publish(folders[name], kind) for name, kind in stage.outputs.items()}
        manifest = Manifest(
            key=record.key, stage=stage.id, kind=stage.kind, kind_version=KINDS[stage.kind].version, outputs=outputs,
            inputs=dict(record.inputs), packages=dict(record.versions),
            environment=dict(record.environment), seconds=round(time.perf_counter() - started, 6), **_usage(),
        )  # fmt: skip
        store.complete(manifest)
    if stage.kind not in KEEPS_RESUME:
        files.remove_tree(around.resume_root)
    return manifest


def check_read(stage: Stage, folders: Mapping[str, Path], key: str, versions: Mapping[str, str]) -> None:
    """MLS801 when what was read is not what its key was made of: it was replaced between the two.

    What `extract` wrote names the digest of every file as it was read, what `fetch` wrote is the package itself; under the key of
    other content it would be reused for that.
    """
    if stage.kind not in READS_OUTSIDE:
        return
    if stage_key(stage, KINDS[stage.kind].version, {}, _read_by(stage, folders), versions) == key:
        return
    if stage.kind == "fetch":
        raise StageError(
            "MLS801", f"the alias that `{stage.block}` reads was moved after the run began", stage.block,
            expected="an alias that stays where it is during the run", found="another package than the registry named at first",
            help="run again: the run is made from one package or the other, never from both",
        )  # fmt: skip
    raise StageError(
        "MLS801", f"the data of `{stage.block}` was replaced after the run began", f"{stage.block}.from",
        expected="files that stay as they are during the run", found="another content than their digests said",
        help="run again when its writer is done: what comes after it is made from one content or the other, never from both",
    )  # fmt: skip


def _read_by(stage: Stage, folders: Mapping[str, Path]) -> dict[str, str]:
    """The leaves as what was made says them."""
    if stage.kind == "fetch":
        from mlspec.runtime.track.fetching import leaf_read

        return leaf_read(stage.config, folders["package"])
    from mlspec.runtime import table  # the engine's query builder, which few stages need

    return {str(file["path"]): str(file["digest"]) for file in table.head(folders["rows"])["files"]}


def _output_of(store: Store, key: str, output: str) -> Output:
    return Manifest.read(store.stages / f"{key}.json").outputs[output]


def _usage() -> dict[str, Any]:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return {"cpu_seconds": round(seconds, 6), "peak_memory": max(own.ru_maxrss, children.ru_maxrss) * 1024}
