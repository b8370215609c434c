"""Write `mlspec.lock`: the digests of the files that specs import, of the code of their externs and, with `--data`, of those that their sources read."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.check import spec_files
from mlspec.cli.loading import say
from mlspec.cli.lock_rows import Rows, corrected, kept
from mlspec.cli.terminal import err, out
from mlspec.replace import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlspec.diagnostics import Diagnostic
    from mlspec.driver import Compilation

# What leaves an import unread: text with errors, a cycle, a path that leads nowhere, too much of it.
_UNREAD = ("MLS0", "MLS110", "MLS114", "MLS115")


def arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…, `--data`, `--env`, `--check`."""
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="spec files, or folders with spec files")
    parser.add_argument(
        "--data",
        action="store_true",
        help="pin the files of sources too: reads them all, and a run on others is refused; counts their rows, for checks",
    )
    parser.add_argument(
        "--env",
        dest="envs",
        action="append",
        default=[],
        metavar="ENV",
        help="with `--data`: pin what this env reads; repeat it for more",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the lock file is not up to date")


def run(options: argparse.Namespace) -> int:
    """Read every spec, and write the lock of each project that one of them lies in."""
    from mlspec.driver import Compilation

    if options.envs and not options.data:
        raise exits.CommandError("`--env` does not fit", expected="`--data` beside it: imports are the same under every env")
    projects: dict[Path, Found] = {}
    declared: set[str] = set()
    for path in spec_files(options.paths):
        one = Compilation(path)
        unread = [
            item for item in one.diagnostics if item.severity == "error" and (options.data or item.code.id.startswith(_UNREAD))
        ]
        if unread := unread or _lost_code(one):
            say(options, unread, [path])
            return exits.FOUND
        found = projects.setdefault(one.project.root, Found())
        found.files.update(_digests(one))
        if options.data:
            declared.update(_envs(one))
            for each in _under_envs(options, one):
                if not _read_data(options, each, found):
                    return exits.FOUND
    if missing := [name for name in options.envs if name not in declared]:
        raise exits.CommandError(f"no spec here has an env `{missing[0]}`", exits.FOUND,
                                 expected=" ".join(sorted(declared)) or "an `env` block", found=missing[0])  # fmt: skip
    return max([_project(options, root, found) for root, found in projects.items()], default=exits.OK)


def _lost_code(one: Compilation) -> list[Diagnostic]:
    """Why a file of code cannot be locked: without it a lock would say less than the spec, and nobody would see it."""
    from mlspec.policy.externs import unreadable

    return [] if one.spec is None else unreadable(one.spec, one.code_sources)


class Found:
    """What the specs of a project import, and with `--data` what their sources read."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.data: dict[str, dict[str, str]] = {}
        self.rows = Rows()
        self.others: dict[str, set[str]] = {}
        """By env the paths and patterns that a spec reads under it."""


def _envs(one: Compilation) -> list[str]:
    return [] if one.spec is None else [block.name for block in one.spec.of_kind("env")]


def _under_envs(options: argparse.Namespace, one: Compilation) -> Iterator[Compilation]:
    """The spec under each env that was asked for, of those that it has; as it stands where none was."""
    from mlspec.driver import Compilation

    if not options.envs:
        yield one
    for name in options.envs:
        if name in _envs(one):
            yield Compilation(one.path, name)


def _digests(one: Compilation) -> dict[str, str]:
    """The digest of each file that a spec imports and of the code of its externs, by path from the project root."""
    from mlspec.source import SourceFile
    from mlspec.spec.lock import digest

    code = {
        os.path.normpath(one.folder / path): source
        for path, source in one.code_sources.items()
        if isinstance(source, SourceFile)
    }
    return {
        Path(os.path.relpath(path, one.project.root)).as_posix(): digest(source.text)
        for path, source in {**one.imported, **code}.items()
    }


def _read_data(options: argparse.Namespace, one: Compilation, found: Found) -> bool:
    """Read the files of a spec's sources; False after what cannot be read was printed."""
    from mlspec.cli.failures import graph_diagnostic
    from mlspec.driver import Compilation
    from mlspec.graph import GraphError, locked_files

    if not one.ok:
        say(options, one.diagnostics, [str(one.path)])
        return False
    for name in _envs(one):
        other = Compilation(one.path, name)
        if other.ok:
            found.others.setdefault(name, set()).update(_paths(other))
    try:
        for stage in one.unpinned:
            locked = locked_files(stage, one.project.root)
            found.data.update(locked)
            found.rows.add(stage, locked, one.project.root)
    except GraphError as error:
        say(options, [graph_diagnostic(one.spec, error)], [str(one.path)])
        return False
    return True


def _paths(one: Compilation) -> set[str]:
    return {str(path) for stage in one.unpinned if stage.kind == "extract" for path in stage.config.get("paths", ())}


def _project(options: argparse.Namespace, root: Path, found: Found) -> int:
    """Write the lock of one project; entries of files that other specs import or read stay while the files are there."""
    from mlspec.spec.lock import NAME, LockError, dumps, read, read_data, read_rows

    broken = ""
    try:
        before, data_before, rows_before = read(root), read_data(root), read_rows(root)
    except LockError as error:
        if options.check:
            err(f"{NAME} cannot be read: {error}\n  help: {error.way_out}\n")
            return exits.FOUND
        before, data_before, rows_before, broken = None, {}, {}, str(error)
        err(
            f"{NAME} could not be read ({error}) and is written anew{'' if options.data else '; pins of data come with `mlspec lock --data`'}\n"
        )
    after = {path: value for path, value in (before or {}).items() if (root / path).is_file()} | found.files
    data = {path: files for path, files in data_before.items() if not options.data or all(_lies(root, name) for name in files)}
    data |= found.data
    same = {name: count for name, count in kept(rows_before, data_before, data).items() if name not in found.rows.why}
    rows = same | found.rows.counts
    changes = _changes(before or {}, after) + _changes(_flat(data_before), _flat(data)) + corrected(rows_before, rows, same)
    out("".join(f"{line}\n" for line in changes))
    err("".join(f"{line}\n" for line in found.rows.said()))
    for env in sorted(name for name, paths in found.others.items() if not paths <= set(data)):
        err(f"what env `{env}` reads is not pinned: `mlspec lock --data --env {env}`\n")
    nothing = before is None and not after and not data
    # A lock without counts, as there were before rows were counted, pins as much as one with them.
    held = {name: rows.get(name) for name in rows_before} if options.check else rows
    if not broken and (nothing or (before, data_before, rows_before) == (after, data, held)):
        err("" if options.quiet else f"{NAME}: {'up to date' if after or data else 'nothing is imported'}\n")
        return exits.OK
    if options.check:
        err(f"{NAME} is not up to date: `mlspec lock{' --data' if options.data else ''}` writes it\n")
        return exits.FOUND
    _write(root / NAME, dumps(after, data, rows), after)
    count = len(after) + len(_flat(data))
    err("" if options.quiet else f"{NAME}: {count} file{'' if count == 1 else 's'} locked\n")
    return exits.OK


def _lies(root: Path, name: str) -> bool:
    """Whether what a lock names is still there: a file, or of images their folder, which ends with `/`."""
    return (root / name).is_dir() if name.endswith("/") else (root / name).is_file()


def _flat(data: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The digest of each file of data, by path."""
    return {name: value for files in data.values() for name, value in files.items()}


def _changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What a reviewer wants to see: files that came, changed or went."""
    marks = [("+", path) for path in after if path not in before]
    marks += [("~", path) for path in after if path in before and before[path] != after[path]]
    marks += [("-", path) for path in before if path not in after]
    return [f"{mark} {path}" for mark, path in sorted(marks, key=lambda row: row[1])]


def _write(path: Path, text: str, wanted: dict[str, str]) -> None:
    """Write the file whole, and read it back: a lock that cannot be read again would be worse than none."""
    from mlspec.spec.lock import read

    replace_file(path, text.encode())
    if read(path.parent) != wanted:
        raise exits.CommandError(f"`{path}` does not hold what was written to it", exits.INPUT_OUTPUT,
                                 help="is the disk full, or another `mlspec lock` running? run it again")  # fmt: skip
