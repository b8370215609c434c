"""A static site about a spec and its last run: model card, data sheet, gates, lineage, every field, and what the life cycle asks."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.loading import checked, say
from mlspec.cli.options import add_spec, add_untrusted
from mlspec.cli.terminal import err, out, shown_path

if TYPE_CHECKING:
    from mlspec.doc.stored import Stored
    from mlspec.driver import Compilation

NONE = "none"


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, where to, and of which run."""
    add_spec(parser)
    parser.add_argument("-o", "--output", metavar="DIR", help="where the pages go (default: build/doc/SPEC)")
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="the number of a run, or `none` for the spec alone (default: the newest under the same env)",
    )
    add_untrusted(parser)


def run(options: argparse.Namespace) -> int:
    """Write every page, atomically, and say where the first one is."""
    found = checked(options)
    if found is None:
        return exits.FOUND
    from mlspec.doc.site import build_site
    from mlspec.doc.subject import Subject

    try:
        stored = None if options.run == NONE else _stored(options, found)
    except _Corrupt as error:
        from mlspec.cli.failures import exit_code_of, stage_diagnostics

        say(options, stage_diagnostics(found.spec, [error.found]), [str(found.path)])
        return exit_code_of([str(error.found.get("code"))])
    folder = Path(options.output) if options.output else found.project.root / "build" / "doc" / found.graph.spec
    written = _write(folder, build_site(Subject(found, stored)))
    if options.format == "json":
        number = None if stored is None else stored.number
        out(
            json.dumps({"format": 1, "folder": str(folder), "run": number, "files": [path.name for path in written]}, indent=2)
            + "\n"
        )
    elif not options.quiet:
        out(f"{shown_path(Path(os.path.abspath(folder)) / 'index.html')}\n")  # noqa: PTH100 - resolve() would follow links
        if stored is None and options.run != NONE:
            err("no run of this spec is stored here under this env: the pages say what the spec says\n")
    return exits.OK


class _Corrupt(Exception):
    """Something of the run is not what was written: its error in JSON form."""

    def __init__(self, found: dict[str, object]) -> None:
        super().__init__("corrupt")
        self.found = found


def _stored(options: argparse.Namespace, found: Compilation) -> Stored | None:
    """The run that the pages tell of, verified."""
    if options.run is None and not (found.project.state / "runs").is_dir():
        return None  # a spec that never ran needs nothing of the runtime
    from mlspec.doc.stored import NoSuchRun, read_stored
    from mlspec.runtime.errors import StageError

    try:
        return read_stored(found.project.root, found.graph, found.env, options.run)
    except NoSuchRun as error:
        known = ", ".join(error.known) or "there are none yet"
        raise exits.CommandError(f"there is no run `{options.run}` of {found.graph.spec}", exits.FOUND, expected=known, found=str(options.run),
                                 help="`mlspec show` lists the runs of this project; `--run none` needs none") from None  # fmt: skip
    except StageError as error:
        raise _Corrupt(error.to_json()) from error


def _write(folder: Path, site: dict[str, str]) -> list[Path]:
    """Each page whole or not at all; one that is the same already is left as it is, a link is replaced and not written through."""
    from mlspec.replace import replace_file

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise exits.CommandError(f"`{shown_path(folder)}` is no folder that pages can be written into", expected="a folder, there or new",
                                 found="a file of that name, or of a folder above it",
                                 help="name another folder: `-o DIR`, or move the file away") from None  # fmt: skip
    written = []
    for name, text in site.items():
        path, data = folder / name, text.encode()
        if path.is_symlink() or not (path.is_file() and path.read_bytes() == data):
            replace_file(path, data, follow=False)
        written.append(path)
    return written
