"""Write `mlspec.lock`: the digests of the files that specs import."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.check import spec_files
from mlspec.cli.loading import say
from mlspec.cli.terminal import err, out
from mlspec.replace import replace_file

if TYPE_CHECKING:
    from mlspec.driver import Compilation

# What leaves an import unread: text with errors, a cycle, a path that leads nowhere, too much of it.
_UNREAD = ("MLS0", "MLS110", "MLS114", "MLS115")


def arguments(parser: argparse.ArgumentParser) -> None:
    """PATH…, `--check`."""
    parser.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="spec files, or folders with spec files")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the lock file is not up to date")


def run(options: argparse.Namespace) -> int:
    """Read every spec, and write the lock of each project that one of them lies in."""
    from mlspec.driver import Compilation

    projects: dict[Path, dict[str, str]] = {}
    for path in spec_files(options.paths):
        one = Compilation(path)
        unread = [item for item in one.diagnostics if item.severity == "error" and item.code.id.startswith(_UNREAD)]
        if unread:
            say(options, unread, [path])
            return exits.FOUND
        projects.setdefault(one.project.root, {}).update(_digests(one))
    return max([_project(options, root, files) for root, files in projects.items()], default=exits.OK)


def _digests(one: Compilation) -> dict[str, str]:
    """The digest of each file that a spec imports, by path from the project root."""
    from mlspec.spec.lock import digest

    return {
        Path(os.path.relpath(path, one.project.root)).as_posix(): digest(source.text) for path, source in one.imported.items()
    }


def _project(options: argparse.Namespace, root: Path, files: dict[str, str]) -> int:
    """Write the lock of one project; entries of files that other specs import stay while the files are there."""
    from mlspec.spec.lock import NAME, LockError, dumps, read

    try:
        before = read(root)
    except LockError as error:
        if options.check:
            err(f"{NAME} cannot be read: {error}\n")
            return exits.FOUND
        before = None
    kept = {path: value for path, value in (before or {}).items() if (root / path).is_file()}
    after = kept | files
    changes = _changes(before or {}, after)
    out("".join(f"{line}\n" for line in changes))
    if (before is None and not after) or before == after:
        err("" if options.quiet else f"{NAME}: {'nothing is imported' if not after else 'up to date'}\n")
        return exits.OK
    if options.check:
        err(f"{NAME} is not up to date: `mlspec lock` writes it\n")
        return exits.FOUND
    _write(root / NAME, dumps(after), after)
    err("" if options.quiet else f"{NAME}: {len(after)} file{'' if len(after) == 1 else 's'} locked\n")
    return exits.OK


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
