"""`python -m mlspec.runtime STAGE --plan plan.json --in NAME=PATH --out NAME=PATH`: one stage, for targets that schedule processes.

Each artifact folder holds a `manifest.json` beside its content, verified before it is read and written after it is complete. With
`--store` a stage that is complete there is not run again. With `--artifacts DIR` the folders are `DIR/<stage id>/<output>`, so that
a command names nothing but the stage. A folder named by the variable MLSPEC_STAGE_REPORTS gets `<stage id>.json`, how it ended.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlspec.graph.errors import GraphError
from mlspec.graph.kinds import KEEPS_RESUME, packages_of
from mlspec.graph.model import Graph, Stage
from mlspec.graph.plan_format import read_plan
from mlspec.graph.versions import installed_versions
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import Held, Maker, publish_into, read_folder
from mlspec.runtime.kfp.answer import ExecutorInput, metadata_of, show
from mlspec.runtime.lock import alone
from mlspec.runtime.stage import Around, check_read, run_stage
from mlspec.runtime.store import Store
from mlspec.runtime.stored import bring_about, maker_of


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 done, 1 the stage failed, 2 usage, 74 input or output."""
    options = _parser().parse_args(arguments)
    kfp = None
    try:
        with _reported(options.stage) as report:
            kfp = ExecutorInput(options.executor_input) if options.executor_input else None
            _command(options, kfp, report)
    except StageError as error:
        _print(error)
        if kfp:
            kfp.refuse(error)
        return 74 if error.code == "MLS809" else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mlspec.runtime", description="Run one stage of a plan.")
    parser.add_argument("stage", help="the stage's id")
    parser.add_argument("--plan", type=Path, required=True, help="the plan, as `mlspec compile` wrote it")
    parser.add_argument(
        "--in", dest="inputs", action="append", default=[], metavar="NAME=PATH", help="an input artifact's folder"
    )
    parser.add_argument("--out", dest="outputs", action="append", default=[], metavar="NAME=PATH", help="where an output goes")
    parser.add_argument(
        "--artifacts", type=Path, metavar="DIR", help="where all stages' artifacts lie; in place of --in and --out"
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the project root that paths in the plan start from")
    parser.add_argument("--store", type=Path, help="a folder of complete stages: looked up by key first, filled afterwards")
    parser.add_argument("--resume", type=Path, metavar="DIR", help="where what a killed attempt left is gone on from")
    parser.add_argument(
        "--figures", type=Path, metavar="DIR", help="a folder to fill with metrics.json and curves/, for other pages"
    )
    parser.add_argument("--marker", type=Path, metavar="FILE", help="a file of constant content, written last")
    parser.add_argument(
        "--guard", action="store_true", help="die with the caller; hold to the plan's GPU, memory, time, attempts"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that trials may use; 0 for one a core")
    parser.add_argument("--executor-input", default="", help="KFP's executor input, JSON; the answer goes to its output file")
    parser.add_argument(
        "--show", dest="shown", action="append", default=[], metavar="NAME=PATH", help="where an output for KFP's page goes"
    )
    parser.add_argument("--kfp-marker", default="", help=argparse.SUPPRESS)
    return parser


def _command(options: argparse.Namespace, kfp: ExecutorInput | None, report: dict[str, Any]) -> None:
    graph = _plan(options.plan)
    stage = _stage(graph, options.stage)
    if options.guard:
        from mlspec.runtime.guard import guarded

        guarded(stage, lambda: _run(options, graph, stage, kfp, report))
    else:
        _run(options, graph, stage, kfp, report)


def _run(options: argparse.Namespace, graph: Graph, stage: Stage, kfp: ExecutorInput | None, report: dict[str, Any]) -> None:
    sources, targets = _folders(options, stage)
    held = {name: read_folder(path) for name, path in sources.items()}
    store = Store(options.root, options.store) if options.store else None
    resume = options.resume or (store or Store(options.root)).resume / stage.id
    workers = options.workers or len(os.sched_getaffinity(0))
    around = Around(options.root.resolve(), resume, workers, max(1, stage.resources.cpu), _progress)
    maker = maker_of(graph, stage, held, around.project_root)
    if store is not None and maker.key:
        written, reused = bring_about(graph, stage, held, targets, store, around, maker)
    else:
        written, reused = _beside(graph, stage, held, targets, around, maker), False
    if options.resume and stage.kind in KEEPS_RESUME:
        files.make_folder(options.resume)  # whoever named it looks for it, also where nothing had to run
    _tell(options, stage, targets)
    report["state"] = "reused" if reused else "ran"
    if kfp:
        metadata = {name: metadata_of(targets[name], manifest, reused=reused) for name, manifest in written.items()}
        pages = (text.partition("=") for text in options.shown)
        kfp.answer(metadata | {name: show(stage, name, targets, Path(path)) for name, _, path in pages})


def _folders(options: argparse.Namespace, stage: Stage) -> tuple[dict[str, Path], dict[str, Path]]:
    """The folder of each input and of each output."""
    if options.artifacts is None:
        return _paths(options.inputs, stage.inputs, "--in"), _paths(options.outputs, stage.outputs, "--out")
    if options.inputs or options.outputs:
        raise StageError("MLS101", "`--artifacts` says where everything lies", expected="no `--in` and no `--out` beside it",
                         found="both", help="leave them out")  # fmt: skip
    for stale in (options.artifacts / stage.id).glob(".mlspec-*"):
        files.remove_tree(stale)  # a killed attempt's; nobody else makes this stage
    sources = {name: options.artifacts / source / output for name, source, output in stage.upstream()}
    return sources, {name: options.artifacts / stage.id / name for name in stage.outputs}


def _tell(options: argparse.Namespace, stage: Stage, targets: Mapping[str, Path]) -> None:
    """Leave what the caller asked for beside the artifacts; the marker last."""
    if options.figures:
        from mlspec.runtime.figures import write_figures

        write_figures(stage, targets, options.figures)
    if options.marker:
        files.make_folder(options.marker.parent)
        files.write_text(options.marker, f"{stage.id} is done\n")


def _beside(
    graph: Graph, stage: Stage, held: Mapping[str, Held], targets: Mapping[str, Path], around: Around, maker: Maker
) -> dict[str, Any]:
    """Run the stage in a folder beside its outputs: publishing is a rename, which does not cross disks."""
    beside = next(iter(targets.values()), around.project_root).resolve().parent
    folder = tempfile.TemporaryDirectory(prefix=".mlspec-", dir=files.make_folder(beside))
    with folder as work, alone(files.make_folder(around.resume_root)):
        made = run_stage(graph, stage.id, {name: item.path for name, item in held.items()}, Path(work), around)
        check_read(stage, made, maker.key, installed_versions(packages_of(stage.kind, stage.config)))
        written = {name: publish_into(made[name], target, stage.outputs[name], maker, name) for name, target in targets.items()}
        if stage.kind not in KEEPS_RESUME:
            files.remove_tree(around.resume_root)  # while it is ours: whoever waits for it makes it anew
    return written


def _plan(path: Path) -> Graph:
    try:
        return read_plan(files.read_bytes(path))
    except GraphError as error:
        raise StageError(
            "MLS808", f"`{path}` is no plan: {error.message}", error.where, expected=error.expected, found=error.found,
            help=error.help or "compile the spec again",
        ) from error  # fmt: skip


def _stage(graph: Graph, name: str) -> Stage:
    if name not in graph.stages:
        raise StageError("MLS101", f"the plan has no stage `{name}`", expected=" ".join(graph.stages), found=name,
                         help="compile the spec again, or correct the name")  # fmt: skip
    return graph[name]


def _paths(given: Sequence[str], wanted: Mapping[str, str], flag: str) -> dict[str, Path]:
    pairs = {name: Path(path) for name, _, path in (text.partition("=") for text in given)}
    if set(pairs) != set(wanted):
        raise StageError(
            "MLS101", f"the `{flag}` arguments do not fit the stage", expected=" ".join(sorted(wanted)) or "none",
            found=" ".join(sorted(pairs)) or "none", help=f"give each of them once: `{flag} NAME=PATH`",
        )  # fmt: skip
    return pairs


@contextmanager
def _reported(stage: str) -> Iterator[dict[str, Any]]:
    """Say how the stage ended in the folder that MLSPEC_STAGE_REPORTS names; `state` is "ran", "reused" or "failed"."""
    folder = os.environ.get("MLSPEC_STAGE_REPORTS")
    started = time.monotonic()
    report: dict[str, Any] = {"stage": stage, "state": "failed"}
    if not folder:
        yield report
        return
    try:
        yield report
        if report["state"] == "failed":  # it went well, in a process of its own
            report["state"] = "ran"
    except StageError as error:
        report["error"] = error.to_json()
        raise
    finally:
        report["seconds"] = round(time.monotonic() - started, 3)
        files.write_json(files.make_folder(Path(folder)) / f"{stage}.json", report)


def _progress(done: float, total: float | None, note: str) -> None:
    sys.stderr.write(f"{done:g}{f' of {total:g}' if total else ''} {note}".rstrip() + "\n")


def _print(error: StageError) -> None:
    where = f" at {error.where}" if error.where else ""
    lines = [f"error[{error.code}]{where}: {error.message}"]
    lines += [f"  {name}: {text}" for name, text in (("expected", error.expected), ("found", error.found)) if text]
    lines += [f"  for example: {example}" for example in error.examples]
    lines += [f"  help: {error.help}"] if error.help else []
    sys.stderr.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
