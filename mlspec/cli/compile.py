"""Write the files of a target."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli import exits
from mlspec.cli.loading import checked, code_may_run, say
from mlspec.cli.options import add_spec
from mlspec.cli.terminal import err, out, shown_path

if TYPE_CHECKING:
    from mlspec.backend import Backend, Compiled, Emitted
    from mlspec.driver import Compilation


def arguments(parser: argparse.ArgumentParser) -> None:
    """SPEC, `--target`, `-o`, `--check`, `--verify`, `--force`, `--option`."""
    add_emission(parser)
    parser.add_argument("-o", dest="output", metavar="DIR", help="where to (default: build/TARGET/SPEC in the project)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file there has drifted or was edited")
    parser.add_argument("--verify", action="store_true", help="hold the files against the target's own schemas too")
    parser.add_argument("--force", action="store_true", help="overwrite files that were edited by hand")


def add_emission(parser: argparse.ArgumentParser) -> None:
    """What every command takes that emits the files of a target."""
    add_spec(parser)
    parser.add_argument("--target", required=True, help="what to write for; `mlspec targets` lists them")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the target")


def run(options: argparse.Namespace) -> int:
    """Emit, report, write."""
    from mlspec.backend import CompiledError, write_compiled

    made = emission(options, options.output, verify=options.verify)
    if made is None:
        return exits.FOUND
    try:
        if options.check:
            return _check(options, made)
        written = write_compiled(made.folder, made.compiled(options), made.emitted, force=options.force)
    except CompiledError as error:
        raise exits.CommandError(error.message, exits.FOUND, expected=error.expected, found=error.found,
                                 help=error.help) from error  # fmt: skip
    if options.format == "json":
        out(json.dumps({"format": 1, "target": made.backend.name, "folder": str(made.folder),
                        "files": [str(path) for path in written]}, indent=2) + "\n")  # fmt: skip
    elif not options.quiet:
        out("".join(f"{shown_path(path)}\n" for path in written))
    return exits.OK


class Emission:
    """What a target emitted of one spec, and the folder it belongs to."""

    def __init__(self, found: Compilation, backend: Backend, folder: Path, emitted: Emitted) -> None:
        self.found = found
        self.backend = backend
        self.folder = folder
        self.emitted = emitted

    def compiled(self, options: argparse.Namespace) -> Compiled:
        """The map of the files."""
        from mlspec.backend import Compiled

        spec = Path(os.path.abspath(self.found.path)).relative_to(self.found.project.root).as_posix()  # noqa: PTH100
        return Compiled.of(
            self.backend.name, spec, self.found.graph.spec_digest, self.emitted, options.env, self.found.params
        )  # fmt: skip


def emission(options: argparse.Namespace, output: str | None, *, verify: bool = False) -> Emission | None:
    """What the target of a command emits; None after errors were printed."""
    from mlspec.cli.backends import capability_findings, find_backend, read_options
    from mlspec.cli.failures import backend_diagnostics

    backend = find_backend(options.target)
    found = checked(options, warn=True)
    if found is None or found.spec is None or not code_may_run(options, found):
        return None
    graph = found.graph
    folder = Path(output) if output else found.project.root / "build" / backend.name / graph.spec
    root = Path(os.path.relpath(found.project.root, folder)).as_posix()
    emitted = backend.emit(graph, read_options(backend, options.option, root))
    findings = [*capability_findings(backend, graph), *emitted.findings]
    if verify and backend.verify is not None:
        findings += backend.verify(emitted)
    diagnostics = backend_diagnostics(found.spec, findings, found.policy)
    say(options, diagnostics, [str(found.path)], only_errors=True)
    if any(item.severity == "error" for item in diagnostics):
        return None
    return Emission(found, backend, folder, emitted)


def _check(options: argparse.Namespace, made: Emission) -> int:
    """Whether the folder holds exactly these files, and why not."""
    from mlspec.backend import differences

    found = differences(made.folder, made.emitted)
    if options.format == "json":
        out(
            json.dumps({"format": 1, "target": made.backend.name, "folder": str(made.folder), "differences": found}, indent=2)
            + "\n"
        )
    else:
        out("".join(f"{shown_path(made.folder / name)}: {why}\n" for name, why in sorted(found.items())))
    if found and not options.quiet:
        err(f"to write them again: mlspec compile {options.spec} --target {made.backend.name}\n")
    return exits.FOUND if found else exits.OK
