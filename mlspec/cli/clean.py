"""Remove what no run needs any more: old runs, results that only they had, and what killed stages left for workers of a cluster."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlspec.cli import exits
from mlspec.cli.terminal import out


def arguments(parser: argparse.ArgumentParser) -> None:
    """FOLDER, `--keep`, `--dry-run`."""
    parser.add_argument("folder_or_spec", metavar="PATH", nargs="?", default=".", help="a folder or spec of the project")
    parser.add_argument("--keep", type=int, default=5, metavar="N", help="how many newest runs of each spec and env to keep")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")


def run(options: argparse.Namespace) -> int:
    """Work out what is needed, under the run lock, and remove the rest."""
    from mlspec.driver import Project
    from mlspec.runtime.errors import StageError
    from mlspec.runtime.lock import RunLock
    from mlspec.runtime.store import Store

    if options.keep < 1:
        raise exits.CommandError("`--keep` does not fit", expected="a number of at least 1", found=str(options.keep))
    given = Path(options.folder_or_spec)
    root = Project.of(given / "x" if given.is_dir() else given).root
    store = Store(root)
    if not store.state.is_dir():
        out("nothing to remove\n")
        return exits.OK
    try:
        with RunLock(store.state / "run.lock"):
            return _clean(options, store)
    except StageError as error:
        raise exits.CommandError(error.message, exits.LOCKED if error.code == "MLS811" else exits.INPUT_OUTPUT,
                                 expected=error.expected, found=error.found, help=error.help) from error  # fmt: skip


def _clean(options: argparse.Namespace, store: Any) -> int:
    from mlspec.runtime.deep.spread.beside import left_by_the_dead

    runs = sorted((path for path in (store.state / "runs").glob("[0-9]*") if path.is_dir()), reverse=True)
    kept = _kept(runs, options.keep)
    keys, digests = _needed(kept, store)
    gone = [path for path in runs if path not in kept]
    gone += [path for path in store.stages.glob("*.json") if path.stem not in keys]
    gone += [path for path in store.artifacts.glob("*") if path.name not in digests]
    gone += left_by_the_dead(store.resume)
    gone += [*(store.state / "cache").glob("*"), *_of_targets(store.state, options.keep)]
    size = sum(_size(path) for path in gone)
    if not options.dry_run:
        _remove(gone)
    verb = "would go" if options.dry_run else "removed"
    if options.format == "json":
        out(
            json.dumps({"format": 1, "removed": [str(path) for path in gone], "bytes": size, "dry_run": options.dry_run}) + "\n"
        )
    else:
        out(f"{len(gone)} entries, {size / 2**20:.1f} MiB {verb}; {len(kept)} runs stay\n" if gone else "nothing to remove\n")
    return exits.OK


def _of_targets(state: Path, count: int) -> Iterator[Path]:
    """What runs under other targets left beside their stores, but for the newest of each kind: one that goes on is the newest.

    `mlspec run` numbers them, `runs/000001`; Airflow's own lie below their DAG, `runs/DAG/RUN`.
    """
    for runs in state.glob("*/runs"):
        numbered = [path for path in runs.iterdir() if path.name.isdigit()]
        yield from sorted(numbered, key=lambda path: int(path.name), reverse=True)[count:]
        for dag in runs.iterdir():
            if dag.is_dir() and not dag.name.isdigit():
                yield from sorted(dag.iterdir(), key=_last_change, reverse=True)[count:]


def _last_change(run: Path) -> tuple[int, str]:
    """When a stage of the run last began or ended."""
    places = [run, *run.glob("ended"), *run.glob("artifacts"), *run.glob("artifacts/*")]
    return max(path.stat().st_mtime_ns for path in places), run.name


def _remove(gone: list[Path]) -> None:
    """Manifests go before artifacts, so that a stage never counts as complete without its result."""
    from mlspec.runtime import files

    for path in sorted(gone, key=lambda path: path.suffix != ".json"):
        files.remove_tree(path)


def _kept(runs: list[Path], count: int) -> list[Path]:
    """The newest runs of each spec and env, and whatever a release still stands on: the newest that passed, and overridden ones."""
    overridden = _overridden(runs)
    seen: dict[tuple[Any, Any], int] = {}
    released: set[tuple[Any, ...]] = set()
    kept = []
    for path in runs:
        summary = _summary(path)
        who = (summary.get("spec"), summary.get("env"))
        stands_for = _releases(summary)
        if seen.get(who, 0) < count or not stands_for <= released or path.name in overridden:
            kept.append(path)
            seen[who] = seen.get(who, 0) + 1
        released |= stands_for
    return kept


def _releases(summary: dict[str, Any]) -> set[tuple[Any, ...]]:
    """What a run releases, as serving looks for it: a gates block of the spec as it was then, whose verdict passed unguarded."""
    verdicts = summary.get("verdicts")
    if not isinstance(verdicts, dict) or summary.get("guarded", bool(summary.get("env"))):
        return set()
    who = (summary.get("spec_digest"), summary.get("spec"), summary.get("env"))
    return {(*who, block) for block, verdict in verdicts.items() if isinstance(verdict, dict) and verdict.get("passed") is True}


def _overridden(runs: list[Path]) -> set[str]:
    """The runs that an override on record names and that has not ended; of a broken log all that it can still name."""
    if not runs:
        return set()
    from mlspec.runtime.audit import log
    from mlspec.runtime.audit.overrides import standing

    return {str(record.get("run")) for record in standing(log.read(runs[0].parents[2]).records, log.today())}


def _summary(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / "summary.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _needed(runs: list[Path], store: Any) -> tuple[set[str], set[str]]:
    """The keys and the artifact digests of the kept runs, and of every stage that a cut-off run completed."""
    keys: set[str] = set()
    digests: set[str] = set()
    for path in runs:
        stages = _summary(path).get("stages")
        if stages is None:
            # A run without a summary may go on: all that it may have completed stays.
            keys |= _started(path)
        else:
            keys |= {str(stage["key"]) for stage in stages.values() if "key" in stage}
            # Of a run of another target the store has artifacts alone.
            digests |= {str(output["digest"]) for stage in stages.values() for output in stage.get("outputs", {}).values()}
    for key in keys:
        try:
            outputs = json.loads((store.stages / f"{key}.json").read_bytes())["outputs"]
        except (OSError, ValueError, KeyError):
            continue  # this stage is not complete: it has no artifacts to keep
        digests |= {str(output["digest"]) for output in outputs.values()}
    return keys, digests


def _started(path: Path) -> set[str]:
    from mlspec.runtime.journal import read_journal

    return {str(key) for record in read_journal(path / "journal.jsonl").records for key in record.get("keys", {}).values()}


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size
